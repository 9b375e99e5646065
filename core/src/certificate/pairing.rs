//! Which private key belongs to which certificate.

use std::sync::Arc;

use crate::certificate::certificate::{Certificate, Unfit};
use crate::certificate::file_error::FileError;
use crate::certificate::pairing_error::{At, PairingError, PairingFault};
use crate::certificate::private_key::PrivateKey;
use crate::certificate::sources::{Place, Source};
use crate::certificate::unlock::Secrets;
use crate::engine::engine::Engine;
use crate::engine::hardware::{HardwareKey, ObjectName};
use crate::error::LibraryError;
use crate::libcrypto::evp;
use crate::origin::Origin;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;

/// What a section says of certificates.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'c> {
    /// The first seals, all open.
    pub certificates: &'c [Source],
    /// Their private keys, in any order, but for those that are in the
    /// certificate's own file.
    pub keys: &'c [Source],
    /// What opens private keys, and the PIN of a token.
    pub passphrases: &'c PassphraseList,
    /// What has the keys behind URIs.
    pub engine: Option<&'c Engine>,
    /// Where the passphrases were written: those of a `.htaccess` file are no
    /// PIN.
    pub origin: Origin,
}

/// A certificate and the private key that belongs to it.
pub(crate) struct Pair<'c> {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
    /// Where the certificate is, and where the key.
    pub(crate) sources: (&'c Source, &'c Source),
}

/// Finds the private key of every certificate.
pub(crate) fn pair<'c>(pairs: Pairs<'c>, secrets: Secrets<'_>) -> Result<Vec<Pair<'c>>, Failure> {
    let mut keys = Vec::new();
    for (index, source) in pairs.keys.iter().enumerate() {
        let from = (source, At::Key(index));
        keys.push((source, read_key(pairs, from, secrets)?));
    }
    let mut found = Vec::new();
    for (index, source) in pairs.certificates.iter().enumerate() {
        let from = (source, At::Certificate(index));
        found.push(pair_one(pairs, from, &keys, secrets)?);
    }
    Ok(found)
}

fn pair_one<'c>(
    pairs: Pairs<'c>,
    (source, at): (&'c Source, At),
    keys: &[(&'c Source, PrivateKey)],
    secrets: Secrets<'_>,
) -> Result<Pair<'c>, Failure> {
    let certificate = read_certificate(pairs, (source, at), secrets)?;
    let fits = |key: &_| fits(key, &certificate).map_err(|error| failure(source, at, error));
    for (from, key) in keys {
        if fits(key)? {
            return Ok(Pair {
                certificate,
                sources: (source, from),
                key: key.clone(),
            });
        }
    }
    let own = read_own_key((source, at), secrets)?;
    let has_own = own.is_some();
    if let Some(key) = own {
        if fits(&key)? {
            return Ok(Pair {
                certificate,
                sources: (source, source),
                key,
            });
        }
    }
    let fault = if has_own {
        PairingFault::OtherPrivateKey
    } else {
        let tried = keys.iter().map(|(source, _)| source.shared_name());
        PairingFault::NoPrivateKey {
            tried: tried.collect(),
        }
    };
    Err(PairingError::new(at, source, fault).into())
}

/// Why nothing was found, and whether it will be the same next time.
pub(crate) struct Failure {
    pub(crate) error: PairingError,
    pub(crate) is_final: bool,
}

impl From<PairingError> for Failure {
    fn from(error: PairingError) -> Self {
        Self {
            error,
            is_final: true,
        }
    }
}

fn fits(key: &PrivateKey, certificate: &Certificate) -> Result<bool, LibraryError> {
    key.with(|key| {
        evp::is_pair(key, &certificate.key)
            .map_err(|stack| LibraryError::new("compare two keys", &stack))
    })
}

/// This host failed at a certificate.
fn failure(source: &Source, at: At, error: LibraryError) -> Failure {
    Failure {
        error: PairingError::new(at, source, PairingFault::Library(error)),
        is_final: false,
    }
}

/// All certificates and all keys.
pub(crate) fn sources(pairs: Pairs<'_>) -> impl Iterator<Item = (At, &Source)> {
    let certificates = pairs.certificates.iter().enumerate();
    let certificates = certificates.map(|(index, source)| (At::Certificate(index), source));
    let keys = pairs.keys.iter().enumerate();
    certificates.chain(keys.map(|(index, source)| (At::Key(index), source)))
}

fn read_certificate(
    pairs: Pairs<'_>,
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<Certificate, Failure> {
    let certificate = match &source.place {
        Place::File(entry) => {
            let certificate = entry.file.certificate(secrets);
            certificate.map_err(|error| file_error(source, at, error))?
        }
        Place::Uri(uri) => {
            let engine = pairs
                .engine
                .ok_or_else(|| PairingError::new(at, source, PairingFault::NoEngine))?;
            let certificate = ObjectName::new(uri, pin(pairs))
                .and_then(|name| engine.hardware.certificate(&name));
            certificate
                .map_err(|error| PairingError::new(at, source, PairingFault::Hardware(error)))?
        }
    };
    Certificate::new(certificate).map_err(|unfit| match unfit {
        Unfit::Failed => file_error(source, at, FileError::Failed),
        Unfit::Key(error) => PairingError::new(at, source, PairingFault::Key(error)).into(),
    })
}

fn read_key(
    pairs: Pairs<'_>,
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<PrivateKey, Failure> {
    match &source.place {
        Place::File(_) => {
            let key = read_own_key((source, at), secrets)?;
            key.ok_or_else(|| file_error(source, at, FileError::NoKey))
        }
        Place::Uri(uri) => {
            let engine = pairs
                .engine
                .ok_or_else(|| PairingError::new(at, source, PairingFault::NoEngine))?;
            let key = ObjectName::new(uri, pin(pairs)).and_then(|name| {
                let key = PrivateKey::Hardware(Arc::new(HardwareKey::new(&engine.hardware, name)));
                // Whether it is there, and the PIN the right one.
                key.with(|_| Ok(()))?;
                Ok(key)
            });
            Ok(key.map_err(|error| PairingError::new(at, source, PairingFault::Hardware(error)))?)
        }
    }
}

/// The private key in a file, if there is one.
fn read_own_key(
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<Option<PrivateKey>, Failure> {
    let Place::File(entry) = &source.place else {
        return Ok(None);
    };
    let key = entry.file.private_key(secrets);
    let key = key.map_err(|error| file_error(source, at, error))?;
    Ok(key.map(PrivateKey::Memory))
}

/// The PIN of a token: the first passphrase, and no other, because a token
/// counts the wrong ones.
fn pin(pairs: Pairs<'_>) -> Option<&Passphrase> {
    pairs.passphrases.first().map(Arc::as_ref)
}

/// A passphrase of a `.htaccess` file is no PIN, not even the right one: who
/// writes it would learn which that is.
pub(crate) fn no_pin(pairs: Pairs<'_>) -> Option<PairingError> {
    if pairs.origin == Origin::Server || pairs.passphrases.is_empty() {
        return None;
    }
    let (at, source) = sources(pairs).find(|(_, source)| source.is_uri())?;
    Some(PairingError::new(at, source, PairingFault::PinOfHtaccess))
}

fn file_error(source: &Source, at: At, error: FileError) -> Failure {
    Failure {
        error: PairingError::new(at, source, PairingFault::File(error)),
        is_final: error != FileError::Failed,
    }
}
