//! The lines and words of a passphrase file, and the words of a command in it, are those
//! that httpd and APR find.
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
use session_crypto_core::{Line, PassphraseFile, program_arguments};
use zeroize::Zeroizing;

mod common;

const FILES: usize = 20_000;

/// Pieces of files, and how they go wrong.
const PIECES: [&str; 19] = [
    "\"", "'", "\\", " ", "\t", "#", "a", "b", "\\\\", "\\\"", "\\'", "\x0b", "\r", "é", "exec:",
    "x y", "\n", "\\\n", "\\\r\n",
];

#[test]
fn the_lines_and_words_of_random_files_are_those_of_httpd() {
    let seed = env::var("SEED").map_or(20_261_126, |seed| seed.parse().unwrap());
    let files = files(seed);
    let texts: Vec<_> = files.iter().map(|(text, _)| text.as_str()).collect();
    let expected = split_by_httpd(&texts);
    let mut counts = HashMap::new();
    for ((text, lines), expected) in files.iter().zip(&expected) {
        let expected = expected.split_terminator(';');
        let expected: Vec<_> = expected.filter(|line| !line.ends_with('|')).collect();
        // httpd leaves out a last line of one backslash, which has no words.
        let lines = lines.iter().filter(|line| !line.text().is_empty());
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), expected.len(), "{text:?}, SEED={seed}");
        for (line, expected) in lines.into_iter().zip(expected) {
            let number = expected.split(['.', '|']).next().unwrap();
            let number: u32 = number.parse().unwrap();
            // httpd counts the end of a file as one more line that continues the last.
            let is_same = number
                .checked_sub(line.number)
                .is_some_and(|more| more <= 1);
            assert!(is_same, "{text:?}, SEED={seed}");
            let (of_line, of_command) = expected.split_once('|').unwrap();
            let of_line: Vec<_> = unhex(of_line);
            let end = of_line.iter().position(|word| word.starts_with(b"#"));
            let of_line = &of_line[..end.unwrap_or(of_line.len())];
            let words = line.words();
            assert!(
                words.iter().map(|word| word.as_slice()).eq(of_line.iter()),
                "{text:?}, SEED={seed}"
            );
            let command = program_arguments(line.text().to_bytes());
            assert_eq!(command, unhex(of_command), "{text:?}, SEED={seed}");
            *counts.entry(words.len()).or_insert(0) += 1;
        }
    }
    assert_eq!(expected.len(), files.len());
    assert!((0..4).all(|count| counts[&count] > 100), "{counts:?}");
}

/// Random files that are not refused, each with its lines.
fn files(seed: u64) -> Vec<(String, Vec<Line>)> {
    let mut state = seed;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut files = Vec::new();
    while files.len() < FILES {
        let text: String = (0..random(12))
            .map(|_| PIECES[random(PIECES.len())])
            .collect();
        let content = Zeroizing::new(text.clone().into_bytes());
        let file = PassphraseFile::new(content, 0o600).unwrap();
        if let Ok(lines) = file.lines() {
            files.push((text, lines));
        }
    }
    files
}

/// The answers of httpd and APR, from a module that is built for it.
fn split_by_httpd(files: &[&str]) -> Vec<String> {
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

    let hex = |text: &&str| -> String {
        let digits = text.bytes().map(|byte| format!("{byte:02x}"));
        digits.chain(["\n".to_owned()]).collect()
    };
    let all: String = files.iter().map(hex).collect();
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

/// The words after the number of a line.
fn unhex(words: &str) -> Vec<Vec<u8>> {
    let byte =
        |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let word = |word: &str| word.as_bytes().chunks(2).map(byte).collect();
    words.split('.').skip(1).map(word).collect()
}
