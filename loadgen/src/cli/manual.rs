//! The manual page: one for everything, subcommands included, so that one file is to be installed.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::Cli;

/// The manual page, in roff of plain ASCII.
#[must_use]
pub fn manual() -> String {
    let mut command = Cli::command();
    // Gives the subcommands their full names.
    command.build();
    let man = Man::new(command.clone());
    let mut page = section(|out| man.render_title(out));
    page += &section(|out| man.render_name_section(out));
    page += &section(|out| man.render_synopsis_section(out));
    page += &section(|out| man.render_description_section(out));
    page += &section(|out| man.render_options_section(out));
    for subcommand in command.get_subcommands() {
        if subcommand.get_name() != "help" {
            page += &about(subcommand);
        }
    }
    // Examples and exit codes are lines, not running text.
    let extra = section(|out| man.render_extra_section(out));
    page += &extra.replacen(".SH EXTRA\n", ".SH EXAMPLES AND EXIT CODES\n.nf\n", 1);
    page += ".fi\n";
    page += &section(|out| man.render_version_section(out));
    ascii(&page)
}

/// A subcommand as a section with what is a section elsewhere below it.
fn about(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_about().map(ToString::to_string);
    let man = Man::new(command.clone());
    let mut page = format!(
        ".SH {}\n{}\n",
        name.to_uppercase(),
        about.unwrap_or_default()
    );
    for part in [
        section(|out| man.render_synopsis_section(out)),
        section(|out| man.render_options_section(out)),
    ] {
        // What each part opens with comes before its heading.
        page += &part.replace("\n.SH ", "\n.SS ");
    }
    page
}

fn section(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = render(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// What a typesetter without Unicode understands.
fn ascii(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            page.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(page, "\\[u{:04X}]", u32::from(c));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_holds_every_command_with_its_flags() {
        let page = manual();
        assert!(page.is_ascii());
        for text in [
            ".SH LOADGEN COMPARE",
            "max\\-regression",
            ".SH LOADGEN UP",
            "metrics\\-listen",
            ".SH EXAMPLES AND EXIT CODES\n.nf\n",
        ] {
            assert!(page.contains(text), "no {text}: {page}");
        }
        assert!(
            !page.contains("loadgen\\-up(1)"),
            "no page that is not there"
        );
        let heads = page.lines().filter(|line| line.starts_with(".SH "));
        let heads: Vec<_> = heads.collect();
        assert_eq!(
            heads.iter().filter(|head| **head == ".SH OPTIONS").count(),
            1,
            "{heads:?}"
        );
    }
}
