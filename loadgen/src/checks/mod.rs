//! Turns evidence into findings and a verdict: balance, the three books, validity, thresholds.
//!
//! **Invariant:** pure. No network, no clock, no printing; the same evidence gives the same words.

mod balance;
mod books;
mod codes;
mod connections;
mod evidence;
mod finding;
mod judgement;
mod laps;
mod outage;
mod preflight;
mod statistics;
mod thresholds;
mod validity;

pub use balance::tail_shares;
pub use codes::CODES;
pub use evidence::{Evidence, Machine};
pub use judgement::{
    Balance, BalanceVerdict, BookVerdict, BucketedQuantile, Certificate, CertificateItem,
    ClassCount, CrossCheck, Finding, GroupJudgement, Judgement, Residual, ServerTime, Severity,
    Status, ThresholdResult, Verdict,
};
pub use preflight::preflight;

/// Weighs everything that was seen.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    let mut findings = evidence.preflight.to_vec();
    let mut groups = Vec::new();
    for group in evidence.groups() {
        let books = books::judge(&group, &mut findings);
        let balance = balance::judge(&group, &books, &mut findings);
        connections::judge(&group, &mut findings);
        let server_time = books::server_time(&group, &books.crosscheck, &mut findings);
        groups.push(GroupJudgement {
            host: group.host.to_owned(),
            balance,
            crosscheck: books.crosscheck,
            server_time,
            tail_share: tail_shares(group.tally),
        });
    }
    let thresholds = thresholds::judge(evidence, &groups, &mut findings);
    let certificate = validity::judge(evidence, &groups, &mut findings);
    // Stable: within a severity the order of discovery stays.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Judgement {
        verdict: verdict(&findings, evidence.recording.interrupted),
        findings,
        groups,
        thresholds,
        certificate,
    }
}

/// Invalid wins over fail, and an interruption is told apart by its exit code.
fn verdict(findings: &[Finding], interrupted: bool) -> Verdict {
    let worst = findings.iter().map(|finding| finding.severity).max();
    let (status, exit_code) = match worst {
        _ if interrupted => (Status::Invalid, 130),
        Some(Severity::Invalid) => (Status::Invalid, 4),
        Some(Severity::Failure) => (Status::Fail, 99),
        _ => (Status::Pass, 0),
    };
    Verdict { status, exit_code }
}

#[cfg(test)]
mod tests;
