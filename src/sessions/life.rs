//! The life of a session, as far as a request knows it.

use session_crypto_core::{OpeningKey, RecordId, SessionEntry};

use crate::config::Realm;

/// A session, with contents for each realm that asks for it.
pub(crate) type Session<'r> = crate::ffi::Session<'r, Realm, Life>;

/// The birth of a session, its name and its user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    /// The entry that the session came with, or that it has got.
    pub(super) entry: Option<SessionEntry>,
    /// The key that opened its token.
    pub(super) key: Option<OpeningKey>,
    /// The number of the change of the key file that this key comes from.
    pub(super) generation: u64,
    /// The id of the session, once it was looked up.
    pub(super) id: Option<RecordId>,
    /// The id of its user under that key, once it was looked up; `None` if there are several.
    pub(super) user_id: Option<RecordId>,
    /// It came with other entries.
    pub(super) had_content: bool,
    /// Stands for the user that it came with; 0 for none.
    pub(super) user: u64,
    /// Its entries are hidden, because news of ended sessions are missing.
    pub(super) is_hidden: bool,
    /// It has ended since it was read, and is not saved again.
    pub(super) is_over: bool,
}

impl Life {
    /// The life of a session whose token has just been opened by a key that a change of the
    /// key file brought.
    pub(super) fn of_key(key: OpeningKey, generation: u64) -> Self {
        Self {
            key: Some(key),
            generation,
            ..Self::default()
        }
    }

    /// Whether the session has an entry.
    pub(crate) fn has_entry(&self) -> bool {
        self.entry.is_some()
    }

    /// The birth of the session, in Unix seconds.
    pub(super) fn birth(&self) -> Option<u64> {
        self.entry.map(|entry| entry.birth())
    }
}
