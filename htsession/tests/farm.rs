//! The keys of a farm, as the status pages of its servers tell.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use common::web::{Certificate, Server, http};
use common::{Folder, PROGRAM, run};

mod common;

const DAY: u64 = 86_400;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The report of a server that seals with the last key of the folder's file, whose other keys
/// opened a session so many seconds ago.
fn report(folder: &Folder, opened: u64) -> Value {
    let set: Value = serde_json::from_str(&folder.read("keys")).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let last = keys.len() - 1;
    let keys = keys.iter().enumerate().map(|(number, key)| {
        let (state, opened) = if number == last {
            ("seals", Some(now()))
        } else {
            ("opens", Some(now() - opened))
        };
        json!({
            "kind": "set", "kid": key["kid"], "place": "/etc/httpd/keys", "state": state,
            "nbf": key.get("nbf"), "exp": key.get("exp"), "since": now() - 90 * DAY,
            "sealed": 7, "opened": 8, "last_sealed": null, "last_opened": opened,
        })
    });
    let none = || json!({});
    json!({
        "version": 1, "host": "machine", "now": now(), "began": now() - 90 * DAY,
        "longest_lifetime": DAY,
        "counters": {
            "sealed": none(), "opened": none(), "stale": 0, "refused": none(), "expired": 0,
            "revoked": 0, "ended": none(),
            "errors": {"not_opened": 0, "not_sealed": 0, "unusable": 0},
            "derivations": 0, "private_key_operations": 0, "oversize": 0,
            "reloads": {"good": 0, "failed": 0},
        },
        "keys": keys.collect::<Vec<_>>(),
        "revocation": null,
    })
}

fn answer(report: &Value) -> String {
    http(
        "200 OK",
        "Content-Type: application/json\r\n",
        &report.to_string(),
    )
}

/// A folder with a file of two keys: the old one opens, and the new one seals.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    folder.ok(&["rotate", "keys", "--lead", "0", "--keep", "30d"], "");
    folder
}

/// The ids of the two keys.
fn kids(folder: &Folder) -> (String, String) {
    let shown = folder.json(&["keys", "keys"], "");
    let kid = |number: usize| shown[0]["keys"][number]["kid"].as_str().unwrap().to_owned();
    (kid(0), kid(1))
}

#[test]
fn keys_tells_what_each_server_does_with_each_key_and_whether_it_may_go() {
    let folder = folder();
    let (old, new) = kids(&folder);
    let servers =
        [3 * DAY, 2 * DAY, 4 * DAY].map(|ago| Server::with(answer(&report(&folder, ago))));
    let urls = servers.each_ref().map(Server::url);
    let arguments = [
        "keys", "keys", "--status", &urls[0], &urls[1], "--status", &urls[2],
    ];
    let shown = folder.ok(&arguments, "");
    let latest = servers[1].address;
    let expected = format!(
        "keys: 2 keys, 3 servers, a key can go after 1 day without use\n  {old}\n    opens on all 3 \
         servers\n    opened a session 2 days ago, on {latest}\n    it can go: take it out of its \
         file\n  {new}\n    seals on all 3 servers\n    opened a session "
    );
    assert!(shown.starts_with(&expected), "{shown}");
    assert!(
        shown.ends_with(&format!("    keep it: it seals\nThe key {old} can go.\n")),
        "{shown}"
    );
    for server in &servers {
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert!(
            requests[0].starts_with("GET /status?json HTTP/1.1\r\n"),
            "{}",
            requests[0]
        );
        assert!(!requests[0].to_lowercase().contains("authorization:"));
    }
    // The servers alone tell the same, but not the name of the file here.
    let shown = folder.ok(&["keys", "--status", &urls[0], &urls[1], &urls[2]], "");
    assert!(
        shown.starts_with("/etc/httpd/keys on servers: 2 keys"),
        "{shown}"
    );
    assert!(
        shown.ends_with(&format!("The key {old} can go.\n")),
        "{shown}"
    );

    let shown = folder.json(&arguments, "");
    let key = |number: usize| &shown["keys"][number];
    assert_eq!(shown["longest_lifetime"], DAY);
    assert_eq!(shown["servers"].as_array().unwrap().len(), 3);
    assert_eq!(shown["servers"][0]["troubles"], json!([]));
    assert_eq!((&key(0)["kid"], &key(1)["kid"]), (&json!(old), &json!(new)));
    assert_eq!(
        (&key(0)["may_go"], &key(1)["may_go"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&key(0)["reason"], &key(1)["reason"]),
        (&json!("unused"), &json!("seals"))
    );
    assert_eq!(key(0)["on"][2]["state"], "opens");
    assert_eq!(key(0)["on"][2]["server"], servers[2].address.to_string());
    assert_eq!(key(0)["file"], "keys");
}

#[test]
fn keys_says_what_to_wait_for() {
    let folder = folder();
    let (old, _) = kids(&folder);
    let server = Server::with(answer(&report(&folder, 3600)));
    let shown = folder.ok(&["keys", "keys", "--status", &server.url()], "");
    let words = "    keep it: it can go in 23 hours, unless it is used before then\n";
    let exact = shown.contains(words);
    assert!(
        exact || shown.contains("it can go in 22 hours 59 minutes"),
        "{shown}"
    );
    assert!(shown.ends_with("No key can go now.\n"), "{shown}");
    let shown = folder.json(&["keys", "keys", "--status", &server.url()], "");
    let key = &shown["keys"][0];
    assert_eq!(
        (&key["kid"], &key["reason"]),
        (&json!(old), &json!("in_use"))
    );
    let wait = key["wait"].as_u64().unwrap();
    assert!((23 * 3600 - 60..=23 * 3600 + 1).contains(&wait), "{wait}");
}

#[test]
fn a_server_that_is_behind_is_named() {
    let folder = folder();
    let (_, new) = kids(&folder);
    let good = Server::with(answer(&report(&folder, 3 * DAY)));
    let mut stale = report(&folder, 3 * DAY);
    stale["keys"].as_array_mut().unwrap().pop();
    stale["keys"][0]["state"] = json!("seals");
    stale["counters"]["reloads"]["failed"] = json!(1);
    let stale = Server::with(answer(&stale));
    let (good, stale) = (good.url(), stale);
    let words = format!(
        "{} is behind, it lacks the key {new} of keys: push keys to it, and wait 30 seconds; it has found a changed \
         file that it cannot use, and its error log says why",
        stale.address
    );
    let ran = folder.run(&["keys", "keys", "--status", &good, &stale.url()]);
    assert_eq!(
        (ran.status, ran.errors),
        (7, format!("htsession: {words}\n"))
    );
    assert!(
        ran.output.ends_with("No key can go now.\n"),
        "{}",
        ran.output
    );
    let ran = folder.run(&["keys", "keys", "--status", &good, &stale.url(), "--json"]);
    assert_eq!(ran.status, 7);
    let errors: Value = serde_json::from_str(&ran.errors).unwrap();
    assert_eq!(errors, json!({"error": words, "status": 7}));
    let shown: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(shown["servers"][1]["troubles"], json!([words]));
    // So is it when this host rotates.
    let before = folder.read("keys");
    folder.fails(
        &["rotate", "keys", "--status", &good, &stale.url()],
        "",
        7,
        &format!("htsession: keys stays as it is: {words}\n"),
    );
    assert_eq!(folder.read("keys"), before);
}

#[test]
fn a_rotation_ends_no_key_that_is_in_use() {
    let folder = folder();
    let server = Server::with(answer(&report(&folder, 3 * DAY)));
    let before = folder.read("keys");
    folder.fails(
        &[
            "rotate",
            "keys",
            "--lead",
            "1h",
            "--keep",
            "8h",
            "--status",
            &server.url(),
        ],
        "",
        7,
        "and sessions under it may live for 1 day 1 hour: write --keep 1d or more",
    );
    assert_eq!(folder.read("keys"), before);
    let input = folder.run_with(
        &["rotate", "-", "--keep", "8h", "--status", &server.url()],
        &before,
    );
    assert_eq!((input.status, input.output.as_str()), (7, ""));
    folder.ok(
        &[
            "rotate",
            "keys",
            "--lead",
            "1h",
            "--keep",
            "1d",
            "--status",
            &server.url(),
        ],
        "",
    );
    assert_ne!(folder.read("keys"), before);
    // Without anything to do, no server is asked.
    let count = server.requests().len();
    let rotate = [
        "rotate",
        "keys",
        "--if-older",
        "1d",
        "--status",
        &server.url(),
    ];
    folder.ok(&rotate, "");
    assert_eq!(server.requests().len(), count);
}

#[test]
fn each_failure_of_a_server_names_it_and_the_cure() {
    let folder = folder();
    // The client's end of a connection: nobody listens there, and no server can take its port.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let refused = format!("http://{}/status", client.local_addr().unwrap());
    let ran = folder.run(&["keys", "keys", "--json", "--status", &refused]);
    let shown: Value = serde_json::from_str(&ran.output).unwrap();
    assert_eq!(shown["longest_lifetime"], Value::Null);
    for key in shown["keys"].as_array().unwrap() {
        let judged = [&key["reason"], &key["next"], &key["wait"]];
        let expected = [
            &json!("unknown"),
            &json!("keep it: no server has answered"),
            &json!(null),
        ];
        assert_eq!(judged, expected);
    }
    let target = Server::with(answer(&report(&folder, 0)));
    let location = format!("Location: {}\r\n", target.url());
    let mut version = report(&folder, 0);
    version["version"] = json!(2);
    let page = |status: &str| Server::with(http(status, "", "page")).url();
    let long = "x".repeat(1024 * 1024 + 1);
    let longest = format!("{}{}", " ".repeat(1024 * 1024 - 1), "x");
    let endless = Server::that(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"8\r\n        \r\n").is_ok() {}
    });
    for (url, words) in [
        (
            refused,
            "does not answer, the connection is refused: start the server, or leave it out",
        ),
        (
            "http://no-such-host.invalid/status".to_owned(),
            "has a host that is not found",
        ),
        (
            page("401 Unauthorized"),
            "asks for a login: name a file with user:password after --user-file",
        ),
        (
            page("403 Forbidden"),
            "shows nothing to this host: let it in with 'Require ip' there",
        ),
        (
            page("404 Not Found"),
            "is not there: 'SetHandler session-crypto-status' makes such a page",
        ),
        (
            page("500 Oops"),
            "answers with the status 500: its error log says why",
        ),
        (page("204 No Content"), "answers with the status 204"),
        (
            Server::with(http("302 Found", &location, "")).url(),
            "and a redirect is not followed: name the page itself",
        ),
        (
            Server::with(http("302 Found", "Location: /\u{1b}[2J\r\n", "")).url(),
            "htsession: http",
        ),
        (
            page("200 OK"),
            "is no report in JSON: name a page of 'SetHandler session-crypto-status'",
        ),
        (
            Server::with(answer(&version)).url(),
            "is a report of version 2, and this program reads version 1: use the htsession",
        ),
        (
            Server::with(http("200 OK", "", &long)).url(),
            "answers with more than 1048576 bytes",
        ),
        (
            Server::with(http("200 OK", "", &longest)).url(),
            "is no report in JSON",
        ),
        (endless.url(), "answers with more than 1048576 bytes"),
        (
            Server::with("SSH-2.0-OpenSSH_9.9\r\n").url(),
            "does not answer in HTTP",
        ),
        (Server::with("").url(), "does not answer"),
        (
            Server::with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").url(),
            "does not answer",
        ),
    ] {
        let ran = folder.run(&["keys", "keys", "--status", &url]);
        assert_eq!(ran.status, 6, "{url}: {}", ran.errors);
        let start = format!("htsession: {url} ");
        assert!(ran.errors.starts_with(&start), "{}", ran.errors);
        assert!(ran.errors.contains(words), "{words}: {}", ran.errors);
        assert_eq!(ran.errors.lines().count(), 1, "{}", ran.errors);
        assert!(!ran.errors.contains('\u{1b}'), "{:?}", ran.errors);
        let none = "No server has answered, so no key can go now.\n";
        assert_eq!(ran.output, none, "{url}");
        let before = folder.read("keys");
        folder.fails(
            &["rotate", "keys", "--status", &url],
            "",
            6,
            &format!("keys stays as it is: {url}"),
        );
        assert_eq!(folder.read("keys"), before);
    }
    assert!(target.requests().is_empty(), "a redirect was followed");
}

#[test]
fn silent_servers_are_waited_for_at_the_same_time_and_not_for_long() {
    let folder = folder();
    let sleep = || thread::sleep(Duration::from_secs(30));
    let silent = Server::that(move |_| sleep());
    let slow = Server::that(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() && stream.flush().is_ok() {
            thread::sleep(Duration::from_millis(300));
        }
    });
    // It takes connections, and does no handshake.
    let handshake = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let tls = format!("https://{}/status", handshake.local_addr().unwrap());
    let good = Server::with(answer(&report(&folder, 0)));
    let began = Instant::now();
    let ran = folder.run(&[
        "keys",
        "keys",
        "--status",
        &silent.url(),
        &slow.url(),
        &tls,
        &good.url(),
    ]);
    let took = began.elapsed();
    assert_eq!(ran.status, 6);
    let lines: Vec<_> = ran.errors.lines().collect();
    for (line, url) in lines.iter().zip([silent.url(), slow.url(), tls]) {
        let expected = format!("htsession: {url} does not answer within 10 seconds: start");
        assert!(line.starts_with(&expected), "{line}");
    }
    assert_eq!(lines.len(), 3, "{}", ran.errors);
    assert!((9..20).contains(&took.as_secs()), "{took:?}");
    assert!(
        ran.output.contains(&format!("seals on {}\n", good.address)),
        "{}",
        ran.output
    );
}

#[test]
fn a_server_with_two_addresses_holds_all_keys() {
    let folder = folder();
    let (old, _) = kids(&folder);
    let mut report = report(&folder, 3 * DAY);
    report["id"] = "a".into();
    let [one, two] = [(); 2].map(|()| Server::with(answer(&report)));
    let ran = folder.run(&["keys", "keys", "--status", &one.url(), &two.url()]);
    assert_eq!(ran.status, 7);
    let words = format!(
        "{} and {} are one server: name each server once",
        two.address, one.address
    );
    assert!(ran.errors.contains(&words), "{}", ran.errors);
    assert!(
        ran.output.ends_with("No key can go now.\n"),
        "{}",
        ran.output
    );
    report["id"] = "b".into();
    let other = Server::with(answer(&report));
    let shown = folder.ok(&["keys", "keys", "--status", &one.url(), &other.url()], "");
    assert!(
        shown.ends_with(&format!("The key {old} can go.\n")),
        "{shown}"
    );
}

#[test]
fn a_passphrase_stays_if_a_server_may_have_it_on_another_line() {
    let folder = folder();
    let server = |lines: &[(&str, &str)]| {
        let mut report = report(&folder, 3 * DAY);
        let row = |(line, state): &(&str, &str)| {
            let mut row = report["keys"][0].clone();
            row["kind"] = "passphrase".into();
            row["kid"] = Value::Null;
            row["place"] = format!("/etc/httpd/words line {line}").into();
            row["state"] = (*state).into();
            row
        };
        report["keys"] = lines.iter().map(row).collect();
        Server::with(answer(&report))
    };
    let good = [(); 2].map(|()| server(&[("1", "seals"), ("2", "opens")]));
    let shown = folder.ok(&["keys", "--status", &good[0].url(), &good[1].url()], "");
    assert!(
        shown.ends_with("The key /etc/httpd/words line 2 can go.\n"),
        "{shown}"
    );
    let stale = server(&[("1", "seals")]);
    let shown = folder.ok(&["keys", "--status", &good[0].url(), &stale.url()], "");
    let words = format!(
        "opens on {}; may be one of several on {}\n",
        good[0].address, stale.address
    );
    assert!(shown.contains(&words), "{shown}");
    assert!(shown.ends_with("No key can go now.\n"), "{shown}");
}

#[test]
fn a_certificate_is_checked() {
    let folder = folder();
    let own = Certificate::of("127.0.0.1");
    let report = answer(&report(&folder, 3 * DAY));
    let good = Server::with_tls(&own, report.as_str());
    let other = Certificate::of("192.0.2.1");
    let wrong = Server::with_tls(&other, report.as_str());
    let clear = Server::with(report.as_str());
    folder.write("own.pem", own.pem());
    folder.write("other.pem", other.pem());
    folder.write("both.pem", [own.pem(), other.pem()].concat());
    folder.ok(
        &[
            "keys",
            "keys",
            "--ca",
            "own.pem",
            "--status",
            &good.tls_url(),
        ],
        "",
    );
    folder.ok(
        &[
            "keys",
            "keys",
            "--ca",
            "both.pem",
            "--status",
            &good.tls_url(),
        ],
        "",
    );
    for (url, ca, words) in [
        (
            good.tls_url(),
            None,
            "has a certificate that is not trusted (self",
        ),
        (
            good.tls_url(),
            None,
            "name the certificate of its authority after --ca",
        ),
        (
            good.tls_url(),
            Some("other.pem"),
            "has a certificate that is not trusted (",
        ),
        (
            wrong.tls_url(),
            Some("other.pem"),
            "has a certificate for another name",
        ),
        (clear.tls_url(), None, "does not speak TLS ("),
        (good.url(), None, "does not answer"),
    ] {
        let ca = ca.map(|file| ["--ca", file]);
        let mut arguments = vec!["keys", "keys", "--status", &url];
        arguments.extend(ca.into_iter().flatten());
        let ran = folder.run(&arguments);
        assert_eq!(ran.status, 6, "{}", ran.errors);
        assert!(
            ran.errors.starts_with(&format!("htsession: {url} ")),
            "{}",
            ran.errors
        );
        assert!(ran.errors.contains(words), "{words}: {}", ran.errors);
    }
    folder.write("words", "no certificate");
    for (file, status, words) in [
        ("words", 3, "words has no certificate in PEM: name the file"),
        ("missing", 4, "missing cannot be read"),
    ] {
        folder.fails(
            &["keys", "--status", &good.tls_url(), "--ca", file],
            "",
            status,
            words,
        );
    }
}

#[test]
fn a_login_comes_from_a_file_and_goes_to_no_other_host_in_clear() {
    let folder = folder();
    let server = Server::with(answer(&report(&folder, 3 * DAY)));
    let login = folder.write("login", "joe:pass:word\n");
    std::fs::set_permissions(&login, PermissionsExt::from_mode(0o600)).unwrap();
    folder.ok(
        &[
            "keys",
            "keys",
            "--user-file",
            "login",
            "--status",
            &server.url(),
        ],
        "",
    );
    let requests = server.requests();
    let sent = "authorization: basic am9lonbhc3m6d29yza==";
    assert!(requests[0].to_lowercase().contains(sent), "{}", requests[0]);
    let refusing = Server::with(http("401 Unauthorized", "", ""));
    let ran = folder.run(&[
        "keys",
        "keys",
        "--user-file",
        "login",
        "--status",
        &refusing.url(),
    ]);
    assert_eq!(ran.status, 6);
    assert!(
        ran.errors
            .contains("refuses the login of login: write the right one into it"),
        "{}",
        ran.errors
    );
    folder.fails(
        &[
            "keys",
            "keys",
            "--user-file",
            "login",
            "--status",
            "http://192.0.2.1/status",
        ],
        "",
        2,
        "http://192.0.2.1/status would get the password in clear: write it with https://",
    );
    for (content, status) in [("joe", 3), ("", 3), ("joe:a\nb:c\n", 3), ("joe:\u{1}", 3)] {
        folder.write("login", content);
        let arguments = ["keys", "--user-file", "login", "--status", &server.url()];
        folder.fails(&arguments, "", status, "login has no login: write one line");
    }
    folder.fails(&["keys", "keys", "--user-file", "login"], "", 2, "--status");
    let ran = folder.run(&["keys", "--status", "https://joe:secret@127.0.0.1/status"]);
    assert_eq!(ran.status, 2);
    assert!(!ran.errors.contains("secret"), "{}", ran.errors);
    assert!(ran.errors.contains("--user-file"), "{}", ran.errors);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let folder = folder();
    let (server, proxy) = (Server::with(answer(&report(&folder, 0))), Server::with(""));
    let mut command = Command::new(PROGRAM);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    command.args(["keys", "keys", "--status", &server.url()]);
    let ran = {
        command.current_dir(&folder.0);
        run(command, b"")
    };
    assert_eq!(ran.status, 0, "{}", ran.errors);
    assert!(proxy.requests().is_empty());
}
