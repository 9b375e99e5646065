//! The vectors of `core/vectors`, from which the seeds come.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of `name: value` lines.
pub(crate) struct Vector {
    /// The name of the file.
    pub(crate) name: String,
    fields: HashMap<String, String>,
}

impl Vector {
    /// The value of a field that every such vector has.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.get(field).unwrap_or_else(|| panic!("no {field}"))
    }

    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// The bytes of a field in hexadecimal.
    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        let digits = self.text(field).as_bytes();
        let pair = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    pub(crate) fn token(&self) -> Vec<u8> {
        self.text("token").as_bytes().to_vec()
    }

    pub(crate) fn opens(&self) -> bool {
        self.text("outcome") == "opens"
    }
}

/// The vectors of a folder, in the order of their names.
pub(crate) fn vectors(folder: &str) -> Vec<Vector> {
    let vector = |path: &PathBuf| Vector {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        fields: fs::read_to_string(path)
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    files(folder).iter().map(vector).collect()
}

/// The files of a folder of vectors, in the order of their names.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("core/vectors").join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
