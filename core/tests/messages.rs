//! The messages of this crate say what is wrong; directives and advice are words of
//! the host, which knows where they apply.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words of messages that name a directive, or say what to write or to do.
const ADVICE: &[&str] = &[
    "SessionCrypto",
    "write ",
    "set ",
    "use ",
    "restart",
    "wait ",
];

#[test]
fn no_error_names_a_directive_or_gives_advice() {
    let mut count = 0;
    for file in files() {
        for message in messages(&fs::read_to_string(&file).unwrap()) {
            count += 1;
            for word in ADVICE {
                let has_word = message.match_indices(word).any(|(at, _)| {
                    let before = message.get(..at).unwrap();
                    before.is_empty() || before.ends_with([' ', '\''])
                });
                assert!(!has_word, "{}: '{word}' in '{message}'", file.display());
            }
        }
    }
    assert!(count > 50, "{count} messages");
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// The texts of `#[error("...")]` in a file.
fn messages(text: &str) -> Vec<String> {
    let attributes = text.split("#[error(").skip(1);
    let attributes = attributes.map(|rest| rest.split(")]").next().unwrap());
    attributes
        .filter_map(|attribute| attribute.split_once('"'))
        .map(|(_, message)| message.to_owned())
        .collect()
}
