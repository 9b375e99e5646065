//! Panics that `t/panics.t` plants.
//!
//! The file that `SESSION_CRYPTO_PANIC` names has one line. A place is the line of the code
//! that calls the guard or takes the lock.
//!
//! | line | effect |
//! |---|---|
//! | `list` | each place that is passed, and its moment, is added to the file `*.passed` beside it |
//! | `src/ffi/entries.rs:60 begin 1` | a panic there before the work, the first time from now on |
//! | `src/ffi/entries.rs:60 end 2` | a panic there after the work, the second time |
//! | `core/src/cache/envelopes.rs:38 held 1` | a panic under a lock that is taken there |
//!
//! A file whose panic has come is gone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// The name of the variable of the environment.
const VARIABLE: &str = "SESSION_CRYPTO_PANIC";

/// The directory of this crate, which is in that of the source.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// Surrounds work with the two moments at which it may panic. The place is the caller's.
#[track_caller]
pub fn with_planted_panics<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let place = Location::caller();
    move || {
        pass(place, "begin");
        let value = work();
        pass(place, "end");
        value
    }
}

/// Panics under a lock that is held, if the line says so. The place is the caller's.
#[track_caller]
pub(crate) fn held() {
    pass(Location::caller(), "held");
}

/// Panics if the line says so.
fn pass(place: &Location<'_>, moment: &str) {
    let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return;
    };
    let Ok(line) = fs::read_to_string(&path) else {
        return;
    };
    let here = format!("{}:{} {moment}", file(place).display(), place.line());
    if line.trim_end() == "list" {
        note(&path, &here);
    } else if let Some(count) = line.strip_prefix(&here) {
        come(&path, &here, count.trim().parse().unwrap_or(1));
    }
}

/// The file of a place, relative to the source. A compiler may name generic code of another
/// crate by its whole path: Rust 1.85 does, and 1.95 does not.
fn file<'p>(place: &'p Location<'_>) -> &'p Path {
    let file = Path::new(place.file());
    let source = Path::new(CRATE).parent();
    source
        .and_then(|source| file.strip_prefix(source).ok())
        .unwrap_or(file)
}

fn note(path: &Path, here: &str) {
    let passed = path.with_extension("passed");
    let file = OpenOptions::new().append(true).create(true).open(passed);
    // The test misses a place that is not noted.
    let _ = file.and_then(|mut file| file.write_all(format!("{here}\n").as_bytes()));
}

#[expect(clippy::panic, reason = "this is the panic that was planted")]
fn come(path: &Path, here: &str, count: u32) {
    if count > 1 {
        // The test finds that the file is still there.
        let _ = fs::write(path, format!("{here} {}\n", count.saturating_sub(1)));
    } else if fs::remove_file(path).is_ok() {
        panic!("a planted panic with a S3cr3t");
    }
}
