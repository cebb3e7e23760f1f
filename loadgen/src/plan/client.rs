//! How the load shows itself, as it is asked for and as it can be carried out.

use super::{PlanFields, PlanSpec, Request};
use crate::model::{Identity, Protocol, StackChoice, User, UserError, masked};

/// The header that a user is named in.
const AUTHORIZATION: &str = "authorization";

/// Why the load cannot show itself as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefused {
    /// Of a certificate and its key one alone: which, and which is missing.
    #[error("{0} is given without {1}")]
    HalfIdentity(&'static str, &'static str),
    /// A client certificate, and no TLS to show it in.
    #[error("--cert is for https:// targets, and {0} is none")]
    IdentityInTheClear(String),
    #[error("the embedded proxy speaks HTTP/1.1 alone, and --http 2 is asked for")]
    OnlyHttp1,
    #[error("--user: {0}")]
    User(UserError),
    #[error("--user and a header Authorization both say who asks")]
    TwoUsers,
    /// The name of a user whose password is not known.
    #[error("user `{0}` has no password: it is stored in no plan and no record")]
    NoPassword(String),
}

impl ClientRefused {
    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::HalfIdentity(..) => {
                "give --cert FILE --key FILE: the client's certificate, and the private key that belongs to it".into()
            }
            Self::IdentityInTheClear(_) => {
                "give --target https://…, or leave --cert and --key out".into()
            }
            Self::OnlyHttp1 => {
                "leave --http out, or give the --target of a server that speaks HTTP/2".into()
            }
            Self::User(_) => format!(
                "give --user NAME:PASSWORD, each of at most {} bytes and without control characters",
                User::LONGEST
            ),
            Self::TwoUsers => "leave out one of the two".into(),
            Self::NoPassword(name) => format!("give it anew: --user '{name}:PASSWORD'"),
        }
    }

    /// Refuses a user whose password is not known, for it is stored nowhere: a plan can be read and
    /// judged without it, and not be carried out.
    pub fn without_password(user: Option<&User>) -> Result<(), Self> {
        match user {
            Some(user) if !user.has_password() => Err(Self::NoPassword(user.name().to_owned())),
            _ => Ok(()),
        }
    }
}

impl PlanSpec {
    /// The client's certificate and its key.
    pub(super) fn identity(&self) -> Result<Option<Identity>, ClientRefused> {
        match (&self.cert, &self.key) {
            (Some(certificate), Some(key)) => Ok(Some(Identity {
                certificate: certificate.into(),
                key: key.into(),
            })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(ClientRefused::HalfIdentity("--cert", "--key")),
            (None, Some(_)) => Err(ClientRefused::HalfIdentity("--key", "--cert")),
        }
    }

    /// Says which certificate and key.
    pub(super) fn show(&mut self, identity: Option<&Identity>) {
        let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
        self.cert = identity.map(|identity| text(&identity.certificate));
        self.key = identity.map(|identity| text(&identity.key));
    }
}

/// Checks what a plan says of its client.
pub(super) fn check(plan: &PlanFields) -> Result<(), ClientRefused> {
    if let Some(user) = &plan.user {
        user.check().map_err(ClientRefused::User)?;
        if has_authorization(&plan.request) {
            return Err(ClientRefused::TwoUsers);
        }
    }
    match &plan.stack {
        StackChoice::Embedded if plan.http == Some(Protocol::Http2) => {
            Err(ClientRefused::OnlyHttp1)
        }
        StackChoice::External(external)
            if external.identity.is_some() && !external.target.starts_with("https://") =>
        {
            Err(ClientRefused::IdentityInTheClear(masked(&external.target)))
        }
        _ => Ok(()),
    }
}

fn has_authorization(request: &Request) -> bool {
    let mut names = request.headers().iter().map(|(name, _)| name);
    names.any(|name| name.eq_ignore_ascii_case(AUTHORIZATION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn spec() -> PlanSpec {
        PlanSpec {
            target: Some("https://a".into()),
            cert: Some("own.pem".into()),
            key: Some("own.key".into()),
            http: Some(Protocol::Http2),
            no_keep_alive: true,
            user: Some("me:s3cr3t".into()),
            ..PlanSpec::default()
        }
    }

    fn plan(spec: &PlanSpec) -> Plan {
        let fields = serde_json::to_value(spec).expect("JSON");
        assert!(!fields.to_string().contains("s3cr3t"), "{fields}");
        spec.resolve(&crate::plan::tests::topology())
            .expect("a plan")
    }

    #[test]
    fn what_is_shown_is_stored_and_asked_for_again_but_for_the_password() {
        let plan = plan(&spec());
        let text = serde_json::to_string(&plan).expect("JSON");
        assert!(!text.contains("s3cr3t"), "{text}");
        let read: Plan = serde_json::from_str(&text).expect("a plan");
        let again = PlanSpec::from(&read);
        let expected = PlanSpec {
            user: Some("me".into()),
            ..spec()
        };
        assert_eq!(
            (again.cert, again.key, again.http, again.no_keep_alive),
            (expected.cert, expected.key, expected.http, true)
        );
        assert_eq!(again.user, expected.user);
        let refused = ClientRefused::without_password(again.user.as_ref());
        assert_eq!(refused, Err(ClientRefused::NoPassword("me".into())));
    }

    #[test]
    fn a_plan_of_before_says_what_was_usual_then() {
        let usual = PlanSpec {
            target: Some("https://a".into()),
            ..PlanSpec::default()
        };
        let text = serde_json::to_string(&plan(&usual)).expect("JSON");
        for name in ["http\"", "keep_alive", "user", "identity"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
        let read: Plan = serde_json::from_str(&text).expect("a plan");
        assert!(read.keep_alive && read.http.is_none() && read.user.is_none());
    }
}
