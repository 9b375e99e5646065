//! Users, passwords and TLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::io::{Read, Write};
use std::net::TcpListener;

use common::redis_server::RedisServer;
use common::wait_until;
use common::web_server::{WebServer, record};
use session_crypto_agent::Authorities;

mod common;

const USER: &[&str] = &[
    "--user",
    "web",
    "on",
    ">s3cret!",
    "~session-crypto:1",
    "&session-crypto:1:*",
    "+hello",
    "+ping",
    "+select",
    "+subscribe",
    "+publish",
    "+zadd",
    "+zscan",
    "+zscore",
    "+zremrangebyscore",
    "+expireat",
];

#[test]
fn an_agent_logs_in_over_tls_with_the_rights_that_the_documentation_names() {
    let (store, certificate) = RedisServer::start_tls(USER);
    let authorities = Authorities::from_pem(&std::fs::read(certificate).unwrap()).unwrap();
    let url = format!("rediss://web:s3cret%21@localhost:{}/2", store.port);
    let one = WebServer::with(1000, &url, authorities.clone());
    let other = WebServer::with(1000, &url, authorities);
    one.wait_for_news();
    other.wait_for_news();
    let ended = record();
    one.revoke(&ended);
    wait_until("the other knows", || other.knows(&ended));
    // Some seconds, in which each command was sent.
    one.wait_for_news();
    one.wait_for_news();
    for line in one.lines() {
        assert!(line.starts_with("Complete"), "{line}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_or_for_another_host_is_refused() {
    let (store, certificate) = RedisServer::start_tls(&[]);
    let authorities = Authorities::from_pem(&std::fs::read(certificate).unwrap()).unwrap();
    for (host, authorities, words) in [
        (
            "localhost",
            Authorities::default(),
            "TLS fails: self-signed certificate",
        ),
        ("127.0.0.1", authorities, "TLS fails: IP address mismatch"),
    ] {
        let url = format!("rediss://{host}:{}", store.port);
        let one = WebServer::with(1000, &url, authorities);
        one.wait_for_line(words);
        assert_eq!(one.table.last_heard(), 0);
    }
}

#[test]
fn a_store_without_tls_is_told_from_one_with() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url().replace("redis://", "rediss://"));
    one.wait_for_line("Missing");
    let (store, _) = RedisServer::start_tls(&[]);
    let other = WebServer::new(&store.url());
    other.wait_for_line("Missing");
}

#[test]
fn a_wrong_password_is_named_and_not_shown() {
    let store = RedisServer::start(&["--requirepass", "s3cret!"]);
    let url = store.url();
    let with = |login: &str| url.replace("://", &format!("://{login}"));
    for (url, words) in [
        (url.clone(), "it answers 'NOAUTH "),
        (with(":wr0ng@"), "it answers 'WRONGPASS "),
        (with("web:wr0ng@"), "it answers 'WRONGPASS "),
    ] {
        let one = WebServer::new(&url);
        let line = one.wait_for_line(words);
        assert!(!line.contains("wr0ng"), "{line}");
    }
    let one = WebServer::new(&with(":s3cret!@"));
    one.wait_for_news();
}

/// Redis 5 answers a command that it does not know with the command's arguments.
#[test]
fn an_old_redis_that_repeats_the_password_does_not_get_it_into_the_log() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        stream
            .write_all(
                b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, \
                  `default`, `s3cret`, \r\n",
            )
            .unwrap();
        request
    });
    let one = WebServer::new(&format!("redis://:s3cret@127.0.0.1:{port}"));
    let line = one.wait_for_line("Missing");
    assert!(
        line.ends_with("it is not a Redis of version 6 or later, nor a Valkey"),
        "{line}"
    );
    assert!(!line.contains("s3cret"), "{line}");
    assert!(server.join().unwrap().contains("s3cret"));
}

#[test]
fn a_server_of_another_protocol_is_told() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    let one = WebServer::new(&format!("redis://127.0.0.1:{port}"));
    let line = one.wait_for_line("Missing");
    assert!(line.contains("it is not a Redis"), "{line}");
    server.join().unwrap();
}
