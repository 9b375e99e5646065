//! Errors in the administrator's words: what is wrong, and what to write instead.
//!
//! Each function has the full text of every variant of one error.

use std::fmt::Display;
use std::os::unix::process::ExitStatusExt;

use session_crypto_core::program::ProgramError;
use session_crypto_core::times::{DateError, LifetimeError};
use session_crypto_core::{
    AlgorithmError, EmptyPassphrase, EngineError, FileError, InvalidPurpose, KeyFlaw, KeySetError,
    KeySetFlaw, LibraryError, LineError, Origin, PairingError, PairingFault, PassphraseFileError,
    SealError, SourceError, UnusableKey, UserIdError,
};

/// A cipher or a digest cannot be used.
pub(crate) fn algorithm(error: AlgorithmError) -> &'static str {
    match error {
        AlgorithmError::UnknownCipher => {
            "unknown cipher: write aes256, aes192, aes128, 3des192, or a name that 'openssl list \
             -cipher-algorithms' shows; for one of an engine or provider, set SessionCryptoEngine"
        }
        AlgorithmError::UnusableCipher => {
            "sessions cannot be sealed with this cipher, which is neither CBC nor AES-GCM: write \
             aes256 or another name that ends in -cbc, or aes-256-gcm"
        }
        AlgorithmError::UnknownDigest => {
            "unknown digest: write SHA, SHA256, SHA512, or a name that 'openssl list \
             -digest-algorithms' shows; for one of an engine or provider, set SessionCryptoEngine"
        }
        AlgorithmError::UnusableDigest => {
            "this digest cannot be used for HMAC, and so not to derive a key: write SHA, SHA256 or \
             SHA512"
        }
    }
}

/// An engine or a provider cannot be used.
pub(crate) fn engine(error: &EngineError) -> String {
    match error {
        EngineError::Name => "a name of letters, digits, - and _ is needed, perhaps after engine: \
             or provider:, because OpenSSL looks for a file of that name"
            .to_owned(),
        EngineError::Unknown { tried } => {
            format!("there is no {tried}: install it, or write the name of another")
        }
        EngineError::Algorithm(error) => algorithm(*error).to_owned(),
        EngineError::NotInUse => "only an engine or provider that the server configuration uses \
             is allowed in .htaccess: write the name of one, or have it set there"
            .to_owned(),
    }
}

/// A text cannot be a purpose.
pub(crate) fn purpose(InvalidPurpose: InvalidPurpose) -> String {
    "a purpose is 1 to 128 printable ASCII characters other than \" and \\: write a name, like \
     the one of the application"
        .to_owned()
}

/// A file or a URI cannot be used; the words go on after its name.
pub(crate) fn source(error: &SourceError, origin: Origin) -> String {
    match error {
        SourceError::Unreadable(reason) => {
            let reader = match origin {
                Origin::Server => "the user who starts httpd",
                Origin::Htaccess => "the user of httpd's children",
            };
            format!(
                "cannot be read ({}): write the name of a file that is there, and that {reader} \
                 may read",
                without_number(reason)
            )
        }
        SourceError::NotAFile => "is not a file: write the name of one".to_owned(),
        SourceError::TooLarge(most) => {
            format!("is larger than {most} bytes: write the name of a certificate or key")
        }
        SourceError::File(error) => file(*error),
        SourceError::Key(key) => unusable_key(key),
    }
}

/// A file has no certificate or private key to use; the words go on after its
/// name.
fn file(error: FileError) -> String {
    match error {
        FileError::Empty => "is empty: write the name of a file in PEM, DER or PKCS#12",
        FileError::TooSlow => {
            "takes more rounds to open than are allowed in .htaccess, or is PKCS#12: write a \
             private key in PEM that is not encrypted, or by 'openssl pkcs8 -topk8', or set it in \
             the server configuration"
        }
        FileError::Locked => {
            "is encrypted, and no passphrase of this section opens it: write the right one with \
             SessionCryptoPassphrase or SessionCryptoPassphraseFile"
        }
        FileError::NoPassphrase => {
            "is encrypted, and this section has no passphrase: write the one that opens it with \
             SessionCryptoPassphrase or SessionCryptoPassphraseFile"
        }
        FileError::TooManyAttempts(most) => {
            return format!(
                "is encrypted, and {most} attempts have not opened the private keys of this \
                 section, which are all that there are in .htaccess: write the right passphrase \
                 first, or fewer passphrases and keys"
            );
        }
        FileError::Broken => {
            "has a certificate or private key that OpenSSL cannot read: write it anew"
        }
        FileError::Failed => "could not be looked at: OpenSSL failed, perhaps for want of memory",
        FileError::NoCertificate => {
            "has no certificate in it: write the name of a file in PEM, DER or PKCS#12"
        }
        FileError::NoKey => {
            "has no private key in it: write the name of a file in PEM, DER or PKCS#12"
        }
    }
    .to_owned()
}

/// A certificate or a private key has a key of the wrong kind; the words go on
/// after its name.
fn unusable_key(key: &UnusableKey) -> String {
    format!("has {key}: use RSA of 2048 bits or more, or EC on P-256, P-384 or P-521")
}

/// Certificates and private keys do not go together.
pub(crate) fn pairing(error: &PairingError) -> String {
    let name = &error.name;
    match &error.fault {
        PairingFault::File(error) => format!("{name} {}", file(*error)),
        PairingFault::Key(key) => format!("{name} {}", unusable_key(key)),
        PairingFault::Library(error) => format!("{name}: {}", library(error)),
        PairingFault::Hardware(error) => format!(
            "{name}: {}: look for the hardware token, at the names in this URI, and at the PIN, which is \
             the first passphrase of this section",
            library(error)
        ),
        PairingFault::NoEngine => format!(
            "{name} is not a file: write the name of one, or with SessionCryptoEngine the engine \
             or provider that knows this URI, as 'SessionCryptoEngine pkcs11'"
        ),
        PairingFault::PinOfHtaccess => format!(
            "{name} is on a hardware token, and a passphrase of .htaccess is not tried as its PIN: take \
             the SessionCryptoPassphrase line out"
        ),
        PairingFault::Unpaid => format!(
            "{name} is encrypted, and no passphrase has been tried on it yet: the limit for \
             .htaccess files is used up: wait for some seconds, or write a private key that is \
             not encrypted, or set it in the server configuration, where keys are opened at \
             startup"
        ),
        PairingFault::OtherPrivateKey => format!(
            "{name} has a private key that is not that of its certificate: put the two that \
             belong together in it"
        ),
        PairingFault::NoPrivateKey { tried } if tried.is_empty() => format!(
            "{name} has a certificate, and nothing says where its private key is: write the file \
             with SessionCryptoCertificateKeyFile, or add the key to {name}"
        ),
        PairingFault::NoPrivateKey { tried } => format!(
            "the certificate in {name} has no private key, that in {} is another's: write the \
             file with the one that belongs to it with SessionCryptoCertificateKeyFile",
            tried.join(" and in ")
        ),
    }
}

const TOO_MANY_KEYS: &str = "the key of its passphrase is not derived yet, and the limit for \
     .htaccess files and settings that only a request brings together is used up: wait for some \
     seconds, or set the passphrase in the server configuration, whose keys are derived at startup";

/// A session's user has no id.
pub(crate) fn user_id(error: &UserIdError) -> String {
    match error {
        UserIdError::TooManyKeys => TOO_MANY_KEYS.to_owned(),
        UserIdError::Library(error) => library(error),
        UserIdError::NoKey => error.to_string(),
    }
}

/// A session could not be sealed.
pub(crate) fn seal(error: &SealError) -> String {
    match error {
        SealError::TooManyKeys => TOO_MANY_KEYS.to_owned(),
        SealError::Library(error) => library(error),
        SealError::TooLarge | SealError::NoKey | SealError::NoneSeals => error.to_string(),
    }
}

/// OpenSSL failed, or this process did as it started.
pub(crate) fn library(error: &LibraryError) -> String {
    if error.is_not_set_up() {
        "this process failed to start: see what error_log says of it, and restart the server"
            .to_owned()
    } else {
        error.to_string()
    }
}

/// A list is longer than it may be.
pub(crate) fn too_many(what: &str, limit: usize) -> String {
    format!("more than {limit} {what}: take out those not in use")
}

/// A word that should name a file cannot be the name of one.
pub(crate) fn no_file_name(word: &str) -> String {
    format!("{word} is not the name of a file")
}

/// A file of secrets cannot be read; the words go on after its name. `what` is what the file
/// should hold.
pub(crate) fn unreadable_file(error: &PassphraseFileError, what: &str) -> String {
    match error {
        PassphraseFileError::Unreadable(reason) => format!(
            "cannot be read ({}): write the name of a file that holds {what}",
            without_number(reason)
        ),
        PassphraseFileError::Directory => {
            format!("is a directory: write the name of a file that holds {what}")
        }
        PassphraseFileError::NotAFile => {
            format!("is not a file: write the name of one that holds {what}")
        }
        PassphraseFileError::TooLarge(most) => {
            format!("is larger than {most} bytes: write the name of a file that holds {what}")
        }
    }
}

/// A key file has no keys to use; the words go on after its name.
pub(crate) fn key_set_flaw(flaw: &KeySetFlaw) -> String {
    match flaw {
        KeySetFlaw::File(error) => unreadable_file(error, "a JWK Set, which 'htsession key' makes"),
        KeySetFlaw::Set(error) => key_set(error),
    }
}

/// A text is no JWK Set, or none that seals now; the words go on after its name.
pub(crate) fn key_set(error: &KeySetError) -> String {
    let cure = match error {
        KeySetError::TooLarge => {
            "write the name of a file that holds a JWK Set, which 'htsession key' makes"
        }
        KeySetError::NotJson { .. } => {
            "write one that 'htsession key' makes; passphrases take SessionCryptoPassphraseFile"
        }
        KeySetError::Repeated(_) => "take one of the two out",
        KeySetError::TooManyKeys(_) => "take out those that have ended",
        KeySetError::EqualIds(_) => "give each key a kid of its own",
        KeySetError::Key { flaw, .. } => key_flaw(flaw),
        KeySetError::NoneSeals => {
            "no session could be sealed: add a key whose nbf is not to come, and look at the \
             clock of this host"
        }
        _ => "write one that 'htsession key' makes",
    };
    format!("{error}: {cure}")
}

/// The cure for a mistake in a key.
fn key_flaw(flaw: &KeyFlaw) -> &'static str {
    match flaw {
        KeyFlaw::KeyType(_) => "take it out, because only symmetric keys seal sessions",
        KeyFlaw::Size(_) | KeyFlaw::NotBase64Url => "write 32 random bytes in base64url",
        KeyFlaw::Contradiction { .. } => {
            "take the member out, or the key, if it is for something else"
        }
        KeyFlaw::Repeated(_) => "take one of the two out",
        _ => "write it anew, as 'htsession key' does",
    }
}

/// A line of a file of passphrases has a mistake.
pub(crate) fn passphrase_line(error: LineError) -> String {
    match error {
        LineError::Utf16 => "the file is in UTF-16: save it as UTF-8, or as plain ASCII".to_owned(),
        LineError::JwkSet => {
            "the file is a JWK Set: write SessionCryptoKeyFile before its name".to_owned()
        }
        LineError::Nul => "there is a NUL byte, as in UTF-16: save the file as UTF-8, or as plain \
             ASCII"
            .to_owned(),
        LineError::OpenQuote => "a quote is not closed: end the passphrase with the quote that it \
             begins with, or put it in the other kind of quotes"
            .to_owned(),
        LineError::TooLong(most) => {
            format!("the line is longer than {most} bytes: write fewer passphrases on a line")
        }
    }
}

/// A file of passphrases has none.
pub(crate) fn no_passphrase_in(file: &dyn Display) -> String {
    format!(
        "{file} has no passphrase in it, and sessions would go out in clear: write one on a line \
         of its own, without a # before it"
    )
}

/// A word is an empty passphrase.
pub(crate) fn empty_passphrase(EmptyPassphrase: EmptyPassphrase) -> String {
    "empty passphrase, which would protect nothing: write one, or take the empty quotes out"
        .to_owned()
}

/// A program prints an empty passphrase; the words go on after its name.
pub(crate) fn empty_first_line(EmptyPassphrase: EmptyPassphrase) -> String {
    "printed an empty passphrase: the first line must be the passphrase".to_owned()
}

/// A program that should print a secret does not; the words go on after its
/// name.
///
/// `what` is the secret that it should print.
pub(crate) fn program(error: &ProgramError, what: &str) -> String {
    match error {
        ProgramError::NotRun(error) => format!(
            "cannot be run ({}): write the path of a program that may be run",
            without_number(error)
        ),
        ProgramError::NotWaitedFor(error) => {
            format!("cannot be waited for ({})", without_number(error))
        }
        ProgramError::Unreadable(error) => {
            format!("cannot be read from ({})", without_number(error))
        }
        ProgramError::Failed(status) => {
            let status = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "no exit status".to_owned(),
            };
            format!("failed with {status}: it must print the {what} and exit with status 0")
        }
        ProgramError::PrintedNothing => format!("printed nothing: it must print the {what}"),
        ProgramError::PrintedNul => "printed a NUL byte, which no passphrase has".to_owned(),
    }
}

/// `exec:` stands alone.
pub(crate) const NO_PROGRAM: &str = "exec: names no program: write exec:/path/to/program";

/// `exec:` stands in a `.htaccess` file.
pub(crate) const NO_EXEC_IN_HTACCESS: &str = "exec: is not allowed in .htaccess, which would let \
     whoever writes it run programs as the server: write the passphrase itself, or set it in \
     the server configuration";

/// A word after `exec:` cannot be the path of a program.
pub(crate) fn no_program_path(word: &str) -> String {
    format!("exec:{word} is not a path")
}

/// The system's words for a failure, without the number that Rust puts after them.
fn without_number(reason: &impl ToString) -> String {
    let mut words = reason.to_string();
    if let Some(at) = words.rfind(" (os error ") {
        words.truncate(at);
    }
    words
}

/// Says which words SessionCryptoEndSessionsFor takes.
pub(crate) fn own_or_any(word: &str) -> String {
    format!("'{word}' is neither 'own' nor 'any': write one of these, or take the line out")
}

/// Says how a lifetime is written.
pub(crate) fn lifetime(text: &str, error: LifetimeError) -> String {
    match error {
        LifetimeError::Malformed => format!(
            "'{text}' is no lifetime: write a number and its unit, as in 90s, 30min, 8h or 30d"
        ),
        LifetimeError::TooShort => {
            format!(
                "'{text}' is shorter than a second: write a time in which users can work, as 8h"
            )
        }
        LifetimeError::TooLong => {
            format!("'{text}' is longer than ten years: write a shorter time, or take the line out")
        }
    }
}

/// Says how a date is written.
pub(crate) fn date(text: &str, DateError: DateError) -> String {
    format!(
        "'{text}' is no date with a time and a zone: write it as in RFC 3339, for example \
         2026-11-26T08:00:00Z or 2026-11-26T09:00:00+01:00"
    )
}

/// A word is no code of a warning; `codes` are those that there are.
pub(crate) fn unknown_code(word: &[u8], codes: &[impl Display]) -> String {
    let word = String::from_utf8_lossy(word);
    let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
    format!(
        "'{word}' is no code of a warning that may be accepted: write one or more of {}",
        codes.join(", ")
    )
}

/// The message for an entry without a name.
pub(crate) const EMPTY_USER_ENTRY: &str = "an entry of a session has a name: write it, or take the \
     empty word out";
