//! Turns evidence into findings and a verdict: balance, the three books, validity, thresholds.
//!
//! **Invariant:** pure. No network, no clock, no printing; the same evidence gives the same words.

mod judgement;

pub use judgement::{
    Balance, BalanceVerdict, BookVerdict, CrossCheck, Finding, GroupJudgement, Judgement, Residual,
    Severity, Status, ThresholdResult, Verdict,
};
