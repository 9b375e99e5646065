//! The events that are counted.

use crate::counters::device_event::DeviceEvent;
use crate::error::Refusal;

/// An event that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session was sealed.
    Sealed(TokenFormat),
    /// A token was opened. Its session may have expired or ended all the same.
    Opened(TokenFormat),
    /// The opened token would not be made as it is now.
    Stale,
    /// A token was refused.
    Refused(Refusal),
    /// An opened session has expired.
    Expired,
    /// An opened session was ended by a logout, or with all sessions of its user.
    Revoked,
    /// An opened session was ended by a limit of the section.
    Ended(Limit),
    /// This host failed at opening a token, or at judging whether its session has ended.
    NotOpened,
    /// This host failed at sealing a session.
    NotSealed,
    /// The settings of a section do not go together, or could not be made.
    Unusable,
    /// A key was derived from a passphrase.
    Derivation,
    /// A private key signed, or decrypted a key.
    PrivateKey,
    /// A cookie was longer than browsers take.
    Oversize,
    /// A key file was read again, and its keys are in force.
    Reload,
    /// A key file was not read again, because of a mistake.
    FailedReload,
    /// An event about the devices of sessions.
    Device(DeviceEvent),
}

/// The format of a token, and the kind of the key that it is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// The format of httpd's own module, under a passphrase.
    Classic,
    /// JWE under a passphrase.
    Jwe,
    /// JWE for a certificate.
    Certificate,
    /// JWE under a key of a JWK Set.
    KeySet,
}

/// A limit of a section that ends sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The greatest age of a session.
    Lifetime,
    /// The date before which no session may have begun.
    NotBefore,
    /// The time now, which no session may have begun long after.
    Future,
}

impl TokenFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Classic, Self::Jwe, Self::Certificate, Self::KeySet];

    /// The name of the format for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Jwe => "jwe",
            Self::Certificate => "certificate",
            Self::KeySet => "key_set",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Classic => 0,
            Self::Jwe => 1,
            Self::Certificate => 2,
            Self::KeySet => 3,
        }
    }
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 3] = [Self::Lifetime, Self::NotBefore, Self::Future];

    /// The name of the limit for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::NotBefore => "not_before",
            Self::Future => "future",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Lifetime => 0,
            Self::NotBefore => 1,
            Self::Future => 2,
        }
    }
}

/// The number of the first reason of a refusal. There is room for more.
const REFUSED: usize = 24;

/// The number of the first event about devices. The reasons among them are the last events,
/// because their number grows.
const DEVICE: usize = 64;

impl Event {
    /// The number of the event, which is below `layout::EVENTS`.
    #[inline]
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Sealed(format) => format.index(),
            Self::Opened(format) => format.index().saturating_add(4),
            Self::Stale => 8,
            Self::Expired => 9,
            Self::Revoked => 10,
            Self::Ended(limit) => limit.index().saturating_add(11),
            Self::NotOpened => 14,
            Self::NotSealed => 15,
            Self::Unusable => 16,
            Self::Derivation => 17,
            Self::PrivateKey => 18,
            Self::Oversize => 19,
            Self::Reload => 20,
            Self::FailedReload => 21,
            Self::Refused(refusal) => refusal.index().saturating_add(REFUSED),
            Self::Device(event) => event.number().saturating_add(DEVICE),
        }
    }

    /// All events.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = TokenFormat::ALL.map(Self::Sealed).into();
        all.extend(TokenFormat::ALL.map(Self::Opened));
        all.extend([Self::Stale, Self::Expired, Self::Revoked]);
        all.extend(Limit::ALL.map(Self::Ended));
        all.extend([Self::NotOpened, Self::NotSealed, Self::Unusable]);
        all.extend([Self::Derivation, Self::PrivateKey, Self::Oversize]);
        all.extend([Self::Reload, Self::FailedReload]);
        all.extend(Refusal::ALL.map(Self::Refused));
        all.extend(DeviceEvent::all().into_iter().map(Self::Device));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::layout;

    #[test]
    fn each_event_has_a_number_of_its_own() {
        let mut numbers: Vec<usize> = Event::all().into_iter().map(Event::number).collect();
        assert!(numbers.iter().all(|number| *number < layout::EVENTS));
        numbers.sort_unstable();
        let count = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }

    /// Processes of several builds count in the same memory: a change of this list takes a new
    /// `layout::LAYOUT`, unless it is a new reason at the end.
    #[test]
    fn the_numbers_are_those_of_the_layout() {
        let numbers = Event::all()
            .into_iter()
            .map(|event| format!("{} {event:?}", event.number()));
        let expected = [
            "0 Sealed(Classic)",
            "1 Sealed(Jwe)",
            "2 Sealed(Certificate)",
            "3 Sealed(KeySet)",
            "4 Opened(Classic)",
            "5 Opened(Jwe)",
            "6 Opened(Certificate)",
            "7 Opened(KeySet)",
            "8 Stale",
            "9 Expired",
            "10 Revoked",
            "11 Ended(Lifetime)",
            "12 Ended(NotBefore)",
            "13 Ended(Future)",
            "14 NotOpened",
            "15 NotSealed",
            "16 Unusable",
            "17 Derivation",
            "18 PrivateKey",
            "19 Oversize",
            "20 Reload",
            "21 FailedReload",
            "24 Refused(Encoding)",
            "25 Refused(Format)",
            "26 Refused(Parts)",
            "27 Refused(Header)",
            "28 Refused(Purpose)",
            "29 Refused(UnknownKey)",
            "30 Refused(UnknownSetKey)",
            "31 Refused(EndedSetKey)",
            "32 Refused(UnknownCertificate)",
            "33 Refused(Signature)",
            "34 Refused(EncryptedKey)",
            "35 Refused(Tag)",
            "36 Refused(TooShort)",
            "37 Refused(TooLong)",
            "38 Refused(NotAuthentic)",
            "39 Refused(OtherAlgorithm)",
            "40 Refused(SaysNothing)",
            "41 Refused(TooManyOfNothing)",
            "64 Device(Offered)",
            "65 Device(Registered)",
            "66 Device(Refreshed)",
            "67 Device(Bound)",
            "68 Device(BecameBound)",
            "69 Device(Unbound)",
            "70 Device(Tolerated)",
            "72 Device(Refused(SessionReason(0)))",
            "73 Device(Refused(SessionReason(1)))",
            "74 Device(Refused(SessionReason(2)))",
            "75 Device(Refused(SessionReason(3)))",
            "76 Device(Refused(SessionReason(4)))",
            "80 Device(Denied(EndpointReason(0)))",
            "81 Device(Denied(EndpointReason(1)))",
            "82 Device(Denied(EndpointReason(2)))",
            "83 Device(Denied(EndpointReason(3)))",
            "84 Device(Denied(EndpointReason(4)))",
            "85 Device(Denied(EndpointReason(5)))",
            "86 Device(Denied(EndpointReason(6)))",
            "87 Device(Denied(EndpointReason(7)))",
            "88 Device(Denied(EndpointReason(8)))",
            "89 Device(Denied(EndpointReason(9)))",
            "90 Device(Denied(EndpointReason(10)))",
            "91 Device(Denied(EndpointReason(11)))",
            "92 Device(Denied(EndpointReason(12)))",
            "93 Device(Denied(EndpointReason(13)))",
            "94 Device(Denied(EndpointReason(14)))",
            "95 Device(Denied(EndpointReason(15)))",
            "96 Device(Denied(EndpointReason(16)))",
            "97 Device(Denied(EndpointReason(17)))",
            "98 Device(Denied(EndpointReason(18)))",
            "99 Device(Denied(EndpointReason(19)))",
            "100 Device(Denied(EndpointReason(20)))",
            "101 Device(Denied(EndpointReason(21)))",
            "102 Device(Denied(EndpointReason(22)))",
            "103 Device(Denied(EndpointReason(23)))",
            "104 Device(Denied(EndpointReason(24)))",
            "105 Device(Denied(EndpointReason(25)))",
            "106 Device(Denied(EndpointReason(26)))",
            "107 Device(Denied(EndpointReason(27)))",
            "108 Device(Denied(EndpointReason(28)))",
        ];
        assert_eq!(numbers.collect::<Vec<_>>(), expected);
    }
}
