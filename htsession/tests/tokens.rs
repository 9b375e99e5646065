//! `inspect`, `open` and `seal`: tokens are read and made, and nothing of a token that is
//! not authentic is shown.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Folder, top};

mod common;

const SESSION: &str = "user=joe&site-pw=geheim&k=a%26b+c";

/// A folder with secrets: `keys` (a set), `words` (passphrases), `pem` (a certificate and
/// its key).
fn secrets() -> Folder {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    folder.ok(&["key", "--passphrase", "-o", "words"], "");
    let pem = top().join("core/vectors/certificates/p-256.pem");
    folder.write("pem", fs::read(pem).unwrap());
    folder
}

/// The arguments of each kind of secret and setting.
const WAYS: [&[&str]; 9] = [
    &["-k", "keys"],
    &["-k", "keys", "--cipher", "aes-128-gcm", "--purpose", "shop"],
    &["-k", "keys", "-p", "words"],
    &["-p", "words"],
    &["-p", "words", "--cipher", "3des192", "--digest", "SHA256"],
    &["-p", "words", "--cipher", "aes-192-gcm,aes256"],
    &["-c", "pem"],
    &["-c", "pem", "-K", "pem", "--purpose", "shop"],
    &["-c", "pem", "-p", "words"],
];

fn seal(folder: &Folder, way: &[&str], session: &str) -> String {
    let arguments = [&["seal"], way].concat();
    folder.ok(&arguments, session).trim_end().to_owned()
}

#[test]
fn a_session_comes_back_in_each_way() {
    let folder = secrets();
    for way in WAYS {
        let token = seal(&folder, way, SESSION);
        let raw = ["--raw", "--show-passwords"];
        for end in [&[token.as_str()][..], &["-"], &[]] {
            let arguments = [&["open"], way, &raw, end].concat();
            assert_eq!(
                folder.ok(&arguments, format!(" {token}\n")),
                SESSION,
                "{way:?}"
            );
        }
        // A new line ends the session, and is no part of it.
        let token = seal(&folder, way, &format!("{SESSION}\n"));
        let arguments = [&["open"], way, &raw, &[&token]].concat();
        assert_eq!(folder.ok(&arguments, ""), SESSION);
    }
}

#[test]
fn what_seals_is_the_set_or_else_the_certificate() {
    let folder = secrets();
    for (way, secret) in [
        (&["-k", "keys", "-p", "words", "-c", "pem"][..], "key set"),
        (&["-c", "pem", "-p", "words"], "certificate"),
        (&["-p", "words"], "passphrase"),
    ] {
        let token = seal(&folder, way, SESSION);
        assert_eq!(folder.json(&["inspect", &token], "")["secret"], secret);
    }
    // All of them open.
    let all = ["-k", "keys", "-p", "words", "-c", "pem"];
    for (way, by) in [
        (&["-k", "keys"][..], "the key "),
        (&["-c", "pem"], "the certificate pem"),
        (&["-p", "words"], "the passphrase on line 1"),
        (
            &["-p", "words", "--cipher", "aes-128-gcm"],
            "the passphrase on line 1",
        ),
    ] {
        let token = seal(&folder, way, SESSION);
        let opened = folder.json(&[&["open"], &all[..], &[&token]].concat(), "");
        assert!(
            opened["opened_by"].as_str().unwrap().starts_with(by),
            "{opened}"
        );
        assert_eq!(opened["entries"]["user"], "joe");
    }
}

/// As in httpd: a classic token carries no purpose, and is none of the purpose's unless its
/// cipher is named.
#[test]
fn a_purpose_is_in_each_token_or_its_cipher_is_named() {
    let folder = secrets();
    let purpose = ["--purpose", "shop"];
    for way in [&["-p", "words"][..], &["-k", "keys", "-p", "words"]] {
        let classic = seal(&folder, &["-p", "words"], SESSION);
        let way = [way, &purpose].concat();
        let token = seal(&folder, &way, SESSION);
        assert_eq!(
            folder.json(&["inspect", &token], "")["header"]["aud"],
            "shop"
        );
        let open = [&["open"], &way[..]].concat();
        folder.ok(&[&open[..], &[&token]].concat(), "");
        let words = "under another kind of secret or cipher";
        folder.fails(&[&open[..], &[&classic]].concat(), "", 1, words);
        let named = [&open[..], &["--cipher", "aes-256-gcm,aes256", &classic]].concat();
        folder.ok(&named, "");
    }
}

#[test]
fn passwords_are_hidden_unless_asked_for() {
    let folder = secrets();
    let token = seal(&folder, &["-k", "keys"], SESSION);
    let open = ["open", "-k", "keys", &token];
    let shown = folder.ok(&open, "");
    assert!(shown.contains("user=joe\nsite-pw=(hidden: --show-passwords shows it)\nk=a&b c\n"));
    assert!(folder.json(&open, "")["entries"]["site-pw"].is_null());
    folder.fails(
        &[&open[..], &["--raw"]].concat(),
        "",
        2,
        "the session has a password",
    );
    let open = [&open[..], &["--show-passwords"]].concat();
    assert!(folder.ok(&open, "").contains("\nsite-pw=geheim\n"));
    assert_eq!(folder.json(&open, "")["entries"]["site-pw"], "geheim");
}

#[test]
fn expiry_and_age_are_in_words() {
    let folder = secrets();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let session = |expires: u64| {
        format!(
            "expiry={expires}000000&session-crypto={}.-_v7-_v7-_v7-_v7-_v7-w&k=v",
            now - 7230
        )
    };
    let token = seal(&folder, &["-k", "keys"], &session(now + 3630));
    let shown = folder.ok(&["open", "-k", "keys", &token], "");
    for words in [
        "expires    20",
        "Z (in 1 hour",
        "began      20",
        "Z (2 hours",
        "\n\nk=v\n",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = folder.json(&["open", "-k", "keys", &token], "");
    assert_eq!(json["expires"], now + 3630);
    assert_eq!(
        (&json["expired"], &json["began"]),
        (&false.into(), &(now - 7230).into())
    );
    let token = seal(&folder, &["-k", "keys"], &session(now - 70));
    let shown = folder.ok(&["open", "-k", "keys", &token], "");
    assert!(
        shown.contains("expired    20") && shown.contains("(1 minute"),
        "{shown}"
    );
}

/// Its device is the start of the thumbprint of the example in RFC 7638, section 3.1.
#[test]
fn the_device_of_a_bound_session_is_shown() {
    let folder = secrets();
    let entry = "session-crypto=1800000000.-_v7-_v7-_v7-_v7-_v7-w";
    let device = "NzbLsXh8uDCcd-6MNwXF4Q";
    for (session, row, member) in [
        (
            format!("user=joe&{entry}.{device}"),
            true,
            serde_json::json!(device),
        ),
        (format!("user=joe&{entry}"), false, serde_json::Value::Null),
    ] {
        let token = seal(&folder, &["-k", "keys"], &session);
        let shown = folder.ok(&["open", "-k", "keys", &token], "");
        let line = format!("\ndevice     {device}\n");
        assert_eq!(shown.contains(&line), row, "{shown}");
        let json = folder.json(&["open", "-k", "keys", &token], "");
        assert_eq!(
            (&json["device"], &json["began"]),
            (&member, &1_800_000_000.into())
        );
    }
}

#[test]
fn nothing_of_a_changed_token_is_shown() {
    let folder = secrets();
    for way in WAYS {
        let token = seal(&folder, way, SESSION);
        for at in (0..token.len()).step_by(17) {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let arguments = [&["open"], way, &["--json", &changed]].concat();
            let ran = folder.run(&arguments);
            assert_eq!((ran.status, ran.output.as_str()), (1, ""), "{way:?} {at}");
            assert!(!ran.errors.contains("joe"));
        }
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let folder = secrets();
    folder.ok(&["key", "-o", "other-keys"], "");
    folder.ok(&["key", "--passphrase", "-o", "other-words"], "");
    let (keys, words) = (&["-k", "keys"][..], &["-p", "words"][..]);
    let purpose = &["-k", "keys", "--purpose", "shop"][..];
    let des = &["-p", "words", "--cipher", "3des192"][..];
    let jwe = &["-p", "words", "--cipher", "aes-256-gcm"][..];
    for (sealed, opened, says) in [
        (
            keys,
            &["-k", "other-keys"][..],
            "under a key that is not here",
        ),
        (keys, words, "under another kind of secret or cipher"),
        (words, keys, "under another kind of secret or cipher"),
        (
            words,
            &["-p", "other-words"],
            "no passphrase here authenticates the token",
        ),
        (jwe, &["-p", "other-words"], "under a key that is not here"),
        (des, words, "another cipher or digest: name them"),
        (
            purpose,
            keys,
            "another purpose: 'htsession inspect' shows it",
        ),
        (
            keys,
            purpose,
            "another purpose: 'htsession inspect' shows it",
        ),
        (
            keys,
            &["-c", "pem"],
            "under another kind of secret or cipher",
        ),
    ] {
        let token = seal(&folder, sealed, SESSION);
        folder.fails(&[&["open"], opened, &[&token]].concat(), "", 1, says);
        let ran = folder.run(&[&["open", "--json"], opened, &[&token]].concat());
        let error: serde_json::Value = serde_json::from_str(&ran.errors).unwrap();
        assert_eq!(error["status"], 1);
    }
    for (text, says) in [
        ("", "there is no token"),
        ("user=joe", "neither a JWE nor of httpd's own module"),
        ("a.b.c", "three parts, like a JWS"),
        (
            "01234567-89ab-cdef-0123-456789abcdef",
            "an id of mod_session_dbd",
        ),
    ] {
        folder.fails(&["open", "-k", "keys"], text, 1, says);
        folder.fails(&["inspect"], text, 1, says);
    }
}

#[test]
fn a_key_that_has_ended_neither_seals_nor_opens() {
    let folder = secrets();
    let token = seal(&folder, &["-k", "keys"], SESSION);
    let ended = folder
        .read("keys")
        .replace("\"iat\":", "\"exp\":1800000,\"iat\":");
    folder.write("ended", ended);
    fs::set_permissions(folder.path("ended"), fs::Permissions::from_mode(0o600)).unwrap();
    folder.fails(
        &["open", "-k", "ended", &token],
        "",
        1,
        "under a key that has ended",
    );
    folder.fails(
        &["seal", "-k", "ended"],
        SESSION,
        3,
        "'htsession rotate --lead 0' adds one",
    );
    let ran = folder.run(&["inspect", "-k", "ended", &token]);
    assert!(
        ran.output.contains("key      ended 1970-01-21T20:00:00Z"),
        "{}",
        ran.output
    );
}

#[test]
fn inspect_shows_a_token_without_a_key() {
    let folder = secrets();
    let purpose = ["-k", "keys", "--purpose", "shop"];
    let token = seal(&folder, &purpose, SESSION);
    let shown = folder.ok(&["inspect", &token], "");
    for row in [
        "format   JWE, under a key of a set\n",
        "alg      A256KW\n",
        "enc      A256GCM\n",
        "purpose  shop\n",
        "session  33 bytes\n",
        "cookie   fits, with 3,",
    ] {
        assert!(shown.contains(row), "{row}: {shown}");
    }
    let shown = folder.ok(&["inspect", "-k", "keys", &token], "");
    assert!(
        shown.ends_with("key      seals without an end\n"),
        "{shown}"
    );
    let json = folder.json(&["inspect", "-k", "keys", &token], "");
    assert_eq!(json["header"]["kid"], json["key"]["kid"]);
    assert_eq!(json["session_bytes"], serde_json::json!([33, 33]));
    folder.ok(&["key", "-o", "other"], "");
    let ran = folder.run(&["inspect", "-k", "other", &token]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.errors
            .contains("other does not have the key of the token")
    );
    let long = seal(&folder, &["-k", "keys"], &"x".repeat(4000));
    assert_eq!(folder.json(&["inspect", "-"], long)["fits_cookie"], false);
    let classic = seal(&folder, &["-p", "words"], SESSION);
    let json = folder.json(&["inspect", &classic], "");
    assert_eq!(json["format"], "classic");
}

#[test]
fn a_terminal_is_safe_from_tokens_and_sessions() {
    let folder = secrets();
    let token = seal(&folder, &["-k", "keys"], "k%1b%5b2J=%0a%1b&z=%ff");
    let shown = folder.ok(&["open", "-k", "keys", &token], "");
    assert!(
        shown.ends_with("k\\u{1b}[2J=\\n\\u{1b}\nz=\\xff\n"),
        "{shown}"
    );
}

#[test]
fn encrypted_private_keys_open_with_the_passphrases() {
    let folder = secrets();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args([
        "pkcs8",
        "-topk8",
        "-in",
        "pem",
        "-passout",
        "file:words",
        "-out",
        "locked",
    ]);
    openssl.current_dir(&folder.0);
    let ran = common::run(openssl, b"");
    assert_eq!(ran.status, 0, "{}", ran.errors);
    let pem = folder.read("pem");
    let certificate = pem.find("-----BEGIN CERTIFICATE").unwrap();
    folder.write("crt", &pem[certificate..]);
    let token = seal(&folder, &["-c", "pem"], SESSION);
    let open = ["open", "-c", "crt", "-K", "locked"];
    folder.fails(&[&open[..], &[&token]].concat(), "", 3, "locked");
    let shown = folder.ok(&[&open[..], &["-p", "words", &token]].concat(), "");
    assert!(
        shown.starts_with("opened by  the certificate crt\n"),
        "{shown}"
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let folder = secrets();
    for (arguments, status, words) in [
        (&["open"][..], 2, "required arguments were not provided"),
        (&["open", "-K", "pem"], 2, "--certificate <FILE>"),
        (
            &["open", "-k", "-"],
            2,
            "standard input can be one thing alone",
        ),
        (
            &["seal", "-p", "-"],
            2,
            "standard input can be one thing alone",
        ),
        (
            &["inspect", "-k", "-"],
            2,
            "standard input can be one thing alone",
        ),
        (
            &["open", "-k", "-", "-p", "-", "AAAA"],
            2,
            "standard input can be one thing alone",
        ),
        (&["seal", "-c", "-"], 2, "standard input can be one thing"),
        (
            &["open", "-c", "-", "AAAA"],
            2,
            "cannot be on standard input: name its file",
        ),
        (
            &["seal", "--json"],
            2,
            "\"the following required arguments were not provided: <--key-file <FILE>",
        ),
        (
            &["seal", "-k", "keys", "user=joe"],
            2,
            "invalid value 'user=joe'",
        ),
        (
            &["seal", "-k", "keys", "--cipher", "aes256"],
            2,
            "a CBC cipher needs a passphrase",
        ),
        (
            &["seal", "-c", "pem", "--cipher", "aes256"],
            2,
            "a CBC cipher needs a passphrase",
        ),
        (
            &["seal", "-k", "keys", "--purpose", ""],
            2,
            "a purpose is 1 to 128",
        ),
        (
            &["seal", "-k", "keys", "--cipher", "aes-256-ctr"],
            3,
            "'aes-256-ctr': sessions cannot",
        ),
        (
            &["seal", "-k", "keys", "--cipher", "none"],
            3,
            "'none': unknown cipher",
        ),
        (
            &["seal", "-p", "words", "--digest", "none"],
            3,
            "'none': unknown digest",
        ),
        (
            &["seal", "-k", "missing"],
            4,
            "missing cannot be read: No such file",
        ),
        (
            &["seal", "-p", "missing"],
            4,
            "missing cannot be read: No such file",
        ),
        (
            &["seal", "-c", "missing"],
            4,
            "missing cannot be read: No such file or directory\n",
        ),
        (&["seal", "-c", "words"], 3, "words has no certificate"),
        (&["seal", "-k", "words"], 3, "words is not JSON"),
        (&["nonsense"], 2, "unrecognized subcommand"),
    ] {
        folder.fails(arguments, "", status, words);
    }
    folder.fails(
        &["seal", "-k", "keys"],
        "",
        1,
        "there is no session on standard input",
    );
    folder.fails(
        &["seal", "-k", "keys"],
        "a=b\nc=d\n",
        1,
        "a line end or another control",
    );
    folder.fails(
        &["seal", "-k", "keys"],
        "x".repeat(600_000),
        1,
        "is larger than",
    );
    folder.fails(
        &["seal", "-k", "keys"],
        "x".repeat(2_000_000),
        4,
        "more than 1048576 bytes",
    );
}
