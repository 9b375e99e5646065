//! `key`, `rotate` and `keys`: sets of keys are made, rotated and shown.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use common::{Folder, PROGRAM, run};
use serde_json::Value;

mod common;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn key(text: &str) -> String {
    format!(r#"{{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA",{text}}}"#)
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn keys(folder: &Folder, file: &str) -> Vec<Value> {
    let shown = folder.json(&["keys", file], "");
    shown[0]["keys"].as_array().unwrap().clone()
}

#[test]
fn a_new_set_has_one_key_that_seals_now() {
    let folder = Folder::new();
    let set: Value = serde_json::from_str(&folder.ok(&["key"], "")).unwrap();
    let key = &set["keys"][0];
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&key["kty"], &key["alg"]),
        (&"oct".into(), &"A256KW".into())
    );
    assert_eq!(key["k"].as_str().unwrap().len(), 43);
    assert!(now().abs_diff(key["iat"].as_u64().unwrap()) < 60);
    let made = folder.json(&["key", "-o", "keys"], "");
    assert_eq!(keys(&folder, "keys")[0]["kid"], made["kid"]);
    assert_eq!(keys(&folder, "keys")[0]["now"], "seals");
    let words = folder.ok(&["key", "-o", "more"], "");
    assert!(words.starts_with("more: the key "), "{words}");
    assert!(!words.contains(folder.read("more").split("\"k\":\"").nth(1).unwrap()));
}

#[test]
fn all_keys_and_passphrases_differ() {
    let count = env::var("HTSESSION_KEYS").map_or(200, |count| count.parse().unwrap());
    let folder = Folder::new();
    let (mut ids, mut secrets, mut passphrases) = (HashSet::new(), HashSet::new(), HashSet::new());
    for _ in 0..count {
        let set: Value = serde_json::from_str(&folder.ok(&["key"], "")).unwrap();
        assert!(ids.insert(set["keys"][0]["kid"].to_string()));
        assert!(secrets.insert(set["keys"][0]["k"].to_string()));
    }
    for _ in 0..count / 10 {
        assert!(passphrases.insert(folder.ok(&["key", "--passphrase"], "")));
    }
    assert_eq!((ids.len(), secrets.len()), (count, count));
}

#[test]
fn a_passphrase_is_thirty_two_bytes_of_base64() {
    let folder = Folder::new();
    let passphrase = folder.ok(&["key", "--passphrase"], "");
    assert_eq!(passphrase.len(), 45);
    let json = folder.json(&["key", "--passphrase"], "");
    assert_eq!(json["passphrase"].as_str().unwrap().len(), 44);
    let words = folder.ok(&["key", "--passphrase", "-o", "file"], "");
    assert_eq!(words, "file: a passphrase of 32 random bytes\n");
    assert_eq!(folder.read("file").len(), 45);
}

#[test]
fn a_new_file_is_its_owners_alone_whatever_the_umask() {
    let folder = Folder::new();
    for (name, umask) in [("open", "000"), ("usual", "022"), ("none", "777")] {
        let mut command = Command::new("sh");
        let script = format!("umask {umask}; {PROGRAM} key -o {name}");
        command.args(["-c", &script]).current_dir(&folder.0);
        assert_eq!(run(command, b"").status, 0);
        let mode = fs::metadata(folder.path(name)).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600, "{umask}");
    }
    assert_eq!(folder.names(), ["none", "open", "usual"]);
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let folder = Folder::new();
    folder.write("file", "content");
    symlink("nowhere", folder.path("link")).unwrap();
    for name in ["file", "link"] {
        for more in [&[][..], &["--passphrase"]] {
            let arguments = [&["key", "-o", name], more].concat();
            folder.fails(&arguments, "", 4, "is there already");
        }
    }
    assert_eq!(folder.read("file"), "content");
    assert_eq!(folder.names(), ["file", "link"]);
    folder.fails(
        &["key", "-o", "no/file"],
        "",
        4,
        "no/file cannot be made: No such file",
    );
}

#[test]
fn a_rotation_adds_a_key_and_ends_the_older_ones() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let first = keys(&folder, "keys")[0]["kid"].clone();
    let done = folder.json(&["rotate", "keys", "--lead", "2h", "--keep", "10d"], "");
    let shown = keys(&folder, "keys");
    let begins = done["nbf"].as_u64().unwrap();
    assert!((now() + 2 * HOUR).abs_diff(begins) < 60);
    assert_eq!(done["older_end"], begins + 10 * DAY);
    assert_eq!(shown[0]["kid"], first);
    assert_eq!(shown[0]["exp"], begins + 10 * DAY);
    assert_eq!(
        (&shown[0]["now"], &shown[0]["then"]),
        (&"seals".into(), &"opens".into())
    );
    assert_eq!(shown[1]["kid"], done["kid"]);
    assert_eq!(
        (&shown[1]["now"], &shown[1]["then"]),
        (&"waits".into(), &"seals".into())
    );
    assert_eq!(shown[1]["until"], begins);
    // The defaults, and words.
    folder.ok(&["key", "-o", "other"], "");
    let words = folder.ok(&["rotate", "other"], "");
    assert!(
        words.contains("(in 1 hour)") && words.contains("(in 30 days 1 hour)"),
        "{words}"
    );
}

#[test]
fn a_rotation_drops_keys_that_have_ended() {
    let folder = Folder::new();
    let ended = key(&format!(r#""kid":"ended","exp":{}"#, now() - 5));
    let old = key(&format!(r#""kid":"old","exp":{}"#, now() + HOUR));
    folder.write("keys", set(&[ended, old]));
    fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    let done = folder.json(&["rotate", "keys", "--lead", "0"], "");
    assert_eq!(done["dropped"], serde_json::json!(["ended"]));
    let shown = keys(&folder, "keys");
    assert_eq!(shown.len(), 2);
    assert!(
        shown[0]["exp"].as_u64().unwrap() <= now() + HOUR,
        "an earlier end stays"
    );
    assert_eq!(shown[1]["now"], "seals");
}

#[test]
fn if_older_makes_a_rotation_that_cron_may_repeat() {
    let folder = Folder::new();
    let old = key(&format!(r#""kid":"old","iat":{}"#, now() - 90 * DAY));
    folder.write("keys", set(&[old]));
    fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    let rotate = ["rotate", "keys", "--if-older", "90d"];
    assert_eq!(folder.json(&rotate, "")["rotated"], true);
    let rotated = folder.read("keys");
    for _ in 0..3 {
        assert_eq!(folder.json(&rotate, "")["rotated"], false);
    }
    assert!(folder.ok(&rotate, "").contains("stays the newest"));
    assert_eq!(folder.read("keys"), rotated);
    // A key without any date may be of any age.
    folder.write("dateless", set(&[key(r#""kid":"dateless""#)]));
    fs::set_permissions(folder.path("dateless"), fs::Permissions::from_mode(0o600)).unwrap();
    let rotate = ["rotate", "dateless", "--if-older", "90d"];
    assert_eq!(folder.json(&rotate, "")["rotated"], true);
}

#[test]
fn a_rotation_from_standard_input_goes_to_standard_output() {
    let folder = Folder::new();
    let first = folder.ok(&["key"], "");
    let second = folder.ok(&["rotate", "-"], &first);
    let set: Value = serde_json::from_str(&second).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        folder.ok(&["rotate", "-", "--if-older", "1d"], &second),
        second
    );
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_rotation_leaves_no_time_without_a_key_that_seals() {
    let folder = Folder::new();
    for (name, dates, lead, is_left) in [
        ("ends", format!(r#""exp":{}"#, now() + HOUR), "2h", true),
        (
            "ends",
            format!(r#""exp":{}"#, now() + 3 * HOUR),
            "2h",
            false,
        ),
        ("ended", format!(r#""exp":{}"#, now() - HOUR), "1h", true),
        ("ended", format!(r#""exp":{}"#, now() - HOUR), "0", false),
        ("begins", format!(r#""nbf":{}"#, now() + HOUR), "2h", true),
    ] {
        let old = set(&[key(&format!(r#""kid":"{name}",{dates}"#))]);
        folder.write("keys", &old);
        fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600)).unwrap();
        let rotate = ["rotate", "keys", "--lead", lead];
        if is_left {
            folder.fails(&rotate, "", 3, "keys would have no key that seals from 20");
            assert_eq!(folder.read("keys"), old);
        } else {
            folder.ok(&rotate, "");
        }
    }
}

/// A host that starts without a clock is in 1970, where all other hosts have long ended the
/// keys.
#[test]
fn a_clock_that_is_behind_rotates_nothing() {
    let folder = Folder::new();
    for (made, is_right) in [(now() + 60, true), (now() + 2 * HOUR, false)] {
        folder.write("keys", set(&[key(&format!(r#""kid":"a","iat":{made}"#))]));
        fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600)).unwrap();
        let old = folder.read("keys");
        if is_right {
            folder.ok(&["rotate", "keys"], "");
        } else {
            folder.fails(&["rotate", "keys"], "", 3, "with a clock that is behind");
            folder.fails(&["rotate", "-"], &old, 3, "with a clock that is behind");
            assert_eq!(folder.read("keys"), old);
        }
    }
}

#[test]
fn a_rotation_refuses_what_it_cannot_keep() {
    let folder = Folder::new();
    let full: Vec<_> = (0..64)
        .map(|number| key(&format!(r#""kid":"k{number}""#)))
        .collect();
    for (name, content, status, words) in [
        ("full", set(&full), 3, "has 64 keys already"),
        ("empty", String::new(), 3, "is empty"),
        ("json", "{".to_owned(), 3, "is not JSON (line 1, column 1)"),
        (
            "short",
            set(&[key(r#""kid":"a""#).replace("AAAA", "")]),
            3,
            "bytes",
        ),
        ("large", " ".repeat(200_000), 3, "is larger than"),
    ] {
        folder.write(name, &content);
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        folder.fails(&["rotate", name], "", status, words);
        assert_eq!(folder.read(name), content);
    }
    folder.fails(
        &["rotate", "missing"],
        "",
        4,
        "missing cannot be read: No such file",
    );
    folder.fails(&["rotate", "/"], "", 4, "/ is not a file");
    for (arguments, words) in [
        (
            &["--lead", "soon"][..],
            "not a number with one of the units",
        ),
        (&["--keep", "4000d"], "longer than ten years"),
        (&["--if-older", "-1d"], "unexpected argument"),
    ] {
        folder.fails(&[&["rotate", "full"], arguments].concat(), "", 2, words);
    }
    assert_eq!(folder.names().len(), 5);
}

#[test]
fn keys_shows_all_files_although_one_is_wrong() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "good"], "");
    let later = key(&format!(r#""kid":"later","nbf":{}"#, now() + HOUR));
    folder.write("later", set(&[later]));
    folder.write("wrong", "{}");
    for name in ["later", "wrong"] {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let ran = folder.run(&["keys", "wrong", "missing", "later", "good"]);
    assert_eq!(ran.status, 3);
    assert!(
        ran.output
            .contains("later: 1 key\n  later  A128KW  waits until "),
        "{}",
        ran.output
    );
    assert!(
        ran.output.contains("seals without an end"),
        "{}",
        ran.output
    );
    for words in [
        "htsession: wrong is not a JWK Set",
        "htsession: missing cannot be read",
        "htsession: later has no key that has begun and not ended: 'htsession rotate --lead 0' adds one",
    ] {
        assert!(ran.errors.contains(words), "{}", ran.errors);
    }
    let ran = folder.run(&["keys", "wrong", "good", "--json"]);
    assert_eq!(ran.status, 3);
    let shown: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(shown[0]["file"], "good");
    let error: Value = serde_json::from_str(&ran.errors).unwrap();
    assert_eq!(error["status"], 3);
    let good = folder.read("good");
    assert!(folder.ok(&["keys", "-"], good).starts_with("-: 1 key\n"));
}

#[test]
fn a_set_that_others_may_read_is_warned_of() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o644)).unwrap();
    const WORDS: &str = "keys may be read by every user of this host: take that right away";
    let ran = folder.run(&["keys", "keys"]);
    assert_eq!(ran.status, 0);
    let line = format!("htsession: {WORDS}");
    assert!(ran.errors.starts_with(&line), "{}", ran.errors);
    // Before an error too, each line is JSON.
    for (name, status) in [("keys", 0), ("wrong", 3)] {
        folder.write("wrong", "{}");
        let ran = folder.run(&["keys", "--json", "keys", name]);
        assert_eq!(ran.status, status);
        let lines = ran.errors.lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let warnings = lines.iter().filter_map(|line| line["warning"].as_str());
        assert_eq!(warnings.count(), 2, "{}", ran.errors);
        assert!(lines[0]["warning"].as_str().unwrap().starts_with(WORDS));
        let errors = lines.iter().filter(|line| line["error"].is_string());
        assert_eq!(errors.count(), usize::from(status != 0));
    }
}
