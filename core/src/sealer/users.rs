//! The ids of users, under the keys of a section.
//!
//! The sessions of a user end together: the list of ended sessions then has the user's id
//! in place of the name of one session. An id is for one key. So a section with another
//! key, or an application with another purpose, has other ids for its users, even if they
//! have the same names.

use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::error::{LibraryError, UserIdError};
use crate::keyring::keyring::Keyring;
use crate::keyring::random::Random;
use crate::sealer::call::{Now, OpeningKey};
use crate::sealer::sealer::Sealer;
use crate::sealer::settings::Settings;

/// An entry of a session that names its user.
#[derive(Clone, Copy)]
pub struct UserEntry<'u> {
    /// The name of the entry. Upper and lower case are alike, as to mod_session.
    pub name: &'u [u8],
    /// The value of the entry: the name of the user.
    pub value: &'u [u8],
}

/// The id of a user under one key.
pub type UserId = [u8; USER_ID];

impl<R: Random + Clone> Sealer<'_, R> {
    /// The ids of a user, one for each key of the section that has not ended.
    ///
    /// A classic token carries no purpose. If the section has a purpose and opens classic
    /// tokens too, there are two ids for each key, one of them without the purpose.
    ///
    /// # Errors
    ///
    /// A key is not derived and may not be derived now, or OpenSSL or a hardware token
    /// fails.
    pub fn user_ids(&self, user: UserEntry<'_>, now: Now) -> Result<Vec<UserId>, UserIdError> {
        let section = &self.section;
        let opens_with_purpose = section.settings.purpose.is_some() && section.has_jwe();
        let opens_without = !opens_with_purpose || section.classic_ciphers().next().is_some();
        let positions = self.with_scheme(|scheme| scheme.positions(now.seconds));
        let mut ids = Vec::new();
        for position in positions {
            for (has_purpose, is_used) in [(true, opens_with_purpose), (false, opens_without)] {
                if is_used {
                    let key = OpeningKey {
                        position,
                        has_purpose,
                    };
                    ids.push(self.user_id(key, user, now)?);
                }
            }
        }
        Ok(ids)
    }

    /// The id of a user under the key that opened a token, which
    /// [`Opened::key`](crate::Opened::key) tells. It is one of [`Sealer::user_ids`].
    ///
    /// # Errors
    ///
    /// The key is not derived and may not be derived now, the section does not have it, or
    /// OpenSSL or a hardware token fails.
    pub fn user_id(
        &self,
        key: OpeningKey,
        user: UserEntry<'_>,
        now: Now,
    ) -> Result<UserId, UserIdError> {
        let purpose = self.section.settings.purpose.filter(|_| key.has_purpose);
        let user = NamedUser {
            purpose: purpose.map_or(&[], |purpose| purpose.as_str().as_bytes()),
            entry: user.name,
            value: user.value,
        };
        self.with_scheme(|scheme| scheme.user_id(key.position, &user, now.seconds))
    }
}

impl<R: Random + Clone> Keyring<R> {
    /// Prepares the ids of users for a section, before a request needs them. The parent
    /// calls this before the children fork, and before [`Keyring::jobs`].
    ///
    /// The private keys of certificates are used at once. The master keys of passphrases
    /// are noted for `jobs`, also those that no cipher of the section needs.
    ///
    /// # Errors
    ///
    /// OpenSSL or a hardware token fails.
    pub fn prepare_user_ids(&self, settings: Settings<'_>) -> Result<(), LibraryError> {
        Sealer::new(self, settings).with_scheme(|scheme| scheme.users_ahead())
    }
}
