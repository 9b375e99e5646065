//! Why a token does not open, in words for the person who called.

use session_crypto_core::{Refusal, SealError};

use crate::failure::{Failure, Kind};

/// How much a refusal says about a token that several secrets refuse. The secret that the
/// token names says the most.
pub(crate) fn rank(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Format => 0,
        Refusal::Header | Refusal::Encoding => 1,
        Refusal::UnknownKey
        | Refusal::UnknownSetKey
        | Refusal::UnknownCertificate
        | Refusal::NotAuthentic => 2,
        _ => 3,
    }
}

/// The failure of a token that does not open.
pub(crate) fn open(refusal: Refusal) -> Failure {
    let words = match refusal {
        Refusal::Format | Refusal::Header => {
            "the token is under another kind of secret or cipher, or has a header that \
             mod_session_crypto does not write: 'htsession inspect' shows it"
        }
        Refusal::Purpose => {
            "the token was made for another purpose: 'htsession inspect' shows it, and --purpose \
             takes it"
        }
        Refusal::UnknownKey | Refusal::UnknownSetKey => {
            "the token is under a key that is not here: 'htsession inspect' shows its id"
        }
        Refusal::EndedSetKey => {
            "the token is under a key that has ended: no server opens it any more"
        }
        Refusal::UnknownCertificate => {
            "the token is for a certificate that is not here: 'htsession inspect' shows its id"
        }
        Refusal::NotAuthentic => {
            "no passphrase here authenticates the token: it is under another one, or was changed"
        }
        Refusal::OtherAlgorithm => {
            "the token was made under another cipher or digest: name them with --cipher and --digest"
        }
        refusal => return Failure::new(Kind::Refused, refusal.to_string()),
    };
    Failure::new(Kind::Refused, words)
}

/// The failure of a session that is not sealed.
pub(crate) fn seal(error: SealError) -> Failure {
    let kind = match error {
        SealError::TooLarge => Kind::Refused,
        SealError::NoKey | SealError::NoneSeals => Kind::Secrets,
        SealError::TooManyKeys | SealError::Library(_) => Kind::Library,
    };
    if matches!(error, SealError::NoneSeals) {
        let words =
            "no key of the set has begun and not ended: 'htsession rotate --lead 0' adds one";
        return Failure::new(kind, words);
    }
    Failure::new(kind, error.to_string())
}
