//! `rekey`: tokens of a database are sealed again, and those that do not open are named.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

use std::fmt::Write;

use common::Folder;
use serde_json::Value;

mod common;

const ROWS: usize = 150;

fn secrets() -> Folder {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    folder.ok(&["key", "--passphrase", "-o", "words"], "");
    folder
}

/// Lines of ids and tokens under a passphrase.
fn lines(folder: &Folder, count: usize) -> String {
    let mut lines = String::new();
    for number in 0..count {
        let session = format!("user=joe{number}");
        let cipher = ["aes256", "aes-256-gcm"][number % 2];
        let token = folder.ok(&["seal", "-p", "words", "--cipher", cipher], session);
        write!(lines, "id {number}\t{token}").unwrap();
    }
    lines
}

fn session(folder: &Folder, token: &str) -> String {
    folder.ok(&["open", "-k", "keys", "--raw", token], "")
}

#[test]
fn each_line_has_its_id_and_a_new_token() {
    let folder = secrets();
    let old = lines(&folder, 20);
    let new = folder.ok(&["rekey", "-k", "keys", "-p", "words"], &old);
    assert_eq!(new.lines().count(), 20);
    for (number, line) in new.lines().enumerate() {
        let (id, token) = line.split_once('\t').unwrap();
        assert_eq!(id, format!("id {number}"));
        assert_eq!(session(&folder, token), format!("user=joe{number}"));
    }
    // A last line without an end, and ends of Windows.
    let windows = old.replace('\n', "\r\n");
    let new = folder.ok(
        &["rekey", "-k", "keys", "-p", "words", "-"],
        windows.trim_end(),
    );
    assert_eq!(new.lines().count(), 20);
    assert!(!new.contains('\r'));
}

#[test]
fn tokens_that_do_not_open_are_named_and_left_out() {
    let folder = secrets();
    let good = lines(&folder, 2);
    let input = format!("bad\tAAAA\n{good}worse\t\n\\N\t\\N\nnul\x1b\ta.b.c.d.e\n");
    let rekey = ["rekey", "-k", "keys", "-p", "words"];
    let ran = folder.run_with(&rekey, &input);
    assert_eq!(ran.status, 1);
    let ids: Vec<_> = ran
        .output
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(ids, ["id 0", "id 1"]);
    let errors: Vec<_> = ran.errors.lines().collect();
    assert_eq!(errors.len(), 5);
    for (error, id) in errors
        .iter()
        .zip(["bad\t", "worse\t", "\\N\t", "nul\\u{1b}\t"])
    {
        assert!(error.starts_with(id), "{error}");
    }
    assert_eq!(
        errors[4],
        "htsession: 4 of 6 tokens do not open, and stay as they are"
    );
    let ran = folder.run_with(&[&rekey[..], &["--json"]].concat(), &input);
    let error: Value = serde_json::from_str(ran.errors.lines().next().unwrap()).unwrap();
    assert_eq!(error["id"], "bad");
    let line: Value = serde_json::from_str(ran.output.lines().next().unwrap()).unwrap();
    assert_eq!(line["id"], "id 0");
}

#[test]
fn only_stale_leaves_out_what_is_under_the_first_secret_and_cipher() {
    let folder = secrets();
    let old = lines(&folder, 4);
    let keys = ["rekey", "-k", "keys", "-p", "words", "--only-stale"];
    let new = folder.ok(&keys, &old);
    assert_eq!(new.lines().count(), 4);
    assert_eq!(folder.ok(&keys, &new), "");
    folder.ok(&["rotate", "keys", "--lead", "0"], "");
    assert_eq!(
        folder.ok(&keys, &new).lines().count(),
        4,
        "another key seals now"
    );
    let words = ["rekey", "-p", "words", "--only-stale", "--cipher"];
    for (cipher, stale) in [("aes256", "id 1"), ("aes-256-gcm", "id 0")] {
        let new = folder.ok(&[&words[..], &[cipher]].concat(), &old);
        assert_eq!(new.lines().count(), 2);
        assert!(new.starts_with(stale), "{cipher}: {new}");
    }
}

#[test]
fn with_old_has_what_a_comparison_needs() {
    let folder = secrets();
    let old = lines(&folder, 3);
    let rekey = ["rekey", "-k", "keys", "-p", "words", "--with-old"];
    let new = folder.ok(&rekey, &old);
    for (new, old) in new.lines().zip(old.lines()) {
        let parts: Vec<_> = new.split('\t').collect();
        assert_eq!(format!("{}\t{}", parts[0], parts[2]), old);
    }
    let line = folder.ok(&[&rekey[..], &["--json"]].concat(), &old);
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(old.contains(line["old"].as_str().unwrap()));
}

#[test]
fn certificates_give_way_to_keys() {
    let folder = secrets();
    let pem = common::top().join("core/vectors/certificates/rsa-2048.pem");
    let pem = pem.to_str().unwrap();
    let token = folder.ok(&["seal", "-c", pem], "user=joe");
    let new = folder.ok(&["rekey", "-k", "keys", "-c", pem], format!("1\t{token}"));
    let (_, token) = new.trim_end().split_once('\t').unwrap();
    assert_eq!(session(&folder, token), "user=joe");
}

#[test]
fn any_number_of_sessions_that_say_nothing_is_rekeyed() {
    let folder = secrets();
    // Each run has a salt of its own, as each token of httpd's own module has.
    let mut input = String::new();
    for number in 0..ROWS {
        let token = folder.ok(&["seal", "-p", "words"], "expiry=1800000000000000");
        write!(input, "{number}\t{token}").unwrap();
    }
    let twice = format!("{input}{input}");
    let new = folder.ok(&["rekey", "-k", "keys", "-p", "words"], twice);
    assert_eq!(new.lines().count(), ROWS.checked_mul(2).unwrap());
}

#[test]
fn input_that_is_no_table_stops_it() {
    let folder = secrets();
    let good = lines(&folder, 1);
    let rekey = ["rekey", "-k", "keys", "-p", "words"];
    let ran = folder.run_with(&rekey, format!("{good}no tab\n{good}"));
    assert_eq!(ran.status, 4);
    assert!(
        ran.errors
            .contains("line 2 has no tab between an id and a token")
    );
    folder.fails(&rekey, "\n", 4, "line 1 has no tab");
    // JSON would have another id than the database.
    let ids = [b"\xff\t".as_slice(), good.as_bytes()].concat();
    assert_eq!(folder.run_with(&rekey, &ids).status, 0);
    let json = [&rekey[..], &["--json"]].concat();
    folder.fails(&json, &ids, 4, "line 1 has an id that is not UTF-8");
    folder.fails(
        &rekey,
        "x".repeat(3_000_000),
        4,
        "a line has more than 2,097,152 bytes",
    );
    assert_eq!(folder.ok(&rekey, ""), "");
}
