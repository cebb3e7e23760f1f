//! The machine the generator runs on, as far as a run depends on it.

use serde::{Deserialize, Serialize};

/// What the kernel tells; what it does not tell is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Environment")]
pub struct Machine {
    /// Cores this process may use.
    pub cpus: u32,
    /// Kernel name and release.
    pub kernel: String,
    /// The kernel's clock source; `unknown` where it does not say.
    pub clocksource: String,
    /// The processor's name.
    #[serde(default)]
    pub cpu_model: String,
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// The most open files; 0 when unknown.
    #[serde(default)]
    pub open_files_limit: u64,
    /// The first and the last ephemeral port.
    #[serde(default)]
    pub ephemeral_ports: Option<(u16, u16)>,
}
