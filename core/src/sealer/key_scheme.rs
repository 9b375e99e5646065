//! A key scheme: where the content keys of JWE come from.
//!
//! A third scheme is a third file beside `day_keys` and `wrapped_keys`, and an arm
//! in `Sealer::with_scheme`.

use crate::error::{LibraryError, OpenError, SealError};
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::keyring::random::RandomBlock;
use crate::sealer::call::Cost;

/// The content keys of a section, from one kind of secret.
pub(super) trait KeyScheme<R> {
    /// The id of the secret that encrypts new sessions, if there is any.
    fn first(&self) -> Option<u64>;

    /// The place of a secret in the section's list, by its id.
    fn position(&self, secret: u64) -> Option<usize>;

    /// The number of the period, counted from 1970, in which one key encrypts.
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
    /// The token names no key of this section, or OpenSSL fails.
    fn opening(&self, parts: &Parts<'_>, now: u64) -> Result<(OpeningContext, Cost), OpenError>;

    /// Makes the keys that new sessions are encrypted with, so that no request has
    /// to; returns how many were made at once.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    fn ahead(&self, now: u64) -> Result<usize, LibraryError>;
}
