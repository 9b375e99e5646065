//! Writes the seeds of all targets: `cargo run --example seeds FOLDER`. Each target has a
//! folder in it.

use std::path::PathBuf;
use std::{env, fs};

use session_crypto_fuzz::TARGETS;

fn main() {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.expect("the argument is a folder");
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (seed, number) in (target.seeds)().iter().zip(1..) {
            fs::write(folder.join(format!("seed-{number:03}")), seed).unwrap();
        }
    }
}
