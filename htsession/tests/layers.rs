//! The files of `src` are layers: each imports only from those below it in the table of
//! `lib.rs`.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]
#![allow(dead_code, reason = "the tests of other crates use all of it")]

use std::path::Path;

use tree::Tree;

#[path = "../../core/tests/common/tree.rs"]
mod tree;

fn source() -> Tree {
    Tree(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn no_file_imports_a_higher_one() {
    source().assert_layers(120);
}

#[test]
fn each_file_has_a_row_in_the_table_of_its_folder() {
    source().assert_tables();
}

#[test]
fn no_file_is_longer_than_500_lines_and_no_more_than_12_are_at_the_top() {
    source().assert_short();
}
