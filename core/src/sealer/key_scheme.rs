//! A key scheme: the source of content keys for JWE.
//!
//! There are two, `day_keys` and `wrapped_keys`. A third scheme would be a third file
//! beside them, and an arm in `Sealer::with_scheme`.

use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::error::{LibraryError, OpenError, SealError, UserIdError};
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::keyring::random::RandomBlock;
use crate::sealer::call::Cost;

/// The source of a section's content keys, from one kind of secret.
pub(super) trait KeyScheme<R> {
    /// The id of the secret that new sessions are sealed with, if there is any.
    fn first(&self) -> Option<u64>;

    /// The number of secrets in the section's list.
    fn count(&self) -> usize;

    /// The position of a secret in the section's list, by its id.
    fn position(&self, secret: u64) -> Option<usize>;

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
