//! The users of sessions, under the keys of a section.

use session_crypto_core::{Now, OpeningKey, RecordId, Sealer, UserEntry, UserId, UserIdError};

use super::life::Session;
use crate::config::{DirConfig, KeptSecrets, Policy, Protection};
use crate::ffi::{Request, processor};
use crate::state::State;

/// A section whose sessions have users.
pub(super) struct Users<'a, 'r> {
    pub(super) request: Request<'r>,
    pub(super) state: &'a State,
    pub(super) config: &'a DirConfig<'r>,
    pub(super) policy: Policy<'r>,
}

impl<'r> Users<'_, 'r> {
    /// The ids of a session's user, under the key that opened its token, or else under all
    /// keys of the section. With the key comes the number of the change of the key file that
    /// it is from; its position says nothing after another change.
    ///
    /// # Errors
    ///
    /// A key is not derived and may not be derived now, or OpenSSL or a hardware token
    /// fails.
    pub(super) fn ids(
        &self,
        session: &mut Session<'r>,
        key: Option<(OpeningKey, u64)>,
    ) -> Result<Vec<RecordId>, UserIdError> {
        let Some(entries) = session.entries() else {
            return Ok(Vec::new());
        };
        let users = entries
            .entries()
            .filter(|(name, _)| self.policy.names_user(name));
        let users = users.map(|(name, value)| UserEntry {
            name: name.to_bytes(),
            value: value.to_bytes(),
        });
        self.ids_of_entries(users, key)
    }

    /// The same, for entries that name a user.
    pub(super) fn ids_of_entries<'u>(
        &self,
        users: impl Iterator<Item = UserEntry<'u>>,
        key: Option<(OpeningKey, u64)>,
    ) -> Result<Vec<RecordId>, UserIdError> {
        let now = self.request.time();
        let kept = KeptSecrets::default();
        let protection = self.config.protection(&self.state.keyring, &kept, now);
        let Protection::Seal(sealer) = protection else {
            return Ok(Vec::new());
        };
        let key = key.filter(|(_, generation)| *generation == kept.generation());
        let key = key.map(|(key, _)| key);
        let mut ids = Vec::new();
        for user in users {
            let of_user = self.ids_of(&sealer, key, user)?;
            ids.extend(of_user.into_iter().map(RecordId::of_user));
        }
        Ok(ids)
    }

    fn ids_of(
        &self,
        sealer: &Sealer<'_>,
        key: Option<OpeningKey>,
        user: UserEntry<'_>,
    ) -> Result<Vec<UserId>, UserIdError> {
        let now = Now {
            seconds: self.request.time(),
            processor: processor::number(),
        };
        match key {
            Some(key) => Ok(vec![sealer.user_id(key, user, now)?]),
            None => sealer.user_ids(user, now),
        }
    }
}
