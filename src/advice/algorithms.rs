//! Errors of ciphers, digests and engines, and of what other settings need of them.

use session_crypto_core::{AlgorithmError, EngineError, InvalidPurpose};

use crate::message::{Code, Message};

/// A cipher or a digest cannot be used.
pub(crate) fn algorithm(error: AlgorithmError) -> Message {
    match error {
        AlgorithmError::UnknownCipher => Code("SC0341").says(
            "unknown cipher: write aes256, aes192, aes128, 3des192, or a name that 'openssl list \
             -cipher-algorithms' shows; for one of an engine or provider, set SessionCryptoEngine",
        ),
        AlgorithmError::UnusableCipher => Code("SC0342").says(
            "sessions cannot be sealed with this cipher, which is neither CBC nor AES-GCM: write \
             aes256 or another name that ends in -cbc, or aes-256-gcm",
        ),
        AlgorithmError::RefusedCipher => Code("SC0344").says(
            "OpenSSL's provider has this cipher and does not allow it: write aes256 or aes-256-gcm",
        ),
        AlgorithmError::UnknownDigest => Code("SC0345").says(
            "unknown digest: write SHA, SHA256, SHA512, or a name that 'openssl list \
             -digest-algorithms' shows; for one of an engine or provider, set SessionCryptoEngine",
        ),
        AlgorithmError::UnusableDigest => Code("SC0346").says(
            "this digest cannot be used for HMAC, and so not to derive a key: write SHA, SHA256 or \
             SHA512",
        ),
        AlgorithmError::HostFailed => Code("SC0349").says(
            "OpenSSL failed as it looked for this algorithm, most likely for lack of memory: look \
             at the limits of httpd's user, and start httpd again",
        ),
    }
}

/// The first cipher, which seals, may only decrypt.
pub(crate) fn cipher_cannot_encrypt() -> Message {
    Code("SC0348").says(
        "OpenSSL's provider lets the first cipher decrypt and not encrypt, as a FIPS provider does \
         with 3DES: write aes256 or aes-256-gcm before it",
    )
}

/// A CBC cipher stands beside a certificate.
pub(crate) fn certificate_needs_aead() -> Message {
    Code("SC0343").says(
        "with a certificate, sessions are sealed as JWE, and a CBC cipher gives none: write \
         'SessionCryptoCipher aes-256-gcm', or take the line out",
    )
}

/// A CBC cipher would seal beside a key file.
pub(crate) fn key_file_needs_aead() -> Message {
    Code("SC0321").says(
        "with a key file, sessions are sealed as JWE, and a CBC cipher gives none: write \
         aes-256-gcm before it, or take the line out if there are no sessions under it",
    )
}

/// Another digest stands beside an RSA certificate.
pub(crate) fn no_such_oaep() -> Message {
    Code("SC0347").says(
        "with an RSA certificate, the digest is SHA256, or SHA for hardware that has no other: \
         write one of these, or take the line out",
    )
}

/// An engine or a provider cannot be used.
pub(crate) fn engine(error: &EngineError) -> Message {
    match error {
        EngineError::Unknown { tried } => Code("SC0351").says(format!(
            "there is no {tried}: install it, or write the name of another"
        )),
        EngineError::Name => Code("SC0352").says(
            "a name of letters, digits, - and _ is needed, perhaps after engine: or provider:, \
             because OpenSSL looks for a file of that name",
        ),
        EngineError::NotInUse => Code("SC0353").says(
            "only an engine or provider that the server configuration uses is allowed in \
             .htaccess: write the name of one, or have it set there",
        ),
        EngineError::Algorithm(error) => algorithm(*error),
    }
}

/// A text cannot be a purpose.
pub(crate) fn purpose(InvalidPurpose: InvalidPurpose) -> Message {
    Code("SC0355").says(
        "a purpose is 1 to 128 printable ASCII characters other than \" and \\: write a name, \
         like the one of the application",
    )
}

/// There are a purpose and nothing but CBC ciphers.
pub(crate) fn purpose_needs_aead() -> Message {
    Code("SC0356").says(
        "a purpose takes a cipher whose tokens can carry it: write 'SessionCryptoCipher \
         aes-256-gcm', or take the purpose out",
    )
}
