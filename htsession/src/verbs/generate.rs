//! Manual pages and completions for shells, for packages and `make install`.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

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
    for shell in SHELLS {
        generate_to(shell, &mut command, "htsession", directory)?;
    }
    clap_mangen::generate_to(command, directory)
}
