//! Passphrase files of the command are those of httpd, with its quotes, comments and programs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Folder;

mod common;

const SESSION: &str = "user=joe";

#[test]
fn passphrase_files_are_read_as_httpd_reads_them() {
    let folder = Folder::new();
    folder.write("program", "#!/bin/sh\necho \"$1\"\necho more\n");
    let program = folder.path("program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let file = format!(
        "\u{feff}# comment\n\n'one two' \"three\\\"four\" # not this\nlong\\\ner\n'exec:{} \"from program\"'\n",
        program.display()
    );
    folder.write("words", file);
    fs::set_permissions(folder.path("words"), fs::Permissions::from_mode(0o600)).unwrap();
    for (word, line) in [
        ("'one two'", 3),
        ("'three\"four'", 3),
        ("longer", 5),
        ("\"from program\"", 6),
    ] {
        // Its own file, and standard input in its place.
        let token = folder.ok(&["seal", "-p", "word"], session_for(&folder, word));
        let opened = folder.json(&["open", "-p", "words", token.trim_end()], "");
        assert_eq!(
            opened["opened_by"],
            format!("the passphrase on line {line}")
        );
        let open = ["open", "-p", "-", "--raw", token.trim_end()];
        assert_eq!(folder.ok(&open, word), SESSION);
    }
    for (content, words) in [
        ("", "has no passphrase in it"),
        ("# none", "has no passphrase in it"),
        ("one\n''", "line 2: a passphrase is empty"),
        (
            "{\"keys\":[{\"kty\":\"oct\"}]}",
            "name it after -k, and not after -p",
        ),
        ("'open", "line 1: a quote is not closed: end the passphrase"),
        ("a\0b", "line 1: there is a NUL byte"),
        (
            "exec:bin/program",
            "exec:bin/program is relative to httpd's ServerRoot",
        ),
        ("exec:", "exec: without a program"),
        (
            "exec:/nosuch/program",
            "exec:/nosuch/program cannot be run: No such file",
        ),
        (
            "exec:/bin/false",
            "exec:/bin/false failed with exit status: 1",
        ),
        (
            "exec:/bin/true",
            "exec:/bin/true printed nothing: it must print",
        ),
    ] {
        folder.fails(&["open", "-p", "-", "AAAA"], content, 3, words);
    }
    for (mode, words) in [(0o644, "chmod o-rwx"), (0o620, "chmod go-w")] {
        fs::set_permissions(folder.path("words"), fs::Permissions::from_mode(mode)).unwrap();
        let ran = folder.run_with(&["seal", "-p", "words"], SESSION);
        assert_eq!(ran.status, 0);
        assert!(ran.errors.contains(words), "{}", ran.errors);
    }
}

/// Writes a passphrase file of one word, and returns a session to seal.
fn session_for(folder: &Folder, word: &str) -> &'static str {
    folder.write("word", word);
    fs::set_permissions(folder.path("word"), fs::Permissions::from_mode(0o600)).unwrap();
    SESSION
}
