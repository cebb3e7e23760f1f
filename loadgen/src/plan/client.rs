//! How the load shows itself, as it is asked for and as it can be carried out.

use super::{PlanError, PlanFields, PlanSpec, Request};
use crate::model::{Identity, Protocol, StackChoice, User, masked};

/// The header that a user is named in.
const AUTHORIZATION: &str = "authorization";

impl PlanSpec {
    /// The client's certificate and its key.
    pub(super) fn identity(&self) -> Result<Option<Identity>, PlanError> {
        match (&self.cert, &self.key) {
            (Some(certificate), Some(key)) => Ok(Some(Identity {
                certificate: certificate.into(),
                key: key.into(),
            })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(PlanError::HalfIdentity("--cert", "--key")),
            (None, Some(_)) => Err(PlanError::HalfIdentity("--key", "--cert")),
        }
    }

    /// Says which certificate and key.
    pub(super) fn show(&mut self, identity: Option<&Identity>) {
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        self.cert = identity.map(|identity| text(&identity.certificate));
        self.key = identity.map(|identity| text(&identity.key));
    }
}

impl PlanError {
    /// Refuses a user whose password is not known, for it is stored nowhere: a plan can be read and
    /// judged without it, and not be carried out.
    pub fn without_password(user: Option<&User>) -> Result<(), Self> {
        match user {
            Some(user) if !user.has_password() => Err(Self::NoPassword(user.name().to_owned())),
            _ => Ok(()),
        }
    }
}

/// Checks what a plan says of its client.
pub(super) fn check(plan: &PlanFields) -> Result<(), PlanError> {
    if let Some(user) = &plan.user {
        user.check().map_err(PlanError::User)?;
        if has_authorization(&plan.request) {
            return Err(PlanError::TwoUsers);
        }
    }
    match &plan.stack {
        StackChoice::Embedded if plan.http == Some(Protocol::Http2) => Err(PlanError::OnlyHttp1),
        StackChoice::External(external)
            if external.identity.is_some() && !external.target.starts_with("https://") =>
        {
            Err(PlanError::IdentityInTheClear(masked(&external.target)))
        }
        _ => Ok(()),
    }
}

fn has_authorization(request: &Request) -> bool {
    let mut names = request.headers().iter().map(|(name, _)| name);
    names.any(|name| name.eq_ignore_ascii_case(AUTHORIZATION))
}
