//! Every target takes its seeds, changed seeds, and the inputs that once showed a mistake.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use session_crypto_fuzz::{TARGETS, Target};

/// Changes of each seed.
const CHANGES: usize = 24;

#[test]
fn every_target_takes_its_seeds() {
    for_all(|target| {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty());
        for seed in seeds {
            replay(target, &seed);
        }
    });
}

#[test]
fn every_target_takes_changed_seeds() {
    for_all(|target| {
        let mut random = Random(20_261_126);
        for seed in (target.seeds)() {
            for _ in 0..CHANGES {
                replay(target, &random.changed(&seed));
            }
        }
    });
}

#[test]
fn every_target_takes_the_inputs_that_once_showed_a_mistake() {
    for_all(|target| {
        for file in files(&folder("findings").join(target.name)) {
            replay(target, &fs::read(file).unwrap());
        }
    });
}

#[test]
fn each_target_has_a_file_for_libfuzzer_a_paragraph_and_no_other_is_there() {
    let names: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    for place in ["fuzz_targets", "src/targets"] {
        let files = files(&folder(place)).into_iter().map(stem);
        let files: BTreeSet<_> = files.filter(|name| name != "mod").collect();
        assert_eq!(files, names, "{place}");
    }
    let page = fs::read_to_string(folder("README.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| row.split_once("` |"));
    let rows: BTreeSet<_> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(rows, names, "README.md");
    let known = |name: &String| names.contains(name);
    assert!(
        files(&folder("findings"))
            .into_iter()
            .map(stem)
            .all(|name| known(&name))
    );
}

/// Calls `check` for each target, two at a time.
fn for_all(check: impl Fn(&Target) + Sync) {
    thread::scope(|scope| {
        for first in 0..2 {
            let check = &check;
            scope.spawn(move || TARGETS.iter().skip(first).step_by(2).for_each(check));
        }
    });
}

/// Runs a target, and names the input if it fails.
fn replay(target: &Target, input: &[u8]) {
    struct Named<'i>(&'i Target, &'i [u8]);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                eprintln!(
                    "{:?} fails for {:?}",
                    self.0,
                    self.1.escape_ascii().to_string()
                );
            }
        }
    }
    let _named = Named(target, input);
    (target.run)(input);
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The files of a folder, if there is one.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Numbers that are the same in each run (Knuth's linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1);
        (self.0 >> 33) as usize % count.max(1)
    }

    /// A seed with a bit flipped, a byte gone or twice, or its end cut off.
    fn changed(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut changed = seed.to_vec();
        let at = self.below(seed.len());
        if seed.is_empty() {
            return vec![self.below(256) as u8];
        }
        match self.below(4) {
            0 => changed[at] ^= 1 << self.below(8),
            1 => changed.truncate(at),
            2 => changed.insert(at, seed[self.below(seed.len())]),
            _ => {
                changed.remove(at);
            }
        }
        changed
    }
}
