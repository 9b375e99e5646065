//! The codes of what happens to the session of a request.

use session_crypto_core::{Refusal, SealError};

use super::lifetimes::End;
use super::not_ended::NotEnded;
use crate::message::Code;

/// The session has expired.
pub(super) const EXPIRED: Code = Code("SC0131");

/// The session has ended while the request went on.
pub(super) const ENDED_MEANWHILE: Code = Code("SC0136");

/// OpenSSL or a hardware token failed at opening a token.
pub(super) const NOT_OPENED: Code = Code("SC0201");

/// This host cannot tell whether the session has ended.
pub(super) const NOT_JUDGED: Code = Code("SC0202");

/// News of ended sessions are missing.
pub(super) const NEWS_MISSING: Code = Code("SC0203");

/// The section has no settings to open or seal with.
pub(super) const UNUSABLE: Code = Code("SC0204");

/// The session belongs to another realm.
pub(super) const OTHER_REALM: Code = Code("SC0216");

/// The session's user has got no id.
pub(super) const NOT_NAMED: Code = Code("SC0217");

/// All sessions of a user are ended.
pub(super) const ENDED_EVERYWHERE: Code = Code("SC0221");

/// The session's token is under a passphrase, certificate or cipher that is not the first.
pub(super) const STALE: Code = Code("SC0241");

/// The session's token is under an older key of a key file.
pub(super) const OLDER_KEY: Code = Code("SC0242");

/// A key was derived, or a private key used.
pub(super) const DERIVED: Code = Code("SC0243");

/// Browsers may drop the cookie.
pub(super) const LONG_COOKIE: Code = Code("SC0251");

/// The code of a token that is refused.
pub(super) const fn refused(refusal: Refusal) -> Code {
    Code(match refusal {
        Refusal::Encoding => "SC0101",
        Refusal::Format => "SC0102",
        Refusal::Parts => "SC0103",
        Refusal::Header => "SC0104",
        Refusal::Purpose => "SC0105",
        Refusal::UnknownKey => "SC0106",
        Refusal::UnknownSetKey => "SC0107",
        Refusal::EndedSetKey => "SC0108",
        Refusal::UnknownCertificate => "SC0109",
        Refusal::Signature => "SC0110",
        Refusal::EncryptedKey => "SC0111",
        Refusal::Tag => "SC0112",
        Refusal::TooShort => "SC0113",
        Refusal::TooLong => "SC0114",
        Refusal::NotAuthentic => "SC0115",
        Refusal::OtherAlgorithm => "SC0116",
        Refusal::SaysNothing => "SC0117",
        Refusal::TooManyOfNothing => "SC0118",
    })
}

/// The code of a session that has ended.
pub(super) const fn ended(end: End) -> Code {
    Code(match end {
        End::Lifetime => "SC0132",
        End::NotBefore => "SC0133",
        End::Future => "SC0134",
        End::Revoked => "SC0135",
    })
}

/// The code of a session that is not sealed.
pub(super) const fn not_sealed(error: &SealError) -> Code {
    Code(match error {
        SealError::Library(_) => "SC0211",
        SealError::TooLarge => "SC0212",
        SealError::TooManyKeys => "SC0213",
        SealError::NoneSeals => "SC0214",
        SealError::NoKey => "SC0215",
    })
}

/// The code of a request that has ended no sessions.
pub(super) const fn not_ended(reason: &NotEnded) -> Code {
    Code(match reason {
        NotEnded::LedTo => "SC0222",
        NotEnded::NotPost => "SC0223",
        NotEnded::OtherSite => "SC0224",
        NotEnded::NoRevocation => "SC0225",
        NotEnded::NoEncryption => "SC0226",
        NotEnded::Unusable(_) => "SC0227",
        NotEnded::NoForm => "SC0228",
        NotEnded::LongForm => "SC0229",
        NotEnded::BrokenForm => "SC0230",
        NotEnded::NoUserInForm => "SC0231",
        NotEnded::NoUserEntry => "SC0232",
        NotEnded::OwnOnly => "SC0233",
        NotEnded::NoUser => "SC0234",
        NotEnded::Withheld => "SC0235",
        NotEnded::TooManyEntries => "SC0236",
        NotEnded::NoId(_) => "SC0237",
    })
}
