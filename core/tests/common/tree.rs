//! The sources of a crate, whose tables name its layers; for the tests of layers of all
//! crates.
//!
//! The table of a folder is at the head of its `mod.rs`, and the table of a crate at the
//! head of its `lib.rs`. A row is for one or more files and folders.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of a crate.
pub(crate) struct Tree(pub(crate) PathBuf);

/// The most lines of a file.
const MOST_LINES: usize = 500;

/// The most files beside `lib.rs`.
const MOST_FILES: usize = 12;

impl Tree {
    /// Fails if a file imports from one above it in the table of their folder, or if there
    /// are fewer imports than `least`: then they were not found.
    pub(crate) fn assert_layers(&self, least: usize) {
        let (mut wrong, mut count) = (Vec::new(), 0);
        for folder in self.folders() {
            let layers = self.layers(&folder);
            let table = self.shown(&self.table(&folder));
            for (level, layer) in layers.iter().enumerate() {
                for file in self.files(&folder, layer) {
                    for import in imports(&file, &folder) {
                        count += 1;
                        let other = layers.iter().position(|layer| *layer == import);
                        let reason = match other {
                            Some(other) if other >= level => continue,
                            Some(_) => format!("which is above it in the table of {table}"),
                            None if import == "super" => {
                                "twice: write crate:: in place of super::super::".to_owned()
                            }
                            None => format!(
                                "which has no row in the table of {table}: \
                                 import from the file that defines it"
                            ),
                        };
                        wrong.push(format!("{} imports {import}, {reason}", self.shown(&file)));
                    }
                }
            }
        }
        assert!(count >= least, "{count} imports");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Fails if a table lacks a file of its folder, or has another one.
    pub(crate) fn assert_tables(&self) {
        for folder in self.folders() {
            let mut layers = self.layers(&folder);
            let mut names = self.names(&folder);
            names.sort();
            layers.sort();
            let table = self.shown(&self.table(&folder));
            assert_eq!(names, layers, "files in the folder, and rows of {table}");
        }
    }

    /// Fails if a file is too long, or if there are too many beside `lib.rs`.
    pub(crate) fn assert_short(&self) {
        let top = self.names(Path::new("")).into_iter();
        let top = top.filter(|name| !self.0.join(name).is_dir()).count();
        assert!(top <= MOST_FILES, "{top} files beside lib.rs");
        for file in all(&self.0) {
            let lines = read(&file).lines().count();
            assert!(lines <= MOST_LINES, "{}: {lines} lines", self.shown(&file));
        }
    }

    /// The folders that have a table: first the crate's own, and then each folder in it.
    fn folders(&self) -> Vec<PathBuf> {
        let inner = self.names(Path::new("")).into_iter().map(PathBuf::from);
        let inner = inner.filter(|name| self.0.join(name).is_dir());
        [PathBuf::new()].into_iter().chain(inner).collect()
    }

    /// The names of the files and folders in a folder.
    fn names(&self, folder: &Path) -> Vec<String> {
        fs::read_dir(self.0.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() || is_rust(path))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "mod" && name != "lib")
            .collect()
    }

    /// The names in the table of a folder, from the highest to the lowest. The first name
    /// of a row is the highest of the row. A name with an ending is a file that is not
    /// Rust, and has no layer.
    pub(crate) fn layers(&self, folder: &Path) -> Vec<String> {
        let text = read(&self.table(folder));
        let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
        rows.flat_map(|row| row.split('|').next().unwrap().split(','))
            .map(|name| name.trim_matches([' ', '`']).to_owned())
            .filter(|name| !name.contains('.'))
            .collect()
    }

    /// The file with the table of a folder.
    fn table(&self, folder: &Path) -> PathBuf {
        let name = if folder.as_os_str().is_empty() {
            "lib.rs"
        } else {
            "mod.rs"
        };
        self.0.join(folder).join(name)
    }

    /// A path below the root of the repository, which has `Cargo.lock`.
    pub(crate) fn shown(&self, file: &Path) -> String {
        let mut folders = self.0.ancestors();
        let root = folders.find(|folder| folder.join("Cargo.lock").is_file());
        let file = file.strip_prefix(root.unwrap()).unwrap();
        file.display().to_string()
    }

    /// The files of a layer: a single file, or all files in a folder.
    fn files(&self, folder: &Path, layer: &str) -> Vec<PathBuf> {
        let path = self.0.join(folder).join(layer);
        if path.is_dir() {
            all(&path)
        } else {
            vec![path.with_extension("rs")]
        }
    }
}

/// The Rust files in a folder and in its folders.
pub(crate) fn all(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all(&path));
        } else if is_rust(&path) {
            files.push(path);
        }
    }
    files
}

/// The code of a file without its comments and without its tests.
pub(crate) fn code(file: &Path) -> String {
    let text = read(file);
    let tests = ["mod ", "pub(crate) mod "].map(|module| format!("#[cfg(test)]\n{module}"));
    let ends = tests.iter().filter_map(|tests| text.find(tests));
    let code = text.get(..ends.min().unwrap_or(text.len())).unwrap();
    let lines = code.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with("//"))
        .flat_map(|line| [line, " "])
        .collect()
}

/// The names in a folder that a file imports from. For a whole crate, they follow
/// `crate::`; for a folder, they follow `super::` or the folder's own path.
fn imports(file: &Path, folder: &Path) -> Vec<String> {
    let is_table = file.file_name().is_some_and(|name| name == "mod.rs");
    if is_table || file.ends_with("vectors.rs") {
        return Vec::new();
    }
    let starts = match folder.to_str().unwrap() {
        "" => vec!["crate::".to_owned()],
        folder => vec!["super::".to_owned(), format!("crate::{folder}::")],
    };
    let code = code(file);
    let mut imports = Vec::new();
    for start in starts {
        for (at, _) in code.match_indices(&start) {
            if code.get(..at).unwrap().ends_with("super::") {
                continue;
            }
            let rest = code.get(at + start.len()..).unwrap();
            let paths = match rest.strip_prefix('{') {
                Some(group) => members(group),
                None => vec![rest],
            };
            let names = paths.into_iter().map(first_name);
            // `bindings` has the names of the host's API; a folder's `mod.rs` declares it.
            imports.extend(names.filter(|name| name != "bindings"));
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
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.push(group.get(start..at).unwrap().trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

fn first_name(path: &str) -> String {
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    path.get(..end.unwrap_or(path.len())).unwrap().to_owned()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}
