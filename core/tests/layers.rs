//! The files of `src` are layers. A file imports only from the files below it in the
//! table of its folder, and each thing from the file that defines it.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::path::Path;

use tree::Tree;

#[path = "common/tree.rs"]
mod tree;

fn source() -> Tree {
    Tree(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn no_file_imports_a_higher_one() {
    source().assert_layers(100);
}

#[test]
fn each_file_has_a_row_in_the_table_of_its_folder() {
    source().assert_tables();
}

#[test]
fn no_file_is_longer_than_500_lines_and_no_more_than_12_are_at_the_top() {
    source().assert_short();
}

/// Imports through `lib.rs` or a folder's `mod.rs` would hide circles.
#[test]
fn imports_name_the_file_that_defines_a_thing() {
    let source = source();
    for file in tree::all(&source.0) {
        let (code, shown) = (tree::code(&file), source.shown(&file));
        let file = file.strip_prefix(&source.0).unwrap();
        if file.ends_with("mod.rs") || file.ends_with("lib.rs") || file.ends_with("vectors.rs") {
            continue;
        }
        let is_from_root = !code.contains("super::");
        assert!(is_from_root, "{shown}: write crate:: in place of super::");
        for (at, _) in code.match_indices("crate::") {
            let rest = code.get(at + "crate::".len()..).unwrap();
            let end = rest.find(|c: char| !(c.is_alphanumeric() || "_:{".contains(c)));
            let path = rest.get(..end.unwrap_or(rest.len())).unwrap();
            let mut parts = path.split("::");
            let (first, second) = (parts.next().unwrap(), parts.next().unwrap_or_default());
            let folder = source.0.join(first);
            let is_file = folder.with_extension("rs").is_file()
                || folder.join(second).with_extension("rs").is_file()
                || (folder.is_dir() && second.starts_with('{'));
            assert!(
                is_file,
                "{shown}: crate::{path} does not name a file: import from the file that defines it"
            );
        }
    }
}
