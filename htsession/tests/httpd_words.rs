//! The words of a passphrase file, and of a command in it, are those that httpd and APR
//! find.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashMap;
use std::process::Command;
use std::{env, fs};

use common::{Folder, run, top};
use session_crypto_core::{PassphraseFile, program_arguments};
use zeroize::Zeroizing;

mod common;

const LINES: usize = 20_000;

/// Pieces of lines, and how they go wrong.
const PIECES: [&str; 16] = [
    "\"", "'", "\\", " ", "\t", "#", "a", "b", "\\\\", "\\\"", "\\'", "\x0b", "\r", "é", "exec:",
    "x y",
];

#[test]
fn the_words_of_random_lines_are_those_of_httpd() {
    let seed = env::var("SEED").map_or(20_261_126, |seed| seed.parse().unwrap());
    let lines = lines(seed);
    let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_str()).collect();
    let expected = split_by_httpd(&texts);
    let mut counts = HashMap::new();
    for ((text, words), expected) in lines.iter().zip(&expected) {
        let (of_line, of_command) = expected.split_once('|').unwrap();
        let of_line: Vec<_> = unhex(of_line);
        let end = of_line.iter().position(|word| word.starts_with(b"#"));
        let of_line = &of_line[..end.unwrap_or(of_line.len())];
        assert!(
            words.iter().map(|word| word.as_slice()).eq(of_line.iter()),
            "{text:?}, SEED={seed}"
        );
        let command = program_arguments(text.as_bytes());
        assert_eq!(command, unhex(of_command), "{text:?}, SEED={seed}");
        *counts.entry(words.len()).or_insert(0) += 1;
    }
    assert_eq!(expected.len(), lines.len());
    assert!((0..4).all(|count| counts[&count] > 100), "{counts:?}");
}

/// Random lines that no passphrase file is refused for, each with its words.
fn lines(seed: u64) -> Vec<(String, Vec<Zeroizing<Vec<u8>>>)> {
    let mut state = seed;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut lines = Vec::new();
    while lines.len() < LINES {
        let line: String = (0..random(12))
            .map(|_| PIECES[random(PIECES.len())])
            .collect();
        let content = Zeroizing::new(line.into_bytes());
        let file = PassphraseFile::new(content, 0o600).unwrap();
        let Ok(found) = file.lines() else {
            continue;
        };
        for line in found {
            lines.push((line.text().to_str().unwrap().to_owned(), line.words()));
        }
    }
    lines
}

/// The answers of httpd and APR, from a module that is built for it.
fn split_by_httpd(lines: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    let find = Command::new(top().join("apxs/find")).output().unwrap();
    let found = String::from_utf8(find.stdout).unwrap();
    let found: HashMap<_, _> = found
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let module = folder.path("words.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&module);
    compiler.args(found["cppflags"].split_whitespace());
    for directory in ["includedir", "apr_includedir", "apu_includedir"] {
        compiler.arg(format!("-I{}", found[directory]));
    }
    compiler.arg(top().join("htsession/tests/httpd/words.c"));
    let built = run(compiler, b"");
    assert_eq!(built.status, 0, "{}", built.errors);

    let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
    folder.write("in", all);
    let configuration = format!(
        "LoadModule words_module \"{}\"\nWords \"{}\" \"{}\"\n",
        module.display(),
        folder.path("in").display(),
        folder.path("out").display()
    );
    let mut httpd = Command::new(found["httpd"]);
    httpd
        .args(["-t", "-f"])
        .arg(folder.write("httpd.conf", configuration));
    // It needs more lines to start, and not to read these.
    let said = run(httpd, b"");
    let out = fs::read_to_string(folder.path("out"));
    let out = out.unwrap_or_else(|error| panic!("{error}: {}", said.errors));
    out.lines().map(str::to_owned).collect()
}

fn unhex(words: &str) -> Vec<Vec<u8>> {
    let byte =
        |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let word = |word: &str| word.as_bytes().chunks(2).map(byte).collect();
    words.split('.').skip(1).map(word).collect()
}
