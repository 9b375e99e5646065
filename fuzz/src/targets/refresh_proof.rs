//! A proof with which a browser refreshes, as it is sent; or a header and a payload with a
//! line feed between, which the device of this target signs.
//!
//! A proof that is verified has been signed by the device, and `serde_json` finds the same
//! algorithm and challenge in it. Only such a proof gets a bound cookie.

use session_crypto_core::{
    Challenge, ChallengeFor, KeyCookie, Proof, ProofError, Refresh, RefreshAnswer, SessionEntry,
    SessionUsers, Standing, Unsealed,
};

use crate::oracle::device::{self, check_flaw, meaning, parts, split};
use crate::oracle::section::NOW;

/// Reads both.
pub fn run(data: &[u8]) {
    check(data, false);
    let (header, payload) = split(data);
    check(&device::proof(header, payload), true);
}

fn check(sent: &[u8], is_signed: bool) {
    let found = parts(sent).and_then(|(header, payload)| meaning(&header, &payload));
    let proof = match Proof::of_refresh(sent) {
        Ok(proof) => proof,
        Err(flaw) => return check_flaw(flaw, found.as_ref()),
    };
    assert!(sent.len() <= 6 * 1024);
    let (alg, challenge) = found.unwrap();
    assert_eq!(proof.challenge(), challenge);
    let key = device::key();
    let verified = match proof.verify(&key) {
        Ok(()) => true,
        Err(ProofError::Refused(_)) => false,
        Err(ProofError::Library(error)) => panic!("a proof makes the host fail: {error}"),
    };
    assert_eq!(verified, is_signed && alg == "ES256");
    let session = SessionEntry::of_token(NOW.seconds, b"a token");
    let cookie = KeyCookie {
        session,
        users: SessionUsers::default(),
        key: key.clone(),
    };
    let answer = Refresh {
        id: Some(key.thumbprint()),
        key: Unsealed::Value(cookie),
        standing: Standing::Alive,
        proof: Some(Ok(proof)),
        challenge: Unsealed::Value(Challenge {
            session,
            made: NOW.seconds,
            purpose: ChallengeFor::Refresh,
        }),
        now: NOW.seconds,
        lifetime: 600,
    };
    match answer.answer() {
        RefreshAnswer::Refreshed { bound, .. } => {
            assert!(verified);
            assert_eq!(bound.device, key.device());
            assert!(bound.session.is_of_same_session(&session));
        }
        RefreshAnswer::Refused(_) => assert!(!verified),
        other => panic!("{other:?}"),
    }
}

/// The proofs of the vectors, and headers that the device signs.
pub fn seeds() -> Vec<Vec<u8>> {
    let headers = [
        r#"{"alg":"ES256","typ":"dbsc+jwt"}"#,
        r#"{"alg":"RS256","typ":"dbsc+jwt","jwk":1}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","crit":["b64"],"b64":false}"#,
    ];
    device::seeds("refresh", &headers.map(str::to_owned))
}
