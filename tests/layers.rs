//! The files of `src`, and those of `htsession`, are layers: each imports only from those
//! below it in the table of its folder.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::path::Path;

use tree::Tree;

#[path = "../core/tests/common/tree.rs"]
mod tree;

fn sources() -> [Tree; 2] {
    ["src", "htsession/src"].map(|path| Tree(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)))
}

#[test]
fn no_file_imports_a_higher_one() {
    let [module, command] = sources();
    module.assert_layers(100);
    command.assert_layers(50);
}

#[test]
fn each_file_has_a_row_in_the_table_of_its_folder() {
    sources().iter().for_each(Tree::assert_tables);
}

#[test]
fn no_file_is_longer_than_500_lines_and_no_more_than_12_are_at_the_top() {
    sources().iter().for_each(Tree::assert_short);
}
