//! Sessions with and without their device, and what a thief gets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use common::device_server::{LIFETIME, NOW, Registered, Server, session};
use session_crypto_core::{
    BoundCookie, DeviceJudgement, DeviceMode, ProvedAt, SessionEntry, Unbound, Unproved, judge,
};

mod common;

/// From the offer to the bound session, and on, with two servers that share a passphrase and
/// no more.
#[test]
fn a_session_is_bound_after_a_refresh_and_stays_with_its_device() {
    let (server, other) = (Server::new(), Server::new());
    let browser = Registered::at(&server);
    let judged = |entry: &SessionEntry, cookies: &[BoundCookie], now| {
        judge(entry, cookies, now, DeviceMode::Enforce)
    };
    let before = browser.session;
    let unbound = DeviceJudgement::Unbound(Unbound::Registered);
    assert_eq!(browser.bound.step, ProvedAt::Registration);
    assert_eq!(judged(&before, &[browser.bound], NOW), unbound);
    let bound = browser.refreshed(&other, NOW + 10);
    let DeviceJudgement::Bind(device) = judged(&before, &[bound], NOW + 11) else {
        panic!("not to be bound");
    };
    let after = before.bound_to(device);
    assert_eq!(judged(&after, &[bound], NOW + 11), DeviceJudgement::Bound);
    // The lost update of a request that ran beside it is healed by the next one.
    let again = judged(&before, &[bound], NOW + 12);
    assert_eq!(again, DeviceJudgement::Bind(device));
    let last = NOW + 10 + LIFETIME + session_crypto_core::LEEWAY - 1;
    assert_eq!(judged(&after, &[bound], last), DeviceJudgement::Bound);
    let ended = DeviceJudgement::Refused(Unproved::Ended);
    assert_eq!(judged(&after, &[bound], last + 1), ended);
    let alone = DeviceJudgement::Refused(Unproved::NoCookie);
    assert_eq!(judged(&after, &[], NOW + 11), alone);
}

/// The worth of copied cookies on another machine: (session, bound cookies, when).
#[test]
fn a_thief_gets_no_further_than_the_bound_cookie() {
    let server = Server::new();
    let browser = Registered::at(&server);
    let bound = browser.refreshed(&server, NOW + 10);
    let (before, after) = (browser.session, browser.session.bound_to(bound.device));
    // The thief has a session of his own, with a key of his own.
    let thief = Registered::at(&server);
    let own = BoundCookie {
        session: session(b'A'),
        ..thief.refreshed(&server, NOW + 10)
    };
    let strict = DeviceMode::Required { grace: 60 };
    for (entry, cookies, now, mode, lets_in) in [
        (after, vec![], NOW + 20, DeviceMode::Enforce, false),
        (after, vec![bound], NOW + 20, DeviceMode::Enforce, true),
        (after, vec![bound], NOW + 641, DeviceMode::Enforce, false),
        (after, vec![own], NOW + 20, DeviceMode::Enforce, false),
        (
            after,
            vec![browser.bound],
            NOW + 89,
            DeviceMode::Enforce,
            true,
        ),
        (
            after,
            vec![browser.bound],
            NOW + 90,
            DeviceMode::Enforce,
            false,
        ),
        // A copy that was made before it was bound.
        (before, vec![], NOW + 20, DeviceMode::Enforce, true),
        (before, vec![own], NOW + 20, strict, true),
        (before, vec![], NOW + 60, strict, false),
        (before, vec![own], NOW + 60, strict, false),
        (before, vec![bound], NOW + 60, strict, true),
        (before, vec![bound], NOW + 641, strict, false),
    ] {
        let judged = judge(&entry, &cookies, now, mode);
        let is_in = !matches!(judged, DeviceJudgement::Refused(_));
        assert_eq!(is_in, lets_in, "{entry:?} {cookies:?} {now} {mode:?}");
    }
}
