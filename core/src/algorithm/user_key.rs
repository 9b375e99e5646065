//! Ids of users, which follow from a key.
//!
//! A list of users whose sessions have ended may be kept where others read it. It has ids
//! in place of names: without the key nobody can tell the user of an id, and nobody can
//! make an id.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::algorithm::hmac;
use crate::secret::marks;

/// A key under which users have ids. It follows from a passphrase or a private key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct UserKey {
    bytes: Box<[u8; 32]>,
}

/// A user of one application, by an entry of the session: its name and its value.
#[derive(Clone, Copy)]
pub(crate) struct NamedUser<'u> {
    /// The purpose of the application; empty if it has none.
    pub(crate) purpose: &'u [u8],
    /// The name of the entry, in upper or lower case.
    pub(crate) entry: &'u [u8],
    /// The value of the entry: the name of the user.
    pub(crate) value: &'u [u8],
}

/// Bytes of an id: half of a SHA-256.
pub(crate) const USER_ID: usize = 16;

impl UserKey {
    pub(crate) fn new(bytes: Box<[u8; 32]>) -> Self {
        Self { bytes }
    }

    /// The id of a user: the first half of the HMAC-SHA256 (RFC 2104) of
    ///
    /// | part | bytes |
    /// |---|---|
    /// | purpose | 0 to 128 |
    /// | zero | 1 |
    /// | name of the entry, in lower case | any |
    /// | zero | 1 |
    /// | value of the entry | any |
    ///
    /// No part but the last contains a zero, so no other user has the same text.
    pub(crate) fn id(&self, user: &NamedUser<'_>) -> [u8; USER_ID] {
        let entry = user.entry.to_ascii_lowercase();
        let parts = [user.purpose, &[0], &entry, &[0], user.value];
        let [mut id, _] = halves(hmac::sha256(&self.bytes, &parts));
        // The list of ended sessions has it, which others may read.
        marks::reveal(&mut id);
        id
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; USER_ID]; 2] {
    let mut halves = [[0; USER_ID]; 2];
    for (half, bytes) in halves.iter_mut().zip(bytes.chunks_exact(USER_ID)) {
        half.copy_from_slice(bytes);
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user<'u>(purpose: &'u str, entry: &'u str, value: &'u str) -> NamedUser<'u> {
        let [purpose, entry, value] = [purpose, entry, value].map(str::as_bytes);
        NamedUser {
            purpose,
            entry,
            value,
        }
    }

    #[test]
    fn an_id_is_half_of_an_hmac_of_the_parts() {
        for number in [0, 1, 0x36, 0x5c, 0xff] {
            let key = UserKey::new(Box::new([number; 32]));
            for (purpose, entry, value, text) in [
                ("", "user", "joe", "\0user\0joe"),
                ("shop", "Realm-User", "Joe", "shop\0realm-user\0Joe"),
                ("", "user", "", "\0user\0"),
            ] {
                let mac = hmac::sha256(&[number; 32], &[text.as_bytes()]);
                assert_eq!(key.id(&user(purpose, entry, value)), mac[..16]);
            }
            let long = "x".repeat(1000);
            let mac = hmac::sha256(&[number; 32], &[b"\0user\0", long.as_bytes()]);
            assert_eq!(key.id(&user("", "user", &long)), mac[..16]);
        }
    }

    #[test]
    fn no_two_users_share_an_id() {
        let key = UserKey::new(Box::new([7; 32]));
        let mut ids = std::collections::HashSet::new();
        for purpose in ["", "user", "shop"] {
            for entry in ["", "user", "a-user", "shop"] {
                for value in ["", "joe", "user", "Joe"] {
                    assert!(ids.insert(key.id(&user(purpose, entry, value))));
                }
            }
        }
        assert!(!ids.insert(key.id(&user("", "USER", "joe"))));
        let other = UserKey::new(Box::new([8; 32]));
        assert!(ids.insert(other.id(&user("", "user", "joe"))));
    }
}
