//! Records reach all servers, whatever happens to the store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::net::TcpListener;
use std::time::Duration;

use common::redis_server::{RedisServer, free_port};
use common::web_server::{WebServer, now, record, records};
use common::{wait, wait_until};
use session_crypto_core::Record;

mod common;

#[test]
fn a_server_knows_what_another_one_has_ended() {
    let store = RedisServer::start(&[]);
    let (one, other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    one.wait_for_news();
    other.wait_for_news();
    let mut times = Vec::new();
    for ended in records(50) {
        one.revoke(&ended);
        let time = wait(Duration::from_secs(10), || other.knows(&ended));
        times.push(time.expect("the other server knows"));
    }
    times.sort();
    // Half of them, because a busy machine may stop any process for a while.
    assert!(times[25] < Duration::from_millis(100), "{times:?}");
}

#[test]
fn a_server_that_starts_later_knows_all_records() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url());
    let ended = records(5000);
    ended.iter().for_each(|ended| one.revoke(ended));
    wait_until("the store has them", || {
        store.ask::<usize>(&["ZCARD", "session-crypto:1"]) > ended.len()
    });
    let other = WebServer::new(&store.url());
    other.wait_for_news();
    assert!(other.know(&ended));
    other.wait_for_line("Complete { records: 5000, after: None }");
}

#[test]
fn the_store_keeps_hashes_and_times_alone_and_ends_by_itself() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url());
    let ended = record();
    one.revoke(&ended);
    let text = format!("s{}.{}.{}", ended.id, ended.before, ended.until);
    wait_until("the record and the end are set", || {
        let members: Vec<String> = store.ask(&["ZRANGE", "session-crypto:1", "0", "-1"]);
        let (marks, records): (Vec<_>, Vec<_>) =
            members.iter().partition(|text| text.starts_with("agent:"));
        let end: i64 = store.ask(&["TTL", "session-crypto:1"]);
        marks.len() == 1 && records == [&text] && end > 3600
    });
    let keys: Vec<String> = store.ask(&["KEYS", "*"]);
    assert_eq!(keys, ["session-crypto:1"]);
}

#[test]
fn a_store_that_comes_later_gets_what_waits() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    let one = WebServer::new(&url);
    let ended = records(10);
    ended.iter().for_each(|ended| one.revoke(ended));
    let line = one.wait_for_line("Missing");
    assert!(line.contains("since: None"), "{line}");
    assert!(
        line.ends_with("it cannot be reached: Connection refused"),
        "{line}"
    );
    let store = RedisServer::start_on(port, &[]);
    let other = WebServer::new(&url);
    wait_until("the other knows", || other.know(&ended));
    one.wait_for_line("after: Some");
    drop(store);
}

#[test]
fn a_store_that_was_killed_and_comes_back_empty_gets_all_records_again() {
    let mut store = RedisServer::start(&[]);
    let (one, other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    let before = records(1200);
    before.iter().for_each(|ended| one.revoke(ended));
    wait_until("the other knows", || other.know(&before));
    store.kill();
    let meanwhile = records(10);
    meanwhile.iter().for_each(|ended| one.revoke(ended));
    let line = one.wait_for_line("Missing");
    assert!(line.contains("since: Some"), "{line}");
    assert!(one.know(&before) && one.know(&meanwhile));
    store.start_again();
    wait_until("the other knows", || other.know(&meanwhile));
    one.wait_for_line("after: Some");
    let third = WebServer::new(&store.url());
    wait_until("a new server knows", || {
        third.know(&before) && third.know(&meanwhile)
    });
}

#[test]
fn a_server_that_reads_an_emptied_store_first_learns_the_rest_later() {
    let mut store = RedisServer::start(&[]);
    let mut one = WebServer::new(&store.url());
    let before = records(1200);
    before.iter().for_each(|ended| one.revoke(ended));
    wait_until("the store has them", || {
        store.ask::<usize>(&["ZCARD", "session-crypto:1"]) > before.len()
    });
    one.end_agent();
    store.kill();
    store.start_again();
    let third = WebServer::new(&store.url());
    third.wait_for_news();
    assert!(!third.know(&before));
    one.start_agent();
    wait_until("the new server knows", || third.know(&before));
}

#[test]
fn a_store_that_hangs_gets_what_waits_when_it_goes_on() {
    let store = RedisServer::start(&[]);
    let (one, other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    one.wait_for_news();
    other.wait_for_news();
    store.freeze();
    let ended = records(10);
    ended.iter().for_each(|ended| one.revoke(ended));
    let line = one.wait_for_line("Missing");
    assert!(line.ends_with("it does not answer"), "{line}");
    assert!(!other.knows(&ended[0]));
    store.thaw();
    wait_until("the other knows", || other.know(&ended));
    one.wait_for_line("after: Some");
    other.wait_for_news();
}

#[test]
fn a_store_that_is_emptied_gets_all_records_again() {
    let store = RedisServer::start(&[]);
    let (one, other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    let ended = records(700);
    ended.iter().for_each(|ended| one.revoke(ended));
    wait_until("the other knows", || other.know(&ended));
    drop(other);
    store.ask::<String>(&["FLUSHALL"]);
    let more = record();
    one.revoke(&more);
    one.wait_for_line("Emptied { records: 70");
    let third = WebServer::new(&store.url());
    wait_until("a new server knows", || {
        third.know(&ended) && third.knows(&more)
    });
}

#[test]
fn a_full_store_takes_the_records_when_it_has_room_and_running_servers_know_at_once() {
    let store = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    let (one, other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    one.wait_for_news();
    other.wait_for_news();
    let first = record();
    one.revoke(&first);
    wait_until("the other knows the first", || other.knows(&first));
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "1"]);
    let ended = records(1100);
    ended.iter().for_each(|ended| one.revoke(ended));
    let line = one.wait_for_line("Waiting");
    assert!(line.contains("it answers 'OOM "), "{line}");
    wait_until("the other knows", || other.know(&ended));
    let third = WebServer::new(&store.url());
    third.wait_for_news();
    assert!(third.knows(&first) && !third.knows(&ended[0]));
    one.wait_for_news();
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "0"]);
    one.wait_for_line("Taken");
    third.wait_for_line("Taken");
    wait_until("the store has them", || {
        store.ask::<usize>(&["ZCARD", "session-crypto:1"]) >= ended.len() + 4
    });
    let fourth = WebServer::new(&store.url());
    fourth.wait_for_news();
    assert!(fourth.know(&ended));
}

#[test]
fn a_full_store_that_is_emptied_gets_all_records_again() {
    let store = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    let one = WebServer::new(&store.url());
    let ended = records(20);
    ended.iter().for_each(|ended| one.revoke(ended));
    wait_until("the store has them", || {
        store.ask::<usize>(&["ZCARD", "session-crypto:1"]) > ended.len()
    });
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "1"]);
    one.revoke(&record());
    one.wait_for_line("Waiting");
    store.ask::<String>(&["FLUSHALL"]);
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "0"]);
    one.wait_for_line("Emptied");
    let other = WebServer::new(&store.url());
    wait_until("a new server knows", || other.know(&ended));
}

#[test]
fn a_store_that_was_full_and_emptied_gets_all_records_of_a_server_that_came_meanwhile() {
    let store = RedisServer::start(&["--maxmemory-policy", "noeviction"]);
    let one = WebServer::new(&store.url());
    let ended = records(20);
    ended.iter().for_each(|ended| one.revoke(ended));
    wait_until("the store has them", || {
        store.ask::<usize>(&["ZCARD", "session-crypto:1"]) > ended.len()
    });
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "1"]);
    let late = WebServer::new(&store.url());
    late.wait_for_line("Waiting");
    drop(one);
    store.ask::<String>(&["FLUSHALL"]);
    late.wait_for_news();
    late.wait_for_news();
    let lines = late.lines();
    assert!(
        !lines.iter().any(|line| line.contains("Emptied")),
        "{lines:?}"
    );
    store.ask::<String>(&["CONFIG", "SET", "maxmemory", "0"]);
    late.wait_for_line("Emptied { records: 20 }");
    let other = WebServer::new(&store.url());
    wait_until("a new server knows", || other.know(&ended));
}

#[test]
fn a_listener_that_never_answers_does_not_stop_the_agent() {
    for scheme in ["redis", "rediss"] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut one = WebServer::new(&format!("{scheme}://127.0.0.1:{port}"));
        let line = one.wait_for_line("Missing");
        assert!(line.ends_with("it does not answer"), "{line}");
        one.end_agent();
        assert_eq!(one.lines().len(), 1, "one line a minute: {:?}", one.lines());
    }
}

#[test]
fn an_agent_sends_what_was_added_before_its_end() {
    let store = RedisServer::start(&[]);
    let mut one = WebServer::new(&store.url());
    one.wait_for_news();
    let ended = records(3000);
    ended.iter().for_each(|ended| one.revoke(ended));
    one.end_agent();
    let other = WebServer::new(&store.url());
    other.wait_for_news();
    assert!(other.know(&ended));
}

#[test]
fn an_agent_goes_on_where_another_one_has_ended() {
    let store = RedisServer::start(&[]);
    let (mut one, mut other) = (WebServer::new(&store.url()), WebServer::new(&store.url()));
    one.wait_for_news();
    other.wait_for_news();
    one.end_agent();
    other.end_agent();
    let ended = records(10);
    ended.iter().for_each(|ended| one.revoke(ended));
    one.start_agent();
    other.start_agent();
    wait_until("the other knows", || other.know(&ended));
}

#[test]
fn what_is_not_a_record_does_no_harm() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url());
    one.wait_for_news();
    for text in ["", "\n\n", "nonsense", "s.1.2", "agent:1"] {
        store.ask::<usize>(&["ZADD", "session-crypto:1", "1e12", &format!("{text}?")]);
        store.ask::<usize>(&["PUBLISH", "session-crypto:1:0", text]);
    }
    let ended = record();
    let message = format!("?\ns{}.{}.{}\n\n", ended.id, ended.before, ended.until);
    store.ask::<usize>(&["PUBLISH", "session-crypto:1:0", &message]);
    wait_until("the record counts", || one.knows(&ended));
    let other = WebServer::new(&store.url());
    other.wait_for_news();
    assert!(one.lines().iter().all(|line| line.starts_with("Complete")));
}

#[test]
fn an_end_in_the_far_future_does_not_count() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url());
    one.wait_for_news();
    let (near, far) = (record(), record());
    let publish = |ended: &Record, before: u64| {
        let until = ended.until + 100 * 86_400;
        let message = format!("u{}.{before}.{until}", ended.id);
        store.ask::<usize>(&["PUBLISH", "session-crypto:1:0", &message]);
    };
    publish(&far, now() + 2 * 86_400);
    let ahead = now() + 3600;
    publish(&near, ahead);
    wait_until("clocks may differ", || {
        one.table.ended_before(&near.id, now()) == Some(ahead)
    });
    assert_eq!(one.table.ended_before(&far.id, now()), None);
}

#[test]
fn more_messages_than_are_read_at_once_are_read() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&store.url());
    one.wait_for_news();
    let ended = records(5000);
    let mut connection = store.connection();
    let mut messages = redis::Pipeline::new();
    for ended in &ended {
        let text = format!("s{}.{}.{}", ended.id, ended.before, ended.until);
        messages.cmd("PUBLISH").arg("session-crypto:1:0").arg(text);
    }
    messages.query::<Vec<usize>>(&mut connection).unwrap();
    wait_until("all count", || one.know(&ended));
}

#[test]
fn channels_of_other_databases_are_not_heard() {
    let store = RedisServer::start(&[]);
    let one = WebServer::new(&format!("{}/1", store.url()));
    let (two, three) = (
        WebServer::new(&format!("{}/2", store.url())),
        WebServer::new(&format!("{}/1", store.url())),
    );
    one.wait_for_news();
    two.wait_for_news();
    three.wait_for_news();
    let ended = record();
    one.revoke(&ended);
    wait_until("the same database", || three.knows(&ended));
    two.wait_for_news();
    assert!(!two.knows(&ended));
}
