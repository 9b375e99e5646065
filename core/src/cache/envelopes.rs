//! Content keys that were encrypted under a longer-lived key. Each is made once an hour.

use std::sync::Mutex;

use zeroize::Zeroizing;

use crate::cache::slot::KeySlot;
use crate::panics::locks;
use crate::purpose::Purpose;

/// A content key, and the beginning of each token under it.
pub(crate) struct Envelope {
    pub(crate) content_key: Zeroizing<Vec<u8>>,
    /// The header, in base64url.
    pub(crate) header: String,
    pub(crate) encrypted_key: String,
}

/// The use that an envelope is made for. `W` is the algorithm that encrypts, if there is a
/// choice.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EnvelopeUse<W> {
    pub(crate) wrapping: W,
    pub(crate) cipher: usize,
    pub(crate) hour: u64,
    pub(crate) purpose: Option<Purpose>,
}

/// The envelopes under one key that are in use.
pub(crate) struct Envelopes<W>(Mutex<Vec<(EnvelopeUse<W>, KeySlot<Envelope>)>>);

/// The most envelopes that are kept: more than the purposes that a sane configuration
/// has under one key.
const MAX_ENVELOPES: usize = 64;

impl<W: Clone + PartialEq> Envelopes<W> {
    /// The slot of the envelope for a use.
    pub(crate) fn slot(&self, usage: &EnvelopeUse<W>) -> KeySlot<Envelope> {
        let mut envelopes = locks::lock(&self.0);
        // Requests of the last hour and of this hour may come at the same time. Neither
        // may push out the envelope of the other.
        let is_near = |hour: u64| hour.abs_diff(usage.hour) <= 1;
        envelopes.retain(|(usage, envelope)| is_near(usage.hour) && !envelope.has_failed());
        if let Some((_, envelope)) = envelopes.iter().find(|(known, _)| known == usage) {
            return envelope.clone();
        }
        if envelopes.len() >= MAX_ENVELOPES {
            envelopes.remove(0);
        }
        let envelope = KeySlot::default();
        envelopes.push((usage.clone(), envelope.clone()));
        envelope
    }
}

impl<W> Default for Envelopes<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LibraryError;

    fn usage(hour: u64, purpose: usize) -> EnvelopeUse<()> {
        EnvelopeUse {
            wrapping: (),
            cipher: 1,
            hour,
            purpose: Some(Purpose::new(&format!("purpose {purpose}")).unwrap()),
        }
    }

    /// Whether a new envelope was made.
    fn is_new(envelopes: &Envelopes<()>, hour: u64, purpose: usize) -> bool {
        let envelope = envelopes.slot(&usage(hour, purpose));
        let make = || {
            Ok(Envelope {
                content_key: Zeroizing::new(vec![7; 32]),
                header: String::new(),
                encrypted_key: String::new(),
            })
        };
        envelope.get(make).unwrap().is_new
    }

    fn count(envelopes: &Envelopes<()>) -> usize {
        envelopes.0.lock().unwrap().len()
    }

    #[test]
    fn envelopes_for_many_purposes_stay_few() {
        let envelopes = Envelopes::<()>::default();
        for purpose in 0..3 * MAX_ENVELOPES {
            assert!(is_new(&envelopes, 1, purpose));
            assert!(count(&envelopes) <= MAX_ENVELOPES);
        }
        for purpose in 2 * MAX_ENVELOPES..3 * MAX_ENVELOPES {
            assert!(!is_new(&envelopes, 1, purpose), "{purpose}");
        }
    }

    #[test]
    fn a_request_of_the_last_hour_does_not_cost_this_one_its_envelope() {
        let envelopes = Envelopes::<()>::default();
        assert!(is_new(&envelopes, 1, 0));
        assert!(is_new(&envelopes, 2, 0));
        for _ in 0..3 {
            assert!(!is_new(&envelopes, 1, 0));
            assert!(!is_new(&envelopes, 2, 0));
        }
    }

    #[test]
    fn envelopes_of_past_hours_are_dropped() {
        let envelopes = Envelopes::<()>::default();
        for hour in 1..50 {
            assert!(is_new(&envelopes, hour, 0));
            assert!(count(&envelopes) <= 2);
        }
        // They are dropped also when the clock goes back.
        assert!(is_new(&envelopes, 1, 0));
        assert_eq!(count(&envelopes), 1);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let envelopes = Envelopes::<()>::default();
        let failed = envelopes.slot(&usage(1, 0));
        assert!(failed.get(|| Err(LibraryError::elsewhere())).is_err());
        assert!(is_new(&envelopes, 1, 0));
    }
}
