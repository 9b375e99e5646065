//! A sealed value: what a browser signs.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 5 | birth of the session |
//! | 5 | 16 | name of the session |
//! | 21 | 5 | when it was made, in Unix seconds |
//! | 26 | | for a registration: the users of the session |

use crate::device::form::{Fields, MAX_FIELDS, ValueKind, Writer};
use crate::device::users::SessionUsers;
use crate::life::entry::SessionEntry;

/// A challenge. One for a refresh is good for no registration: whoever has the key cookie
/// gets one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Birth and name of the session.
    pub session: SessionEntry,
    /// When it was made, in Unix seconds.
    pub made: u64,
    /// The request that it is for.
    pub purpose: ChallengeFor,
}

/// The request that a challenge is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeFor {
    /// A registration, which brings no session: these are its users.
    Registration(SessionUsers),
    /// A refresh.
    Refresh,
}

/// The most seconds by which the clock of another server may be ahead.
const MOST_AHEAD: u64 = 86_400;

impl Challenge {
    /// The text to seal.
    pub fn text(&self) -> String {
        let mut writer = Writer::of_session(&self.session);
        writer.time(self.made);
        match &self.purpose {
            ChallengeFor::Registration(users) => {
                users.write(&mut writer);
                writer.text(ValueKind::RegistrationChallenge)
            }
            ChallengeFor::Refresh => writer.text(ValueKind::RefreshChallenge),
        }
    }

    /// Reads a text that was opened; `None` if it is no challenge.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut room = [0; MAX_FIELDS];
        if let Some(mut fields) = Fields::of(text, ValueKind::RefreshChallenge, &mut room) {
            let challenge = Self {
                session: fields.session()?,
                made: fields.time()?,
                purpose: ChallengeFor::Refresh,
            };
            return fields.whole(challenge);
        }
        let mut fields = Fields::of(text, ValueKind::RegistrationChallenge, &mut room)?;
        let challenge = Self {
            session: fields.session()?,
            made: fields.time()?,
            purpose: ChallengeFor::Registration(SessionUsers::read(&mut fields)?),
        };
        fields.whole(challenge)
    }

    /// Whether the challenge is at most this many seconds old.
    pub(super) fn is_fresh(&self, now: u64, seconds: u64) -> bool {
        let latest = now.saturating_add(MOST_AHEAD);
        self.made <= latest && now <= self.made.saturating_add(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealer::users::UserEntry;

    const SESSION: &str = "AGtJ0gABAQEBAQEBAQEBAQEBAQEB";

    fn challenge(purpose: ChallengeFor) -> Challenge {
        Challenge {
            session: SessionEntry::new(1_800_000_000, [1; 16]),
            made: 1_800_000_060,
            purpose,
        }
    }

    fn joe() -> SessionUsers {
        let entry = UserEntry {
            name: b"user",
            value: b"joe",
        };
        SessionUsers::new([entry]).unwrap()
    }

    #[test]
    fn has_a_known_form() {
        for (purpose, text) in [
            (ChallengeFor::Refresh, format!("!c1{SESSION}AGtJ0jw")),
            (
                ChallengeFor::Registration(SessionUsers::default()),
                format!("!o1{SESSION}AGtJ0jwA"),
            ),
            (
                ChallengeFor::Registration(joe()),
                format!("!o1{SESSION}AGtJ0jwBAAR1c2VyAANqb2U"),
            ),
        ] {
            let challenge = challenge(purpose);
            assert_eq!(challenge.text(), text);
            assert_eq!(Challenge::read(text.as_bytes()), Some(challenge));
        }
    }

    #[test]
    fn is_fresh_for_a_while() {
        let challenge = challenge(ChallengeFor::Refresh);
        let made = challenge.made;
        for (now, is_fresh) in [
            (made, true),
            (made + 300, true),
            (made + 301, false),
            (made - 1, true),
            (made - MOST_AHEAD, true),
            (made - MOST_AHEAD - 1, false),
        ] {
            assert_eq!(challenge.is_fresh(now, 300), is_fresh, "{now}");
        }
    }
}
