//! What the proxy is supposed to do with requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A declared balancing policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Policy {
    /// Strict turns, weighted if weights are given (in the replicas' order).
    RoundRobin {
        /// One weight per replica, or none for equal ones.
        weights: Vec<u32>,
    },
    /// Independent draws.
    Random,
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
    /// An unknown name.
    #[error("`{0}` is no balancing policy")]
    Unknown(String),
    /// A weight that is not a whole number from 1.
    #[error("`{0}` is no weight; weights are whole numbers from 1, as in `round-robin:3,1`")]
    Weight(String),
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text.split_once(':') {
            Some(("round-robin", weights)) => {
                let weight = |text: &str| match text.trim().parse() {
                    Ok(weight) if weight > 0 => Ok(weight),
                    _ => Err(PolicyError::Weight(text.to_owned())),
                };
                let weights = weights.split(',').map(weight).collect::<Result<_, _>>()?;
                Ok(Self::RoundRobin { weights })
            }
            Some(_) => Err(PolicyError::Unknown(text.to_owned())),
            None => match text {
                "round-robin" => Ok(Self::RoundRobin {
                    weights: Vec::new(),
                }),
                "random" => Ok(Self::Random),
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
            Self::RoundRobin { weights } if weights.is_empty() => f.write_str("round-robin"),
            Self::RoundRobin { weights } => {
                let weights: Vec<_> = weights.iter().map(ToString::to_string).collect();
                write!(f, "round-robin:{}", weights.join(","))
            }
            Self::Random => f.write_str("random"),
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
            "random",
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
            "round-robin:3,0".parse::<Policy>(),
            Err(PolicyError::Weight("0".into()))
        );
        assert_eq!(
            "fair".parse::<Policy>(),
            Err(PolicyError::Unknown("fair".into()))
        );
    }
}
