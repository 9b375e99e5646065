//! A sealed value: for a short time, the device of a session has proved its key.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 5 | birth of the session |
//! | 5 | 16 | name of the session |
//! | 21 | 16 | id of the device |
//! | 37 | 5 | end, in Unix seconds |

use crate::device::form::{Fields, ValueKind, Writer};
use crate::life::entry::{DeviceId, SessionEntry};

/// Bytes of the fields.
const FIELDS: usize = 42;

/// The value of a bound cookie. It says nothing alone, and is judged beside its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundCookie {
    /// Birth and name of the session.
    pub session: SessionEntry,
    /// The device that has proved its key.
    pub device: DeviceId,
    /// The first Unix second at which the cookie counts no more.
    pub ends: u64,
    /// The request in which the key was proved.
    pub step: ProvedAt,
}

/// The request in which a device has proved its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvedAt {
    /// A registration. Whether refreshes come through is still open.
    Registration,
    /// A refresh.
    Refresh,
}

impl ProvedAt {
    fn kind(self) -> ValueKind {
        match self {
            Self::Registration => ValueKind::Registered,
            Self::Refresh => ValueKind::Refreshed,
        }
    }
}

impl BoundCookie {
    /// The text to seal.
    pub fn text(&self) -> String {
        let mut writer = Writer::of_session(&self.session);
        let DeviceId(device) = &self.device;
        writer.bytes(device);
        writer.time(self.ends);
        writer.text(self.step.kind())
    }

    /// Reads a text that was opened; `None` if it is no bound cookie.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut room = [0; FIELDS];
        let (step, mut fields) = match Fields::of(text, ValueKind::Refreshed, &mut room) {
            Some(fields) => (ProvedAt::Refresh, fields),
            None => {
                let fields = Fields::of(text, ValueKind::Registered, &mut room)?;
                (ProvedAt::Registration, fields)
            }
        };
        let cookie = Self {
            session: fields.session()?,
            device: fields.device()?,
            ends: fields.time()?,
            step,
        };
        fields.whole(cookie)
    }

    /// Whether the cookie shows at a time in Unix seconds that a bound session comes from its
    /// device.
    pub fn proves(&self, session: &SessionEntry, now: u64) -> bool {
        session.device() == Some(self.device)
            && self.session.is_of_same_session(session)
            && self.is_current(now)
    }

    /// Whether the cookie counts at a time in Unix seconds.
    pub(super) fn is_current(&self, now: u64) -> bool {
        now < self.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_known_form() {
        let cookie = BoundCookie {
            session: SessionEntry::new(1_800_000_000, [1; 16]),
            device: DeviceId([2; 16]),
            ends: 1_800_000_600,
            step: ProvedAt::Refresh,
        };
        let text = "!b1AGtJ0gABAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAgBrSdRY";
        assert_eq!(cookie.text(), text);
        assert_eq!(BoundCookie::read(text.as_bytes()), Some(cookie));
        let registered = BoundCookie {
            step: ProvedAt::Registration,
            ..cookie
        };
        assert_eq!(registered.text(), text.replacen("!b1", "!n1", 1));
        assert_eq!(
            BoundCookie::read(registered.text().as_bytes()),
            Some(registered)
        );
    }

    #[test]
    fn ends_at_its_end() {
        let cookie = BoundCookie {
            session: SessionEntry::new(1, [1; 16]),
            device: DeviceId([2; 16]),
            ends: 100,
            step: ProvedAt::Refresh,
        };
        assert!(cookie.is_current(99));
        assert!(!cookie.is_current(100));
    }
}
