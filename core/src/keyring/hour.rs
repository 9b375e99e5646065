//! The salt of an hour.
//!
//! Any sixteen bytes can be a salt, so tokens may share one. All sessions that a server
//! seals in an hour share a salt and a key, and each child derives one key an hour.
//!
//! A cipher with blocks of 64 bits limits how many sessions one key may encrypt. A million
//! sessions of 300 bytes under 3DES have two equal blocks with a chance of 1 in 25,000
//! (n² / 2^65 for n blocks); a hundred million have them almost surely. AES sets no limit
//! that a server could reach.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::algorithm::derivation::CLASSIC_SALT;

const SECONDS_AN_HOUR: u64 = 3600;

/// The seed from which the salts of a server follow. Each server draws its own.
///
/// For salts the seed need not be secret, because tokens contain the salts; it need only
/// differ from server to server. The names of [derived keys](crate::KeyJob::name) follow
/// from it too.
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
