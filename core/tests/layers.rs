//! The folders of `src` are layers: each imports only from those below it in the
//! table of `lib.rs`, and the files of no folder form a circle.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The lines of a file that import from this crate, as `folder/file` or `file`.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_folder_imports_a_higher_one() {
    let layers = layers();
    let level = |file: &str| {
        let (folder, _) = file.split_once('/')?;
        let position = layers.iter().position(|layer| layer == folder);
        Some(position.unwrap_or_else(|| panic!("{folder} is not in the table of lib.rs")))
    };
    let mut wrong = Vec::new();
    for (file, imported) in imports() {
        for import in imported {
            // The table goes down, and files beside lib.rs are below all folders.
            let is_upward = match (level(&file), level(&import)) {
                (Some(from), Some(to)) => to < from,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if is_upward {
                wrong.push(format!("{file} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "upwards: {wrong:#?}");
}

#[test]
fn the_files_form_no_circle() {
    let mut imports = imports();
    // Files that import none of the others go, and so do those that none imports:
    // circles stay.
    loop {
        let left = imports.len();
        let files: BTreeSet<_> = imports.keys().cloned().collect();
        let imported: BTreeSet<_> = imports.values().flatten().cloned().collect();
        imports.retain(|file, imports| {
            imports.retain(|import| files.contains(import));
            !imports.is_empty() && imported.contains(file)
        });
        if imports.len() == left {
            break;
        }
    }
    assert!(imports.is_empty(), "circles: {imports:#?}");
}

#[test]
fn the_table_has_each_folder() {
    let mut folders: Vec<_> = fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut layers = layers();
    folders.sort();
    layers.sort();
    assert_eq!(folders, layers);
}

#[test]
fn a_file_is_short_and_so_is_the_top() {
    let top = fs::read_dir(source())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_file())
        .count();
    assert!(top <= 12, "{top} files beside lib.rs");
    for file in files() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{}: {lines} lines", file.display());
    }
}

#[test]
fn the_table_of_a_folder_has_each_file() {
    for layer in layers() {
        let table = fs::read_to_string(source().join(&layer).join("mod.rs")).unwrap();
        for file in fs::read_dir(source().join(&layer)).unwrap() {
            let name = file.unwrap().file_name().to_string_lossy().into_owned();
            let name = name.trim_end_matches(".rs");
            let row = format!("//! | `{name}` | ");
            assert!(
                name == "mod" || table.contains(&row),
                "{layer}: no row for {name}"
            );
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The folders, from the highest to the lowest: the rows of the table in `lib.rs`.
fn layers() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let layers: Vec<_> = rows
        .map(|row| row.split('`').next().unwrap().to_owned())
        .collect();
    assert!(layers.len() >= 9, "the table of lib.rs has {layers:?}");
    layers
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![source()];
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

fn name_of(file: &Path) -> String {
    let relative = file.strip_prefix(source()).unwrap().with_extension("");
    relative.to_string_lossy().into_owned()
}

/// The files that each file imports from, its tests left out, and that of the whole
/// crate, `vectors`, too.
fn imports() -> Imports {
    let files = files();
    let names: BTreeSet<String> = files.iter().map(|file| name_of(file)).collect();
    let mut imports = Imports::new();
    for file in &files {
        let name = name_of(file);
        if name == "lib" || name == "vectors" || name.ends_with("/mod") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        let tests = ["mod ", "pub(crate) mod "].map(|module| format!("#[cfg(test)]\n{module}"));
        let ends = tests.iter().filter_map(|tests| text.find(tests));
        let code = text.get(..ends.min().unwrap_or(text.len())).unwrap();
        let mut imported = BTreeSet::new();
        for path in paths(code) {
            let mut parts = path.split("::");
            let (first, second) = (parts.next().unwrap(), parts.next().unwrap_or_default());
            let import = [format!("{first}/{second}"), first.to_owned()]
                .into_iter()
                .find(|import| names.contains(import))
                .unwrap_or_else(|| {
                    panic!("{name} imports {path}, not from the file that defines it")
                });
            if import != name {
                imported.insert(import);
            }
        }
        imports.insert(name, imported);
    }
    assert!(imports.len() > 40, "{} files", imports.len());
    imports
}

/// The paths of this crate in the code of a file, without `crate::`; of
/// documentation none.
fn paths(code: &str) -> Vec<String> {
    let lines = code.lines().map(str::trim);
    let code: String = lines
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| [line, " "])
        .collect();
    assert!(!code.contains("super::"), "a path without crate:: in it");
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code.get(at..).unwrap().strip_prefix("crate::").unwrap();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(rest.len());
        let start = rest.get(..end).unwrap();
        match (start.strip_suffix("::"), rest.get(end..)) {
            // A group: of a folder its members tell the files, of a file its items do not.
            (Some(start), Some(group)) if group.starts_with('{') && !start.contains("::") => {
                let group = group.get(1..group.find('}').unwrap()).unwrap();
                let members = group.split(',').map(str::trim).filter(|m| !m.is_empty());
                paths.extend(members.map(|member| format!("{start}::{member}")));
            }
            (Some(start), _) => paths.push(start.to_owned()),
            (None, _) => paths.push(start.to_owned()),
        }
    }
    paths
}
