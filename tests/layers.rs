//! The files of `src` are layers: each imports only from those below it in the
//! table of its folder.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The folders with a table, and the file that has it.
const TABLES: &[(&str, &str)] = &[
    ("", "lib.rs"),
    ("check", "mod.rs"),
    ("config", "mod.rs"),
    ("ffi", "mod.rs"),
];

#[test]
fn no_file_imports_a_higher_one() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (folder, table) in TABLES {
        let layers = layers(folder, table);
        for (level, layer) in layers.iter().enumerate() {
            for file in files(&source().join(folder), layer) {
                for import in imports(&file, folder) {
                    count += 1;
                    let below = layers.iter().position(|layer| *layer == import);
                    let below = below.unwrap_or_else(|| {
                        panic!("{}: {import} is no file of {folder}", file.display())
                    });
                    if below < level {
                        wrong.push(format!("{} imports {folder}/{import}", file.display()));
                    }
                }
            }
        }
    }
    assert!(count > 100, "{count} imports");
    assert!(wrong.is_empty(), "upwards: {wrong:#?}");
}

#[test]
fn the_table_of_a_folder_has_each_file() {
    for (folder, table) in TABLES {
        let mut layers = layers(folder, table);
        let mut names: Vec<_> = fs::read_dir(source().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "rs"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "mod" && name != "lib")
            .collect();
        names.sort();
        layers.sort();
        assert_eq!(names, layers, "in {folder}/{table}");
    }
}

#[test]
fn a_file_is_short() {
    for (folder, table) in TABLES {
        for layer in layers(folder, table) {
            for file in files(&source().join(folder), &layer) {
                let lines = fs::read_to_string(&file).unwrap().lines().count();
                assert!(lines <= 500, "{}: {lines} lines", file.display());
            }
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The names in the first column of a table, from the highest to the lowest; a
/// row may have several.
fn layers(folder: &str, table: &str) -> Vec<String> {
    let text = fs::read_to_string(source().join(folder).join(table)).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.flat_map(|row| row.split('|').next().unwrap().split(','))
        .map(|name| name.trim_matches([' ', '`']).to_owned())
        .filter(|name| !name.contains('.'))
        .collect()
}

/// The files of a layer: one, or those of a folder and all in it.
fn files(folder: &Path, layer: &str) -> Vec<PathBuf> {
    let file = folder.join(layer).with_extension("rs");
    if file.is_file() {
        return vec![file];
    }
    let mut files = Vec::new();
    let mut folders = vec![folder.join(layer)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The layers of a folder that a file imports from, by paths that begin with
/// `crate::` at the top, and with `super::` in a folder.
fn imports(file: &Path, folder: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(str::trim);
    let code: String = lines.filter(|line| !line.starts_with("//")).collect();
    let start = if folder.is_empty() {
        "crate::"
    } else {
        "super::"
    };
    let mut imports = Vec::new();
    for (at, _) in code.match_indices(start) {
        let rest = code.get(at + start.len()..).unwrap();
        let names = match rest.strip_prefix('{') {
            Some(group) => members(group),
            None => vec![rest],
        };
        for name in names {
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let name = name.get(..end.unwrap_or(name.len())).unwrap();
            // httpd's own names, which `ffi/mod.rs` declares.
            if name != "bindings" {
                imports.push(name.to_owned());
            }
        }
    }
    imports
}

/// The members of a group of imports, after its `{`.
fn members(group: &str) -> Vec<&str> {
    let (mut members, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(group.get(start..at).unwrap().trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(group.get(start..at).unwrap().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}
