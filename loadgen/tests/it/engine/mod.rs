//! The engine with transports that do as they are told: what it plans, sends, waits for and counts.
//!
//! The machine may be busy: counts and identities are exact, and times are only ever asserted from
//! the side on which a busy machine cannot make them wrong.

mod connections;
mod interrupted;
mod set_up;
mod traps;
mod workers;
