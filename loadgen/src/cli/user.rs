//! Who asks, as people type it: `--user NAME:PASSWORD`, or in front of a URL's host. What is typed is
//! kept without the password.

use super::UsageError;
use crate::model::{MASK, User, masked};
use crate::plan::PlanSpec;

const FLAG: &str = "--user";
const HINT: &str = "give --user NAME:PASSWORD";

/// The command as it was typed, passwords masked.
#[must_use]
pub fn command() -> Vec<String> {
    without_passwords(std::env::args())
}

fn without_passwords(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_user = false;
    let mask = |word: String| {
        let was_user = std::mem::replace(&mut is_user, word == FLAG);
        let given = word
            .strip_prefix(FLAG)
            .and_then(|rest| rest.strip_prefix('='));
        match given {
            _ if was_user => mask_pair(&word),
            Some(pair) => format!("{FLAG}={}", mask_pair(pair)),
            None => masked(&word),
        }
    };
    words.map(mask).collect()
}

fn mask_pair(pair: &str) -> String {
    match pair.split_once(':') {
        Some((name, _)) => format!("{name}:{MASK}"),
        None => MASK.to_owned(),
    }
}

/// Reads what follows `--user`. Where it is none, it is not told: it may be a password.
pub(super) fn user(text: &str) -> Result<User, UsageError> {
    let user = User::from(text);
    if user.has_password() {
        Ok(user)
    } else {
        Err(UsageError::new(
            "--user is no NAME:PASSWORD: there is no colon in it",
            HINT,
        ))
    }
}

/// Takes a user out of the target's URL, where one stands before its host.
pub(super) fn take_from_target(spec: &mut PlanSpec) -> Result<(), UsageError> {
    let Some((target, user)) = spec.target.as_deref().and_then(split) else {
        return Ok(());
    };
    if let Some(other) = &spec.user {
        return Err(UsageError::new(
            format!("the target's URL names user `{user}`, and --user `{other}`"),
            "leave out one of the two",
        ));
    }
    (spec.target, spec.user) = (Some(target), Some(user));
    Ok(())
}

/// `http://NAME:PASSWORD@host` as `http://host` and who asks.
fn split(url: &str) -> Option<(String, User)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (who, host) = rest[..end].rsplit_once('@')?;
    let (name, password) = match who.split_once(':') {
        Some((name, password)) => (name, Some(decoded(password))),
        None => (who, None),
    };
    let target = format!("{scheme}://{host}{}", &rest[end..]);
    Some((target, User::new(decoded(name), password)))
}

/// With every `%` and two digits as the byte that they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = (after.first_chunk::<2>()).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        let (byte, following) = match byte.filter(|_| *first == b'%') {
            Some(byte) => (byte, &after[2..]),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = following;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_command_is_kept_without_its_passwords() {
        for (typed, kept) in [
            ("--user me:pw --rps 5", "--user me:*** --rps 5"),
            ("--user=me:p:w x", "--user=me:*** x"),
            ("--user nocolon", "--user ***"),
            ("http://me:pw@a:80/x", "http://me:***@a:80/x"),
            (
                "--replica g=http://me:pw@a --user-agent a:b",
                "--replica g=http://me:***@a --user-agent a:b",
            ),
        ] {
            let masked = without_passwords(words(typed).into_iter());
            assert_eq!(masked, words(kept), "{typed}");
        }
    }

    #[test]
    fn a_user_in_a_url_is_taken_out_of_it() {
        let taken = |target: &str| {
            let mut spec = PlanSpec {
                target: Some(target.to_owned()),
                ..PlanSpec::default()
            };
            take_from_target(&mut spec).expect("one user");
            let pair = spec.user.and_then(|user| user.authorization());
            (spec.target.unwrap_or_default(), pair)
        };
        let (target, pair) = taken("http://m%65:p%3aw%@a:80");
        assert_eq!(target, "http://a:80");
        let expected = User::from("me:p:w%").authorization();
        assert_eq!(pair, expected);
        assert_eq!(taken("http://a:80/@b"), ("http://a:80/@b".to_owned(), None));
        let mut both = PlanSpec {
            target: Some("http://me:pw@a".to_owned()),
            user: Some("you:pw".into()),
            ..PlanSpec::default()
        };
        let error = take_from_target(&mut both).expect_err("two users");
        assert!(!error.to_string().contains("pw"), "{error}");
        assert!(
            !user("secret")
                .expect_err("no pair")
                .to_string()
                .contains("secret")
        );
    }
}
