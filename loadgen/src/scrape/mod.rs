//! Reads metrics pages: text exposition to typed counters, before and after to a delta.
