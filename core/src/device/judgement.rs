//! Whether a session comes from its device.
//!
//! A session is *bound* once its entry names a device. It becomes so in a request that has a
//! bound cookie of a refresh. So each bound session was saved by a browser that refreshes,
//! through all proxies on its way, and every request with it can have a bound cookie. A
//! browser whose refreshes do not come through keeps an unbound session, and is not locked
//! out.

use thiserror::Error;

use crate::counters::device_event::SessionReason;
use crate::device::bound_cookie::{BoundCookie, ProvedAt};
use crate::life::entry::{DeviceId, SessionEntry};

/// How strict a section is about the devices of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceMode {
    /// It binds sessions, and lets all of them in.
    Offer,
    /// It refuses bound sessions without a bound cookie.
    Enforce,
    /// It also refuses sessions that are not bound this many seconds after their birth.
    Required {
        /// Seconds.
        grace: u64,
    },
}

/// The fate of a session in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceJudgement {
    /// It is bound, and comes from its device.
    Bound,
    /// It comes from this device, and is to be saved with its id.
    Bind(DeviceId),
    /// It is not bound to a device.
    Unbound(Unbound),
    /// It is bound, no bound cookie fits, and the section lets it in.
    Tolerated(Unproved),
    /// As before, and the section does not let it in. The session is empty in this request,
    /// and stays as it is in the browser.
    Refused(Unproved),
}

/// How far a session is from being bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbound {
    /// The browser has registered a key, and a refresh is to come. A second registration
    /// would take the place of the first.
    Registered,
    /// The request does not show a registered key.
    NotRegistered,
}

/// The reason why nothing shows that a session comes from its device.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unproved {
    /// There is no bound cookie.
    #[error("the request has no bound cookie that opens")]
    NoCookie,
    /// The bound cookie has ended.
    #[error("the bound cookie has ended")]
    Ended,
    /// The bound cookie is from another device.
    #[error("the bound cookie is from another device")]
    OtherDevice,
    /// The bound cookie is for another session.
    #[error("the bound cookie is for another session")]
    OtherSession,
    /// The session should be bound by now.
    #[error("the session is not bound to a device, and its time for that is over")]
    NotBound,
}

impl Unproved {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::NoCookie,
        Self::Ended,
        Self::OtherDevice,
        Self::OtherSession,
        Self::NotBound,
    ];

    /// The name of the reason for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoCookie => "no_cookie",
            Self::Ended => "cookie_ended",
            Self::OtherDevice => "other_device",
            Self::OtherSession => "other_session",
            Self::NotBound => "not_bound",
        }
    }

    /// The reason, as it is counted.
    pub fn counted(self) -> SessionReason {
        SessionReason::of(self.label())
    }
}

/// Judges a session by its entry and the bound cookies of the request, of which one must
/// fit. `now` is in Unix seconds.
pub fn judge(
    entry: &SessionEntry,
    cookies: &[BoundCookie],
    now: u64,
    mode: DeviceMode,
) -> DeviceJudgement {
    let of_session = |cookie: &&BoundCookie| cookie.session.is_of_same_session(entry);
    let mut own = cookies.iter().filter(of_session);
    let Some(device) = entry.device() else {
        let mut current = own.filter(|cookie| cookie.is_current(now));
        let is_registered = current.clone().next().is_some();
        return match current.find(|cookie| cookie.step == ProvedAt::Refresh) {
            Some(cookie) => DeviceJudgement::Bind(cookie.device),
            None => unbound(entry, is_registered, now, mode),
        };
    };
    if cookies.iter().any(|cookie| cookie.proves(entry, now)) {
        return DeviceJudgement::Bound;
    }
    let why = if own.clone().any(|cookie| cookie.device == device) {
        Unproved::Ended
    } else if own.next().is_some() {
        Unproved::OtherDevice
    } else if cookies.is_empty() {
        Unproved::NoCookie
    } else {
        Unproved::OtherSession
    };
    match mode {
        DeviceMode::Offer => DeviceJudgement::Tolerated(why),
        DeviceMode::Enforce | DeviceMode::Required { .. } => DeviceJudgement::Refused(why),
    }
}

/// Judges an unbound session. A registration lasts for a minute, so a browser that is
/// about to refresh is let in for as long after the grace.
fn unbound(
    entry: &SessionEntry,
    is_registered: bool,
    now: u64,
    mode: DeviceMode,
) -> DeviceJudgement {
    match mode {
        _ if is_registered => DeviceJudgement::Unbound(Unbound::Registered),
        DeviceMode::Required { grace } if now >= entry.birth().saturating_add(grace) => {
            DeviceJudgement::Refused(Unproved::NotBound)
        }
        _ => DeviceJudgement::Unbound(Unbound::NotRegistered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const BIRTH: u64 = NOW - 1_000;
    const MODES: [DeviceMode; 4] = [
        DeviceMode::Offer,
        DeviceMode::Enforce,
        DeviceMode::Required { grace: 60 },
        DeviceMode::Required { grace: 5_000 },
    ];
    const OWN: DeviceId = DeviceId([1; 16]);
    const OTHER: DeviceId = DeviceId([2; 16]);

    fn entry() -> SessionEntry {
        SessionEntry::new(BIRTH, [9; 16])
    }

    /// All cookies that differ in session, device, end and step.
    fn all_cookies() -> Vec<BoundCookie> {
        let mut all = Vec::new();
        for session in [
            entry(),
            SessionEntry::new(BIRTH + 1, [9; 16]),
            SessionEntry::new(BIRTH, [8; 16]),
        ] {
            for device in [OWN, OTHER] {
                for ends in [NOW - 1, NOW, NOW + 1] {
                    for step in [ProvedAt::Registration, ProvedAt::Refresh] {
                        all.push(BoundCookie {
                            session,
                            device,
                            ends,
                            step,
                        });
                    }
                }
            }
        }
        all
    }

    /// The judgement as a set of rules, of which the first that applies counts.
    fn expected(
        entry: &SessionEntry,
        cookies: &[BoundCookie],
        mode: DeviceMode,
    ) -> DeviceJudgement {
        let has = |test: &dyn Fn(&BoundCookie) -> bool| cookies.iter().any(test);
        let own = |cookie: &BoundCookie| cookie.session == super::tests::entry();
        let current = |cookie: &BoundCookie| own(cookie) && cookie.ends == NOW + 1;
        if let Some(device) = entry.device() {
            let of_device = |cookie: &BoundCookie| cookie.device == device;
            if has(&|cookie| current(cookie) && of_device(cookie)) {
                return DeviceJudgement::Bound;
            }
            let why = match cookies {
                [] => Unproved::NoCookie,
                _ if has(&|cookie| own(cookie) && of_device(cookie)) => Unproved::Ended,
                _ if has(&own) => Unproved::OtherDevice,
                _ => Unproved::OtherSession,
            };
            return if mode == DeviceMode::Offer {
                DeviceJudgement::Tolerated(why)
            } else {
                DeviceJudgement::Refused(why)
            };
        }
        let refreshed = |cookie: &&BoundCookie| current(cookie) && cookie.step == ProvedAt::Refresh;
        if let Some(cookie) = cookies.iter().find(refreshed) {
            DeviceJudgement::Bind(cookie.device)
        } else if has(&current) {
            DeviceJudgement::Unbound(Unbound::Registered)
        } else if mode == (DeviceMode::Required { grace: 60 }) {
            DeviceJudgement::Refused(Unproved::NotBound)
        } else {
            DeviceJudgement::Unbound(Unbound::NotRegistered)
        }
    }

    /// No cookie, each cookie, and each two cookies in both orders.
    #[test]
    fn agrees_with_the_rules_in_every_case() {
        let all = all_cookies();
        let mut sets: Vec<Vec<BoundCookie>> = vec![Vec::new()];
        sets.extend(all.iter().map(|cookie| vec![*cookie]));
        for one in &all {
            sets.extend(all.iter().map(|other| vec![*one, *other]));
        }
        let mut count = 0;
        for entry in [entry(), entry().bound_to(OWN)] {
            for mode in MODES {
                for cookies in &sets {
                    let judged = judge(&entry, cookies, NOW, mode);
                    let expected = expected(&entry, cookies, mode);
                    assert_eq!(judged, expected, "{entry:?} {mode:?} {cookies:?}");
                    count += 1;
                }
            }
        }
        assert_eq!(count, 2 * 4 * (1 + 36 + 36 * 36));
    }

    /// Cookies of a sibling host do not keep a session from its device.
    #[test]
    fn another_cookie_changes_nothing() {
        let good = BoundCookie {
            session: entry(),
            device: OWN,
            ends: NOW + 1,
            step: ProvedAt::Refresh,
        };
        let bound = entry().bound_to(OWN);
        for other in all_cookies() {
            for cookies in [[good, other], [other, good]] {
                let judged = judge(&bound, &cookies, NOW, DeviceMode::Enforce);
                assert_eq!(judged, DeviceJudgement::Bound, "{other:?}");
            }
        }
    }

    #[test]
    fn each_reason_is_counted_under_its_label() {
        let labels = Unproved::ALL.map(Unproved::label);
        assert_eq!(labels, SessionReason::LABELS);
        assert_eq!(Unproved::ALL.map(|why| why.counted().label()), labels);
    }

    #[test]
    fn the_grace_ends_at_its_second() {
        for (now, is_refused) in [(BIRTH + 59, false), (BIRTH + 60, true)] {
            let judged = judge(&entry(), &[], now, DeviceMode::Required { grace: 60 });
            let is_judged = matches!(judged, DeviceJudgement::Refused(Unproved::NotBound));
            assert_eq!(is_judged, is_refused, "{now}");
        }
    }

    /// Whatever the mode, an unbound session is never refused for a cookie that it has.
    #[test]
    fn only_the_grace_refuses_an_unbound_session() {
        for mode in [DeviceMode::Offer, DeviceMode::Enforce] {
            for cookie in all_cookies() {
                let judged = judge(&entry(), &[cookie], NOW, mode);
                assert!(!matches!(
                    judged,
                    DeviceJudgement::Refused(_) | DeviceJudgement::Tolerated(_)
                ));
            }
        }
    }
}
