//! Errors of certificates and private keys, and of how they go together.
//!
//! Words about a file or a URI go on after its name.

use session_crypto_core::{
    FileError, Origin, PairingError, PairingFault, SourceError, UnusableKey,
};

use super::failures::library;
use super::files::{not_a_file, too_large, unreadable};
use crate::message::{Code, Message};

/// A URI stands for a file.
pub(crate) fn no_file_scheme() -> Message {
    Code("SC0331").says("the name of a file is its path: write it without file: before it")
}

/// A URI stands in a `.htaccess` file.
pub(crate) fn no_uri_in_htaccess() -> Message {
    Code("SC0332").says(
        "only files are allowed in .htaccess, where a URI could name the key of another: write a \
         file, or set it in the server configuration",
    )
}

/// There are private keys, and no certificate is in force.
pub(crate) fn no_certificate() -> Message {
    Code("SC0333").says(
        "there is a private key, and no certificate to seal sessions for: write the file of one \
         with SessionCryptoCertificateFile",
    )
}

/// A file or a URI cannot be used.
pub(crate) fn source(error: &SourceError, origin: Origin) -> Message {
    match error {
        SourceError::Unreadable(reason) => {
            let reader = match origin {
                Origin::Server => "the user who starts httpd",
                Origin::Htaccess => "the user of httpd's children",
            };
            unreadable(reason, &format!("is there, and that {reader} may read"))
        }
        SourceError::NotAFile => not_a_file("one"),
        SourceError::TooLarge(most) => too_large(*most, "a certificate or key"),
        SourceError::File(error) => file(*error),
        SourceError::Key(key) => unusable_key(key),
    }
}

/// A file has no certificate or private key to use.
fn file(error: FileError) -> Message {
    match error {
        FileError::Empty => {
            Code("SC0761").says("is empty: write the name of a file in PEM, DER or PKCS#12")
        }
        FileError::NoCertificate => Code("SC0762")
            .says("has no certificate in it: write the name of a file in PEM, DER or PKCS#12"),
        FileError::NoKey => Code("SC0763")
            .says("has no private key in it: write the name of a file in PEM, DER or PKCS#12"),
        FileError::Broken => Code("SC0764")
            .says("has a certificate or private key that OpenSSL cannot read: write it anew"),
        FileError::Failed => Code("SC0765")
            .says("could not be looked at: OpenSSL failed, perhaps for want of memory"),
        FileError::NoPassphrase => Code("SC0767").says(
            "is encrypted, and this section has no passphrase: write the one that opens it with \
             SessionCryptoPassphrase or SessionCryptoPassphraseFile",
        ),
        FileError::Locked => Code("SC0768").says(
            "is encrypted, and no passphrase of this section opens it: write the right one with \
             SessionCryptoPassphrase or SessionCryptoPassphraseFile",
        ),
        FileError::Unsupported => Code("SC0778").says(
            "is encrypted in a way that OpenSSL's providers do not have, such as the FIPS \
             provider: write the private key anew with 'openssl pkcs8 -topk8 -v2 aes-256-cbc'",
        ),
        FileError::TooSlow => Code("SC0769").says(
            "takes more rounds to open than are allowed in .htaccess, or is PKCS#12: write a \
             private key in PEM that is not encrypted, or by 'openssl pkcs8 -topk8', or set it in \
             the server configuration",
        ),
        FileError::TooManyAttempts(most) => Code("SC0770").says(format!(
            "is encrypted, and {most} attempts have not opened the private keys of this section, \
             which are all that there are in .htaccess: write the right passphrase first, or \
             fewer passphrases and keys"
        )),
    }
}

/// A certificate or a private key has a key of the wrong kind.
fn unusable_key(key: &UnusableKey) -> Message {
    Code("SC0766").says(format!(
        "has {key}: use RSA of 2048 bits or more, or EC on P-256, P-384 or P-521"
    ))
}

/// Certificates and private keys do not go together.
pub(crate) fn pairing(error: &PairingError) -> Message {
    let name = &error.name;
    match &error.fault {
        PairingFault::File(error) => file(*error).after(name),
        PairingFault::Key(key) => unusable_key(key).after(name),
        PairingFault::Unpaid => Code("SC0771").says(format!(
            "{name} is encrypted, and no passphrase has been tried on it yet: the limit for \
             .htaccess files is used up: wait for some seconds, or write a private key that is \
             not encrypted, or set it in the server configuration, where keys are opened at \
             startup"
        )),
        PairingFault::OtherPrivateKey => Code("SC0772").says(format!(
            "{name} has a private key that is not that of its certificate: put the two that \
             belong together in it"
        )),
        PairingFault::NoPrivateKey { tried } => Code("SC0773").says(match tried.as_slice() {
            [] => format!(
                "{name} has a certificate, and nothing says where its private key is: write the \
                 file with SessionCryptoCertificateKeyFile, or add the key to {name}"
            ),
            tried => format!(
                "the certificate in {name} has no private key, that in {} is another's: write the \
                 file with the one that belongs to it with SessionCryptoCertificateKeyFile",
                tried.join(" and in ")
            ),
        }),
        PairingFault::NoEngine => Code("SC0774").says(format!(
            "{name} is not a file: write the name of one, or with SessionCryptoEngine the engine \
             or provider that knows this URI, as 'SessionCryptoEngine pkcs11'"
        )),
        PairingFault::Hardware(error) => Code("SC0775").says(format!(
            "{name}: {}: look for the hardware token, at the names in this URI, and at the PIN, \
             which is the first passphrase of this section",
            library(error)
        )),
        PairingFault::PinOfHtaccess => Code("SC0776").says(format!(
            "{name} is on a hardware token, and a passphrase of .htaccess is not tried as its \
             PIN: take the SessionCryptoPassphrase line out"
        )),
        PairingFault::Library(error) => Code("SC0777").says(format!("{name}: {}", library(error))),
    }
}
