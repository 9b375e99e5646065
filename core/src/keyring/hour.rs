//! The salt of an hour.
//!
//! Any sixteen bytes are a salt, so a token need not have its own. What one
//! hour seals shares a key, and each child derives one key an hour. How much
//! that may be, a cipher with blocks of 64 bits decides: a million sessions of
//! 300 bytes under 3DES see two equal blocks with a chance of 1 in 25,000 (n²
//! of 2^65, n blocks), a hundred million would almost surely. With AES there is
//! no such bound in sight.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::algorithm::derivation::CLASSIC_SALT;

const SECONDS_AN_HOUR: u64 = 3600;

/// What the salts of a server follow from; each server draws its own.
///
/// It is no secret: salts are written into tokens. It need only differ.
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub [u8; 16]);

/// The number of the hour of a Unix time in seconds.
pub(crate) fn hour(seconds: u64) -> u64 {
    seconds / SECONDS_AN_HOUR
}

/// The salt of an hour: SipHash-2-4-128 of its number, keyed by the seed.
pub(crate) fn salt(seed: &Seed, hour: u64) -> [u8; CLASSIC_SALT] {
    let mut hasher = SipHasher24::new_with_key(&seed.0);
    hasher.write_u64(hour);
    hasher.finish128().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_one_salt_and_the_next_another() {
        let (one, other) = (Seed([1; 16]), Seed([2; 16]));
        assert_eq!(hour(3599), hour(0));
        assert_ne!(hour(3600), hour(3599));
        assert_eq!(salt(&one, 7), salt(&one, 7));
        assert_ne!(salt(&one, 7), salt(&one, 8));
        assert_ne!(salt(&one, 7), salt(&other, 7));
    }
}
