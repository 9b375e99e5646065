//! The counts in a report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_crypto_core::{
    Counters, DeviceEvent, EndpointReason, Event, Limit, Refusal, SessionReason, TokenFormat,
};

/// A count for each label.
pub type ByLabel = BTreeMap<String, u64>;

/// How often each event was counted. A count that the report of an earlier release lacks
/// reads as zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Sessions that were sealed, by format.
    pub sealed: ByLabel,
    /// Tokens that were opened, by format. Their sessions may have expired or ended.
    pub opened: ByLabel,
    /// Opened tokens that would not be made as they are now.
    pub stale: u64,
    /// Tokens that were refused, by reason.
    pub refused: ByLabel,
    /// Opened sessions that had expired.
    pub expired: u64,
    /// Opened sessions that a logout had ended, or that were ended with all of their user.
    pub revoked: u64,
    /// Opened sessions that a limit of the section had ended, by limit.
    pub ended: ByLabel,
    /// Failures of the server.
    pub errors: Errors,
    /// Keys that were derived from passphrases.
    pub derivations: u64,
    /// Signatures and decryptions by private keys.
    pub private_key_operations: u64,
    /// Cookies that were longer than browsers take.
    pub oversize: u64,
    /// Key files that were read again.
    pub reloads: Reloads,
    /// The devices of sessions.
    pub devices: Devices,
}

/// Events about the devices of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Devices {
    /// New sessions whose browsers were asked to register a key.
    pub offered: u64,
    /// Keys that were registered.
    pub registered: u64,
    /// Keys that were proved again.
    pub refreshed: u64,
    /// Sessions that became bound.
    pub became_bound: u64,
    /// Requests with a bound session and its bound cookie.
    pub bound: u64,
    /// Requests with a session that is not bound.
    pub unbound: u64,
    /// Requests with a bound session without its bound cookie, which were let in.
    pub tolerated: u64,
    /// Requests whose session was refused, by reason.
    pub refused: ByLabel,
    /// Requests to endpoints that did not get what they asked for, by reason.
    pub denied: ByLabel,
}

/// Failures of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Errors {
    /// Failures at opening a token, or at judging whether its session has ended.
    pub not_opened: u64,
    /// Failures at sealing a session.
    pub not_sealed: u64,
    /// Requests to a section whose settings cannot be used.
    pub unusable: u64,
}

/// Key files that were read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reloads {
    /// The keys are in force.
    pub good: u64,
    /// There was a mistake, and the former keys stay in force.
    pub failed: u64,
}

impl Counts {
    /// The counts of all processes of a server together.
    pub fn of(counters: &Counters) -> Self {
        let sum = |event| counters.sum(event);
        let formats = |event: fn(TokenFormat) -> Event| {
            let counts = TokenFormat::ALL.map(|format| (format.label(), sum(event(format))));
            by_label(counts)
        };
        Self {
            sealed: formats(Event::Sealed),
            opened: formats(Event::Opened),
            stale: sum(Event::Stale),
            refused: by_label(Refusal::ALL.map(|refusal| {
                let count = sum(Event::Refused(refusal));
                (refusal.label(), count)
            })),
            expired: sum(Event::Expired),
            revoked: sum(Event::Revoked),
            ended: by_label(Limit::ALL.map(|limit| (limit.label(), sum(Event::Ended(limit))))),
            errors: Errors {
                not_opened: sum(Event::NotOpened),
                not_sealed: sum(Event::NotSealed),
                unusable: sum(Event::Unusable),
            },
            derivations: sum(Event::Derivation),
            private_key_operations: sum(Event::PrivateKey),
            oversize: sum(Event::Oversize),
            reloads: Reloads {
                good: sum(Event::Reload),
                failed: sum(Event::FailedReload),
            },
            devices: Devices::of(counters),
        }
    }
}

impl Devices {
    fn of(counters: &Counters) -> Self {
        let sum = |event| counters.sum(Event::Device(event));
        Self {
            offered: sum(DeviceEvent::Offered),
            registered: sum(DeviceEvent::Registered),
            refreshed: sum(DeviceEvent::Refreshed),
            became_bound: sum(DeviceEvent::BecameBound),
            bound: sum(DeviceEvent::Bound),
            unbound: sum(DeviceEvent::Unbound),
            tolerated: sum(DeviceEvent::Tolerated),
            refused: by_label(SessionReason::all().map(|reason| {
                let count = sum(DeviceEvent::Refused(reason));
                (reason.label(), count)
            })),
            denied: by_label(EndpointReason::all().map(|reason| {
                let count = sum(DeviceEvent::Denied(reason));
                (reason.label(), count)
            })),
        }
    }

    /// The events, each with its label, without the requests that were refused.
    pub(crate) fn by_label(&self) -> [(&'static str, u64); 7] {
        [
            ("offered", self.offered),
            ("registered", self.registered),
            ("refreshed", self.refreshed),
            ("became_bound", self.became_bound),
            ("bound", self.bound),
            ("unbound", self.unbound),
            ("tolerated", self.tolerated),
        ]
    }

    /// Whether anything was counted. A server that binds no sessions counts nothing.
    pub(crate) fn is_counted(&self) -> bool {
        let events = self.by_label().into_iter().map(|(_, count)| count);
        let all = events.chain([total(&self.refused), total(&self.denied)]);
        sum(all) != 0
    }

    /// Requests with a session that was judged.
    pub(crate) fn judged(&self) -> u64 {
        let passed = [self.became_bound, self.bound, self.unbound, self.tolerated];
        sum(passed.into_iter().chain([total(&self.refused)]))
    }
}

impl Errors {
    /// The failures, each with its label.
    pub(crate) fn by_label(self) -> [(&'static str, u64); 3] {
        [
            ("not_opened", self.not_opened),
            ("not_sealed", self.not_sealed),
            ("unusable", self.unusable),
        ]
    }

    /// All failures together.
    pub(crate) fn sum(self) -> u64 {
        sum(self.by_label().into_iter().map(|(_, count)| count))
    }
}

impl Reloads {
    /// The readings, each with its label.
    pub(crate) fn by_label(self) -> [(&'static str, u64); 2] {
        [("good", self.good), ("failed", self.failed)]
    }
}

/// The sum of the counts of all labels.
pub(crate) fn total(counts: &ByLabel) -> u64 {
    sum(counts.values().copied())
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn by_label<'l>(counts: impl IntoIterator<Item = (&'l str, u64)>) -> ByLabel {
    let counts = counts.into_iter();
    counts
        .map(|(label, count)| (label.to_owned(), count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn each_event_is_counted_in_its_place() {
        let counters = session_crypto_core::SharedMemory::alone().counters;
        let count = |event, many| (0..many).for_each(|_: u64| counters.count(event, 0));
        let mut expected = Counts::of(&counters);
        for refusal in Refusal::ALL {
            count(Event::Refused(refusal), 1);
            expected.refused.insert(refusal.label().to_owned(), 1);
        }
        for (format, many) in TokenFormat::ALL.into_iter().zip(1..) {
            count(Event::Sealed(format), many);
            count(Event::Opened(format), many + 10);
            expected.sealed.insert(format.label().to_owned(), many);
            expected.opened.insert(format.label().to_owned(), many + 10);
        }
        let devices = &mut expected.devices;
        for (reason, many) in SessionReason::all().zip(51..) {
            count(Event::Device(DeviceEvent::Refused(reason)), many);
            devices.refused.insert(reason.label().to_owned(), many);
        }
        for (reason, many) in EndpointReason::all().zip(61..) {
            count(Event::Device(DeviceEvent::Denied(reason)), many);
            devices.denied.insert(reason.label().to_owned(), many);
        }
        for (event, many, place) in [
            (DeviceEvent::Offered, 42, &mut devices.offered),
            (DeviceEvent::Registered, 43, &mut devices.registered),
            (DeviceEvent::Refreshed, 44, &mut devices.refreshed),
            (DeviceEvent::BecameBound, 45, &mut devices.became_bound),
            (DeviceEvent::Bound, 46, &mut devices.bound),
            (DeviceEvent::Unbound, 47, &mut devices.unbound),
            (DeviceEvent::Tolerated, 48, &mut devices.tolerated),
        ] {
            count(Event::Device(event), many);
            *place = many;
        }
        for (limit, many) in Limit::ALL.into_iter().zip(21..) {
            count(Event::Ended(limit), many);
            expected.ended.insert(limit.label().to_owned(), many);
        }
        for (event, many, place) in [
            (Event::Stale, 31, &mut expected.stale),
            (Event::Expired, 32, &mut expected.expired),
            (Event::Revoked, 33, &mut expected.revoked),
            (Event::NotOpened, 34, &mut expected.errors.not_opened),
            (Event::NotSealed, 35, &mut expected.errors.not_sealed),
            (Event::Unusable, 36, &mut expected.errors.unusable),
            (Event::Derivation, 37, &mut expected.derivations),
            (Event::PrivateKey, 38, &mut expected.private_key_operations),
            (Event::Oversize, 39, &mut expected.oversize),
            (Event::Reload, 40, &mut expected.reloads.good),
            (Event::FailedReload, 41, &mut expected.reloads.failed),
        ] {
            count(event, many);
            *place = many;
        }
        assert_eq!(Counts::of(&counters), expected);
        assert_eq!(total(&expected.sealed), 10);
        assert_eq!(expected.devices.judged(), 45 + 46 + 47 + 48 + 5 * 53);
        assert_eq!(expected.errors.sum(), 105);
    }
}
