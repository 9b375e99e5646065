//! A sealed value: the key of a session's device.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 5 | birth of the session |
//! | 5 | 16 | name of the session |
//! | 21 | | the users of the session |
//! | | 1 | `1` for P-256, `2` for RSA |
//! | | 64 | of P-256: x and y |
//! | | 2 + 256 to 512 | of RSA: the modulus after its length |

use crate::device::form::{Fields, MAX_FIELDS, ValueKind, Writer};
use crate::device::public_key::{DeviceKey, KeyNumbers, KeyThumbprint};
use crate::device::users::SessionUsers;
use crate::life::entry::SessionEntry;

/// The value of a key cookie, which only the endpoints get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCookie {
    /// Birth and name of the session.
    pub session: SessionEntry,
    /// The users of the session.
    pub users: SessionUsers,
    /// The key of its device.
    pub key: DeviceKey,
}

const P256: u8 = 1;
const RSA: u8 = 2;

impl KeyCookie {
    /// The text to seal.
    pub fn text(&self) -> String {
        let mut writer = Writer::of_session(&self.session);
        self.users.write(&mut writer);
        match &self.key.0 {
            KeyNumbers::P256 { x, y } => {
                writer.bytes(&[P256]);
                writer.bytes(x);
                writer.bytes(y);
            }
            KeyNumbers::Rsa { modulus } => {
                writer.bytes(&[RSA]);
                writer.counted(modulus);
            }
        }
        writer.text(ValueKind::Key)
    }

    /// Reads a text that was opened; `None` if it is no key cookie.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut room = [0; MAX_FIELDS];
        let mut fields = Fields::of(text, ValueKind::Key, &mut room)?;
        let session = fields.session()?;
        let users = SessionUsers::read(&mut fields)?;
        let key = match fields.array()? {
            [P256] => DeviceKey::p256(fields.array()?, fields.array()?),
            [RSA] => DeviceKey::rsa(fields.counted()?)?,
            _ => return None,
        };
        fields.whole(Self {
            session,
            users,
            key,
        })
    }

    /// Whether the key has the thumbprint that a browser names as its session.
    pub fn is_of(&self, id: KeyThumbprint) -> bool {
        self.key.thumbprint() == id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealer::users::UserEntry;

    fn cookie(key: DeviceKey, users: SessionUsers) -> KeyCookie {
        KeyCookie {
            session: SessionEntry::new(1_800_000_000, [1; 16]),
            users,
            key,
        }
    }

    fn joe() -> SessionUsers {
        let entry = UserEntry {
            name: b"user",
            value: b"joe",
        };
        SessionUsers::new([entry]).unwrap()
    }

    fn keys() -> [DeviceKey; 3] {
        let rsa = |bytes| DeviceKey::rsa(vec![0xff; bytes]).unwrap();
        [DeviceKey::p256([3; 32], [4; 32]), rsa(256), rsa(512)]
    }

    #[test]
    fn reads_what_it_writes() {
        for key in keys() {
            let longest = UserEntry {
                name: b"user",
                value: &[b'j'; 60],
            };
            let longest = SessionUsers::new([longest; 4]).unwrap();
            for users in [SessionUsers::default(), joe(), longest] {
                let cookie = cookie(key.clone(), users);
                let text = cookie.text();
                assert_eq!(KeyCookie::read(text.as_bytes()), Some(cookie));
            }
        }
    }

    #[test]
    fn has_a_known_form() {
        let text = cookie(DeviceKey::p256([3; 32], [4; 32]), joe()).text();
        let start = "!k1AGtJ0gABAQEBAQEBAQEBAQEBAQEBAQAEdXNlcgADam9lAQMDAw";
        assert!(text.starts_with(start), "{text}");
        assert_eq!(
            text.len(),
            3 + (5 + 16 + 1 + 4 + 7 + 1 + 64_usize) * 4 / 3 + 1
        );
    }

    #[test]
    fn is_of_its_thumbprint() {
        let [one, other, _] = keys();
        let cookie = cookie(one.clone(), joe());
        assert!(cookie.is_of(one.thumbprint()));
        assert!(!cookie.is_of(other.thumbprint()));
    }

    #[test]
    fn refuses_keys_that_it_would_not_write() {
        let write = |kind: u8, key: &[u8]| {
            let mut writer = Writer::of_session(&SessionEntry::new(1, [1; 16]));
            SessionUsers::default().write(&mut writer);
            writer.bytes(&[kind]);
            writer.bytes(key);
            writer.text(ValueKind::Key)
        };
        let rsa = |bytes: usize| {
            let length = u16::try_from(bytes).unwrap().to_be_bytes();
            [&length[..], &vec![0xff; bytes]].concat()
        };
        for good in [write(P256, &[3; 64]), write(RSA, &rsa(256))] {
            assert!(KeyCookie::read(good.as_bytes()).is_some());
        }
        for wrong in [
            write(0, &[3; 64]),
            write(3, &[3; 64]),
            write(P256, &[3; 63]),
            write(P256, &[3; 65]),
            write(P256, &[]),
            write(RSA, &[]),
            write(RSA, &rsa(255)),
            write(RSA, &rsa(513)),
            write(RSA, &rsa(256)[..257]),
            write(RSA, &[rsa(256), vec![1]].concat()),
        ] {
            assert_eq!(KeyCookie::read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
