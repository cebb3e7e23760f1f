//! A replica as a child process: `app` on a free loopback port.

use std::net::SocketAddr;

use super::arguments::{Arguments, Flag};
use super::child;

/// What a replica child was told.
struct Told {
    parent: i32,
    listen: Option<SocketAddr>,
    options: app::Options,
}

/// Serves `app` until the parent lets go.
pub(super) fn main(arguments: Arguments<impl Iterator<Item = String>>) -> Result<(), String> {
    let told = Told::read(arguments)?;
    child::run(told.parent, |lifeline| async move {
        let listener = child::listen(told.listen).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        child::announce(&[address])?;
        app::serve(listener, told.options, lifeline.cut())
            .await
            .map_err(|error| format!("serving on {address}: {error}"))
    })
}

impl Told {
    fn read(mut arguments: Arguments<impl Iterator<Item = String>>) -> Result<Self, String> {
        let mut told = Self {
            parent: 0,
            listen: None,
            options: app::Options::default(),
        };
        while let Some(flag) = arguments.next()? {
            match flag.name.as_str() {
                "--parent" => told.parent = flag.parse()?,
                "--listen" => told.listen = Some(flag.parse()?),
                _ => set(&mut told.options, &flag)?,
            }
        }
        Ok(told)
    }
}

/// Checks flags of `app` before a child is started with them.
pub(super) fn check(words: &[String]) -> Result<(), String> {
    let mut arguments = Arguments::new(words.to_vec());
    let mut options = app::Options::default();
    while let Some(flag) = arguments.next()? {
        set(&mut options, &flag)?;
    }
    Ok(())
}

/// The flags of `app`, under the same names.
fn set(options: &mut app::Options, flag: &Flag) -> Result<(), String> {
    match flag.name.as_str() {
        "--id" => options.id.clone_from(&flag.value),
        "--service-time" => options.service_time = Some(flag.parse()?),
        "--concurrency" => options.concurrency = Some(flag.parse()?),
        "--fail-ratio" => options.fail_ratio = flag.parse()?,
        "--seed" => options.seed = Some(flag.parse()?),
        "--miscount" => options.miscount = Some(flag.parse()?),
        _ => return Err(flag.unknown()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_words(words: &str) -> Result<(), String> {
        check(
            &words
                .split_whitespace()
                .map(ToOwned::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_flags_of_app_are_understood() {
        let words = "--id a --service-time exp:5ms --concurrency=1 --fail-ratio 0.01 --seed 7 --miscount double";
        assert_eq!(check_words(words), Ok(()));
    }

    #[test]
    fn a_flag_that_means_nothing_is_refused_with_its_text() {
        for (words, reason) in [
            ("--speed 3", "unknown flag --speed"),
            (
                "--fail-ratio 3",
                "--fail-ratio 3: `3` is not a share between 0 and 1",
            ),
            ("--seed", "--seed needs a value"),
        ] {
            assert_eq!(check_words(words), Err(reason.to_owned()));
        }
    }
}
