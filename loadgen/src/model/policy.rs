//! How requests are spread over replicas: what a proxy is supposed to do, or does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A declared balancing policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Policy {
    /// Strict turns, weighted if weights are given (in the replicas' order).
    RoundRobin {
        /// One weight per replica, or none for equal ones; 0 is a standby.
        weights: Vec<u32>,
    },
    /// Independent draws, weighted if weights are given.
    Random {
        /// As for turns.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weights: Vec<u32>,
    },
    /// To the replica with the fewest requests in flight.
    LeastConn,
    /// By a hash of something about the client or the request.
    Hash,
    /// Unknown: the balance verdict is off.
    None,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("`{0}` is no balancing policy")]
    Unknown(String),
    /// A weight that is no whole number.
    #[error(
        "`{0}` is no weight; weights are whole numbers, as in `round-robin:3,1`, and 0 is a standby"
    )]
    Weight(String),
    /// Nobody to send anything to.
    #[error("`{0}` has no replica but standbys")]
    NoWeight(String),
}

impl Policy {
    /// The share of each of `n` replicas, in the stack's order, where the policy fixes one. Weights
    /// for another number of replicas are none.
    #[must_use]
    pub fn expected_shares(&self, n: usize) -> Option<Vec<f64>> {
        match self {
            Self::RoundRobin { .. } | Self::Random { .. } => Some(shares(&self.weights(n)?)),
            Self::LeastConn | Self::Hash | Self::None => None,
        }
    }

    /// The weight of each of `n` replicas, where the policy has weights: equal ones where none were
    /// declared, or not as many as there are replicas.
    #[must_use]
    pub fn weights(&self, n: usize) -> Option<Vec<u32>> {
        let declared = self.declared_weights()?;
        Some(if declared.len() == n {
            declared.to_vec()
        } else {
            vec![1; n]
        })
    }

    /// The weights as they were declared; empty for equal ones.
    #[must_use]
    pub fn declared_weights(&self) -> Option<&[u32]> {
        match self {
            Self::RoundRobin { weights } | Self::Random { weights } => Some(weights),
            Self::LeastConn | Self::Hash | Self::None => None,
        }
    }

    /// Strict turns with equal weights.
    #[must_use]
    pub const fn round_robin() -> Self {
        Self::RoundRobin {
            weights: Vec::new(),
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, name: &str, weights: &[u32]) -> fmt::Result {
    f.write_str(name)?;
    for (place, weight) in weights.iter().enumerate() {
        write!(f, "{}{weight}", if place == 0 { ':' } else { ',' })?;
    }
    Ok(())
}

/// The part of the whole that each weight is; empty where there are none.
#[must_use]
pub fn shares(weights: &[u32]) -> Vec<f64> {
    let whole: f64 = weights.iter().copied().map(f64::from).sum();
    let share = |weight: &u32| f64::from(*weight) / whole;
    weights.iter().map(share).collect()
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text.split_once(':') {
            Some((name @ ("round-robin" | "random"), weights)) => {
                let weight = |text: &str| {
                    let weight = text.trim().parse();
                    weight.map_err(|_| PolicyError::Weight(text.to_owned()))
                };
                let weights: Vec<u32> = weights.split(',').map(weight).collect::<Result<_, _>>()?;
                if weights.iter().all(|weight| *weight == 0) {
                    return Err(PolicyError::NoWeight(text.to_owned()));
                }
                Ok(match name {
                    "random" => Self::Random { weights },
                    _ => Self::RoundRobin { weights },
                })
            }
            Some(_) => Err(PolicyError::Unknown(text.to_owned())),
            None => match text {
                "round-robin" => Ok(Self::RoundRobin {
                    weights: Vec::new(),
                }),
                "random" => Ok(Self::Random {
                    weights: Vec::new(),
                }),
                "least-conn" => Ok(Self::LeastConn),
                "hash" => Ok(Self::Hash),
                "none" => Ok(Self::None),
                _ => Err(PolicyError::Unknown(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin { weights } => named(f, "round-robin", weights),
            Self::Random { weights } => named(f, "random", weights),
            Self::LeastConn => f.write_str("least-conn"),
            Self::Hash => f.write_str("hash"),
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_as_it_is_written() {
        for text in [
            "round-robin",
            "round-robin:3,1",
            "round-robin:1,1,0",
            "random",
            "random:9,1",
            "least-conn",
            "hash",
            "none",
        ] {
            assert_eq!(
                text.parse::<Policy>().map(|policy| policy.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(
            "random:3,-1".parse::<Policy>(),
            Err(PolicyError::Weight("-1".into()))
        );
        assert_eq!(
            "round-robin:0,0".parse::<Policy>(),
            Err(PolicyError::NoWeight("round-robin:0,0".into()))
        );
        assert_eq!(
            "fair".parse::<Policy>(),
            Err(PolicyError::Unknown("fair".into()))
        );
    }
}
