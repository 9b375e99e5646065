//! Manual pages and completions for shells, for packages and `make install`.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::failure::{Failure, Kind, Outcome, without_number};

/// Shells that have completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes all of them into a directory.
pub(super) fn run(directory: &Path) -> Outcome<()> {
    write(directory).map_err(|error| {
        let (path, words) = (directory.display(), without_number(&error));
        Failure::new(Kind::File, format!("{path} cannot be written: {words}"))
    })
}

fn write(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut command = Arguments::command();
    let mut shown = without_hidden_verbs(&command);
    for shell in SHELLS {
        generate_to(shell, &mut shown, "htsession", directory)?;
    }
    command.build();
    write_page(&command, "", directory)?;
    let mut verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    verbs.try_for_each(|verb| write_page(verb, VERB_END, directory))
}

/// The verbs and options that users see. Completions would show hidden verbs as well.
fn without_hidden_verbs(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("htsession")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(verbs.cloned())
}

/// The end of the page of a verb.
const VERB_END: &str = ".SH \"SEE ALSO\"\n\\fBhtsession\\fR(1), which has the exit statuses\n";

/// Writes one page, with `end` at its end.
fn write_page(command: &Command, end: &str, directory: &Path) -> io::Result<()> {
    let source = concat!("htsession ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone()).source(source);
    let mut text = Vec::new();
    page.render(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    // The statuses are what clap calls the extra text of the help.
    let text = text
        .replace(".SH EXTRA\nExit statuses:\n", ".SH \"EXIT STATUS\"\n")
        .replace(".SH Verbs\n", ".SH VERBS\n");
    fs::write(directory.join(page.get_filename()), format!("{text}{end}"))
}
