//! A password that stands in a file, where an engine mounts it, and in no command line.

use std::path::Path;

use super::UsageError;
use crate::input::{self, Limit};
use crate::model::User;
use crate::plan::PlanSpec;

/// Gives the plan's user the password that is the first line of a file.
pub fn take_password(spec: &mut PlanSpec, file: &Path) -> Result<(), UsageError> {
    let Some(user) = spec.user.take() else {
        return Err(UsageError::new(
            "--password-file is given, and the plan names no user",
            "leave it out, or give the plan a user: user = \"me\"",
        ));
    };
    let name = file.display();
    let text = input::read_text(file, Limit::PASSWORD).map_err(|reason| {
        let usual = "give --password-file a file whose first line is the password";
        UsageError::new(
            format!("password file {name} cannot be read: {reason}"),
            reason.hint().unwrap_or_else(|| usual.into()),
        )
    })?;
    let Some(password) = text.lines().next() else {
        return Err(UsageError::new(
            format!("password file {name} is empty"),
            "write the password into it, as its first line",
        ));
    };
    spec.user = Some(User::new(user.name().to_owned(), Some(password.to_owned())));
    Ok(())
}

/// What a file holds that begins as JSON does, which no plan file can; nothing where it is another
/// one, is longer than a job may be, or cannot be read.
#[must_use]
pub fn json_of(file: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut from = input::open(file, Limit::JOB).ok()?;
    let mut first = [0];
    from.read_exact(&mut first).ok()?;
    if first != *b"{" {
        return None;
    }
    input::read(file, Limit::JOB).ok()
}
