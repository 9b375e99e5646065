//! The life of a session, as far as a request knows it.

use std::ffi::CStr;

use session_crypto_core::{OpeningKey, RecordId, SessionEntry};

use super::realms;
use crate::config::Realm;

/// A session, with contents for each realm that asks for it.
pub(crate) type Session<'r> = crate::ffi::Session<'r, Realm, Life>;

/// The birth of a session, its name and its user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    /// The entry that the session came with, or that it has got. It is sealed with the
    /// session.
    pub(super) entry: Option<SessionEntry>,
    /// It came without an entry, and has got one that begins with this request.
    pub(super) is_birth_unknown: bool,
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
    /// It has got its entry in this request.
    pub(super) is_new: bool,
    /// The proof of its device.
    pub(super) device: DeviceState,
    /// It has a user, was refused because of its device, and the browser has said that it will
    /// prove it later. Only a login, a logout or the answer to a form takes its place.
    pub(super) is_to_come_back: bool,
    /// It would take the place of one that comes back, and is not stored.
    pub(super) is_kept_back: bool,
}

/// The proof of a session's device in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// There was no question.
    #[default]
    Unjudged,
    /// The session is bound, and comes from its device.
    Proved,
    /// The session is not bound.
    Unbound,
    /// The session is bound, and nothing shows that it comes from its device; or the section
    /// refuses it because it is not bound.
    Unproved,
}

impl DeviceState {
    /// The value for applications.
    pub(super) fn shown(self) -> &'static CStr {
        match self {
            Self::Unjudged => c"",
            Self::Proved => c"bound",
            Self::Unbound => c"unbound",
            Self::Unproved => realms::REFUSED,
        }
    }
}

impl Life {
    /// The life of a session whose token has just been opened by a key that a change of the
    /// key file brought. `entry` stood at the end of its text.
    pub(super) fn begin(key: OpeningKey, generation: u64, entry: Option<SessionEntry>) -> Self {
        Self {
            entry,
            key: Some(key),
            generation,
            ..Self::default()
        }
    }

    /// Whether the session has an entry.
    pub(crate) fn has_entry(&self) -> bool {
        self.entry.is_some()
    }

    /// Whether the session is bound, and comes from its device.
    pub(crate) fn is_proved(&self) -> bool {
        self.device == DeviceState::Proved
    }

    /// The birth of the session, in Unix seconds.
    pub(super) fn birth(&self) -> Option<u64> {
        self.entry.map(|entry| entry.birth())
    }
}
