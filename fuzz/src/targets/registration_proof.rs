//! A proof with which a browser registers its key, as it is sent; or a header and a payload
//! with a line feed between, which the device of this target signs.
//!
//! A proof that is verified has been signed by the key in its header, and `serde_json` finds
//! the same algorithm, key and challenge in it. The answer registers that key, and no session
//! but that of the challenge.

use session_crypto_core::{
    Challenge, ChallengeFor, DeviceKey, Proof, ProofError, ProofFlaw, Registration,
    RegistrationAnswer, SessionEntry, SessionUsers, Standing, Unsealed,
};

use crate::oracle::device::{self, check_flaw, meaning, parts, split};
use crate::oracle::json::Members;
use crate::oracle::section::NOW;

/// Reads both.
pub fn run(data: &[u8]) {
    check(data, false);
    let (header, payload) = split(data);
    check(&device::proof(header, payload), true);
}

fn check(sent: &[u8], is_signed: bool) {
    let (proof, key) = match Proof::of_registration(sent) {
        Ok(read) => read,
        Err(flaw) => {
            let meaning = parts(sent).and_then(|(header, payload)| meaning(&header, &payload));
            return check_flaw(flaw, meaning.as_ref());
        }
    };
    assert!(sent.len() <= 6 * 1024);
    let (header, payload) = parts(sent).unwrap();
    let (alg, challenge) = meaning(&header, &payload).unwrap();
    assert_eq!(proof.challenge(), challenge);
    let members = Members::of(&header).unwrap();
    let jwk = members.raw("jwk").unwrap();
    assert_eq!(DeviceKey::from_jwk(jwk.as_bytes()), Ok(key.clone()));
    let verified = match proof.verify(&key) {
        Ok(()) => true,
        Err(ProofError::Refused(flaw)) => {
            assert!(flaw != ProofFlaw::Algorithm || !is_of_key(jwk, &alg));
            false
        }
        Err(ProofError::Library(error)) => panic!("a proof makes the host fail: {error}"),
    };
    if is_signed {
        // The device has signed it, so it is verified if and only if it has the device's key.
        assert_eq!(verified, key == device::key() && alg == "ES256");
    } else if verified {
        let known = device::proofs("registration");
        let is_known = known.iter().any(|vector| {
            let proof = parts(vector.text("proof").as_bytes());
            proof.is_some_and(|proof| proof == (header.clone(), payload.clone()))
        });
        assert!(is_known, "a proof is forged");
    }
    let session = SessionEntry::of_token(NOW.seconds, b"a token");
    let answer = Registration {
        proof: Some(Ok((proof, key.clone()))),
        challenge: Unsealed::Value(Challenge {
            session,
            made: NOW.seconds,
            purpose: ChallengeFor::Registration(SessionUsers::default()),
        }),
        standing: Standing::Alive,
        now: NOW.seconds,
    };
    match answer.answer([]) {
        RegistrationAnswer::Registered(registered) => {
            assert!(verified);
            assert_eq!(registered.key.key, key);
            assert_eq!(registered.bound.device, key.device());
            assert!(registered.bound.session.is_of_same_session(&session));
        }
        RegistrationAnswer::Refused(_) => assert!(!verified),
        RegistrationAnswer::Unable(reason) => panic!("{reason:?}"),
    }
}

/// Whether the algorithm is that of a key.
fn is_of_key(jwk: &str, alg: &str) -> bool {
    let members = Members::of(jwk.as_bytes()).unwrap();
    let expected = match members.text("kty").as_deref() {
        Some("EC") => "ES256",
        _ => "RS256",
    };
    alg == expected
}

/// The proofs of the vectors, and headers that the device signs.
pub fn seeds() -> Vec<Vec<u8>> {
    let jwk = device::jwk();
    let headers = [
        format!(r#"{{"alg":"ES256","jwk":{jwk},"typ":"dbsc+jwt"}}"#),
        format!(r#"{{"alg":"RS256","jwk":{jwk},"typ":"dbsc+jwt"}}"#),
        format!(r#"{{"typ":"dbsc+jwt","alg":"ES256","alg":"none","jwk":{jwk}}}"#),
    ];
    device::seeds("registration", &headers)
}
