//! The users of sessions, under the keys of a section.

use session_crypto_core::{Now, OpeningKey, RecordId, Sealer, UserEntry, UserId, UserIdError};

use super::life::Session;
use crate::config::{DirConfig, KeptIdentities, Policy, Protection};
use crate::ffi::{Request, processor};
use crate::revocation::Revocation;
use crate::state::State;

/// A section whose sessions have users.
pub(super) struct Users<'a, 'r> {
    pub(super) request: Request<'r>,
    pub(super) state: &'a State,
    pub(super) config: &'a DirConfig<'r>,
    pub(super) policy: Policy<'r>,
}

impl<'r> Users<'_, 'r> {
    /// The birth up to which the sessions of a session's user are ended, under the key that
    /// opened its token, or else under any key of the section.
    ///
    /// # Errors
    ///
    /// A key is not derived and may not be derived now, or OpenSSL or a hardware token
    /// fails.
    pub(super) fn ended_before(
        &self,
        session: &mut Session<'r>,
        key: Option<OpeningKey>,
        revocation: &Revocation,
    ) -> Result<Option<u64>, UserIdError> {
        let now = self.request.time();
        let identities = KeptIdentities::new();
        let protection = self
            .config
            .protection(&self.state.keyring, &identities, now);
        let (Protection::Seal(sealer), Some(entries)) = (protection, session.entries()) else {
            return Ok(None);
        };
        let mut latest = None;
        let users = entries
            .entries()
            .filter(|(name, _)| self.policy.names_user(name));
        for (name, value) in users {
            let user = UserEntry {
                name: name.to_bytes(),
                value: value.to_bytes(),
            };
            for id in self.ids(&sealer, key, user)? {
                let id = RecordId::of_user(id);
                latest = latest.max(revocation.table().ended_before(&id, now));
            }
        }
        Ok(latest)
    }

    fn ids(
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
