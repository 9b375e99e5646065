//! httpd itself, which splits files into lines and words.
//!
//! A process of httpd runs beside the target for as long as that, with the module of
//! `htsession/tests/httpd/words.c`.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use crate::oracle::vectors::root;

/// A line of a file, as httpd has it.
pub(crate) struct Line {
    pub(crate) number: u32,
    pub(crate) words: Vec<Vec<u8>>,
    /// The words of a command, as APR has them.
    pub(crate) arguments: Vec<Vec<u8>>,
}

impl Line {
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

struct Httpd {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Ends when its input ends.
    _child: Child,
}

static HTTPD: LazyLock<Mutex<Httpd>> = LazyLock::new(|| Mutex::new(start()));

/// The lines of a file without NUL bytes.
pub(crate) fn lines(text: &[u8]) -> Vec<Line> {
    let mut httpd = HTTPD.lock().unwrap();
    let digit = |number: u8| b"0123456789abcdef"[usize::from(number)];
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    let mut question: Vec<u8> = text.iter().flat_map(digits).collect();
    question.push(b'\n');
    httpd.input.write_all(&question).unwrap();
    let mut answer = String::new();
    httpd.output.read_line(&mut answer).unwrap();
    assert!(answer.ends_with('\n'), "httpd has ended");
    let lines = answer.trim_end().split_terminator(';');
    lines.map(line).collect()
}

fn line(text: &str) -> Line {
    let (words, arguments) = text.split_once('|').unwrap();
    let (number, _) = words.split_once('.').unwrap_or((words, ""));
    Line {
        number: number.parse().unwrap(),
        words: unhex(words),
        arguments: unhex(arguments),
    }
}

fn unhex(words: &str) -> Vec<Vec<u8>> {
    let byte =
        |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    let word = |word: &str| word.as_bytes().chunks(2).map(byte).collect();
    words.split('.').skip(1).map(word).collect()
}

/// Builds the module, and starts httpd with a configuration that never ends.
fn start() -> Httpd {
    let folder = std::env::temp_dir().join(format!("session-crypto-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let found = Command::new(root().join("apxs/find")).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let lines = found.lines().filter_map(|line| line.split_once('='));
    let found: HashMap<_, _> = lines.collect();
    let module = folder.join("words.so");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&module);
    compiler.args(found["cppflags"].split_whitespace());
    for directory in ["includedir", "apr_includedir", "apu_includedir"] {
        compiler.arg(format!("-I{}", found[directory]));
    }
    compiler.arg(root().join("htsession/tests/httpd/words.c"));
    assert!(compiler.status().unwrap().success());
    let configuration = folder.join("httpd.conf");
    let text = format!(
        "LoadModule words_module \"{}\"\nWords /dev/stdin /dev/stdout\n",
        module.display()
    );
    fs::write(&configuration, text).unwrap();
    let mut child = Command::new(found["httpd"])
        .args(["-t", "-f"])
        .arg(&configuration)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut httpd = Httpd {
        input: child.stdin.take().unwrap(),
        output: BufReader::new(child.stdout.take().unwrap()),
        _child: child,
    };
    // After an answer, httpd needs the folder no more.
    httpd.input.write_all(b"\n").unwrap();
    httpd.output.read_line(&mut String::new()).unwrap();
    fs::remove_dir_all(folder).unwrap();
    httpd
}
