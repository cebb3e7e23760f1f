//! Runs that never were, for tests and benches: the same seed gives the same run everywhere.
//!
//! Not part of what is shipped: compiled for tests, and where the feature `synthetic` asks for it.

mod crew;
mod noise;
mod records;
mod run;
mod scene;

pub use crew::Crew;
pub use noise::Noise;
pub use records::{
    clean, endless, failed, hostile, invalid, mix, no_answers, one_second, overloaded, pages,
    short, ten_minutes, ten_minutes_scene, timed, two_groups, two_routes,
};
pub use run::{Fate, Run, Setup};
pub use scene::Scene;
