//! A key scheme: the source of content keys for JWE.
//!
//! There are three, `day_keys`, `wrapped_keys` and `set_keys`. Another scheme would be
//! another file beside them, and an arm in `Sealer::with_scheme`.

use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::error::{LibraryError, OpenError, SealError, UserIdError};
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::keyring::random::RandomBlock;
use crate::sealer::call::Cost;

/// The standing of a secret among those of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The position in the section's list.
    pub(super) position: usize,
    /// New sessions are sealed with another secret, and this one is older.
    pub(super) is_stale: bool,
}

impl Standing {
    /// The standing in a list whose first secret seals.
    pub(super) fn in_list(position: usize) -> Self {
        Self {
            position,
            is_stale: position != 0,
        }
    }
}

/// The source of a section's content keys, from one kind of secret.
pub(super) trait KeyScheme<R> {
    /// The id of the secret that new sessions are sealed with at a Unix time in seconds.
    ///
    /// # Errors
    ///
    /// There is none.
    fn seals_with(&self, now: u64) -> Result<u64, SealError>;

    /// The positions of the secrets that open at a Unix time in seconds.
    fn positions(&self, now: u64) -> Vec<usize>;

    /// The standing of a secret at a Unix time in seconds, by its id, if the section has it.
    fn standing(&self, secret: u64, now: u64) -> Option<Standing>;

    /// The number of the period, counted from 1970, during which one key encrypts.
    fn period(&self, now: u64) -> u64;

    /// Makes the context that encrypts during the period of a Unix time in seconds.
    ///
    /// # Errors
    ///
    /// There is no secret, its key may not be derived now, or OpenSSL fails.
    fn sealing(
        &self,
        now: u64,
        random: &mut RandomBlock<R>,
    ) -> Result<(SealingContext, Cost), SealError>;

    /// Makes the context that decrypts a token.
    ///
    /// # Errors
    ///
    /// The token is refused, for example because it names no key of this section; or
    /// OpenSSL fails.
    fn opening(&self, parts: &Parts<'_>, now: u64) -> Result<(OpeningContext, Cost), OpenError>;

    /// Makes the keys that new sessions are encrypted with, before a request needs them.
    /// Returns how many it made; it may note others for later.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    fn ahead(&self, now: u64) -> Result<usize, LibraryError>;

    /// The id of a user under the secret at a position of the list.
    ///
    /// # Errors
    ///
    /// There is no such secret, its key may not be derived now, or OpenSSL fails.
    fn user_id(
        &self,
        position: usize,
        user: &NamedUser<'_>,
        now: u64,
    ) -> Result<[u8; USER_ID], UserIdError>;

    /// Makes the keys of ids of users, before a request needs them. It may note keys for
    /// later.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    fn users_ahead(&self) -> Result<(), LibraryError>;
}
