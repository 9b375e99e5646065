//! The files of `src` are layers: each imports only from those below it in the
//! table of its folder.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::path::Path;

use tree::Tree;

#[path = "../core/tests/common/tree.rs"]
mod tree;

fn source() -> Tree {
    Tree(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn no_file_imports_a_higher_one() {
    source().assert_layers();
}

#[test]
fn the_tables_have_each_file() {
    source().assert_tables();
}

#[test]
fn files_are_short_and_few_at_the_top() {
    source().assert_short();
}
