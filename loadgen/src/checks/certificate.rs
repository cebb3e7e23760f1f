//! The items of a measurement's certificate: what was observed, beside what is allowed.

use crate::record::{CertificateItem, Finding};

/// An item, and the finding where it is not in order.
pub(super) type Checked = (CertificateItem, Option<Finding>);

pub(super) fn item(
    name: &str,
    observed: impl Into<String>,
    budget: impl Into<String>,
    ok: bool,
) -> CertificateItem {
    CertificateItem {
        name: name.to_owned(),
        group: None,
        observed: observed.into(),
        budget: budget.into(),
        ok,
    }
}
