//! The page of the command says what the command does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::{Folder, PROGRAM, run, top};

mod common;

fn page() -> String {
    fs::read_to_string(top().join("docs/htsession.md")).unwrap()
}

/// The verbs in the help of the command.
fn verbs(folder: &Folder) -> Vec<String> {
    let help = folder.ok(&["-h"], "");
    let list = help.split("Verbs:\n").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    let names = list.lines().map(|line| line.split_whitespace().next());
    names.map(|name| name.unwrap().to_owned()).collect()
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
    let long = words.filter(|word| word.len() > 2 && word.starts_with("--"));
    long.filter(|word| !word.starts_with("---"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_verb_has_a_section() {
    let folder = Folder::new();
    let verbs = verbs(&folder);
    assert_eq!(verbs.len(), 7, "{verbs:?}");
    for verb in verbs {
        assert!(page().contains(&format!("\n## {verb}\n")), "{verb}");
    }
}

#[test]
fn the_options_of_the_page_are_those_of_the_command() {
    let folder = Folder::new();
    let mut known = BTreeSet::new();
    for verb in verbs(&folder) {
        known.extend(options(&folder.ok(&[&verb, "--help"], "")));
    }
    let said = options(&page());
    let unknown: Vec<_> = said.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    // The page need not have options with a short name, and those that clap adds.
    let short = [
        "--output",
        "--key-file",
        "--passphrase-file",
        "--certificate",
        "--certificate-key",
        "--version",
        "--help",
        "--show-passwords",
    ];
    let missing: Vec<_> = known
        .difference(&said)
        .filter(|name| !short.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_exit_statuses_of_the_page_are_those_of_the_help() {
    let folder = Folder::new();
    let help = folder.ok(&["--help"], "");
    let statuses = help.split("Exit statuses:\n").nth(1).unwrap();
    for line in statuses.lines() {
        let (status, words) = line.trim().split_once("  ").unwrap();
        assert!(
            page().contains(&format!("| {status} | {words} |\n")),
            "{line}"
        );
    }
    assert_eq!(statuses.lines().count(), 8);
}

#[test]
fn the_commands_of_the_page_run() {
    let folder = Folder::new();
    let page = page();
    let blocks = page.split("```sh\n").skip(1);
    let blocks: String = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert!(blocks.matches("htsession ").count() >= 5, "{blocks}");
    let script = blocks
        .replace(
            "/usr/local/sbin/session-passphrase",
            "cat session-passphrases",
        )
        .replace(
            "TOKEN",
            "$(echo user=joe | htsession seal -p session-passphrases)",
        )
        .replace("htsession ", &format!("{PROGRAM} "));
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script]).current_dir(&folder.0);
    let ran = run(shell, b"");
    assert_eq!((ran.status, ran.errors.as_str()), (0, ""), "{script}");
    assert!(ran.output.ends_with("\nuser=joe\n"), "{}", ran.output);
    assert_eq!(folder.names(), ["session-keys", "session-passphrases"]);
}

#[test]
fn pages_and_completions_are_written_for_each_verb() {
    let folder = Folder::new();
    folder.ok(&["generate", "made"], "");
    let mut expected: Vec<_> = verbs(&folder)
        .into_iter()
        .map(|verb| format!("htsession-{verb}.1"))
        .chain(
            [
                "_htsession",
                "htsession.1",
                "htsession.bash",
                "htsession.fish",
            ]
            .map(str::to_owned),
        )
        .collect();
    expected.sort();
    let names = fs::read_dir(folder.path("made")).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, expected);
    for name in &names {
        let text = folder.read(&format!("made/{name}"));
        assert!(!text.contains("generate"), "{name} has the hidden verb");
    }
    let (main, verb) = ("made/htsession.1", "made/htsession-rotate.1");
    assert!(folder.read(main).contains(".SH \"EXIT STATUS\"\n"));
    assert!(folder.read(verb).contains(".SH \"SEE ALSO\"\n"));
    // `apxs/install` has the verbs too.
    let install = fs::read_to_string(top().join("apxs/install")).unwrap();
    let mut list: Vec<_> = verbs(&folder)
        .iter()
        .map(|verb| format!("-{verb}"))
        .collect();
    list.sort();
    assert!(
        install.contains(&format!("for verb in '' {}; do", list.join(" "))),
        "{list:?}"
    );
    folder.fails(&["generate", "/dev/null/made"], "", 4, "cannot be written");
}
