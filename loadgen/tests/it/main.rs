//! The binary as people use it, and the rooms that need a whole process: what is typed, printed
//! and left, stacks on this machine, the engine by itself, and ground truth.
//!
//! One program for all of it, because linking costs more than running. The machine may be busy:
//! counts, identities, codes and words are asserted, and how long something took only against what
//! is measured beside it, or from the side on which a busy machine cannot make it wrong.

#[path = "../support/mod.rs"]
mod support;
use support::{found, judged, program, reading, run, schema, server as fake, transport};

mod again;
mod architecture;
mod bad_input;
mod clients;
mod codes;
mod coming_from;
mod compared;
mod door;
mod embedded;
mod engine;
mod errors;
mod events;
mod examples;
mod hostile;
mod interrupted;
mod kubelet;
mod lost;
mod metrics;
mod misbehaviour;
mod mix;
mod oracles;
mod pages;
mod peers;
mod replay;
mod routes;
mod search;
mod secure;
mod session;
mod shown;
mod stack_embedded;
mod stack_unreachable;
mod terminal;
mod told;
mod user;
mod workers;
