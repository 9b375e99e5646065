//! Which private key belongs to which certificate.

use std::sync::Arc;

use crate::certificate::certificate::{Certificate, Unfit};
use crate::certificate::file_error::FileError;
use crate::certificate::pairing_error::{ListedSource, PairingError, PairingFault, SourcePosition};
use crate::certificate::private_key::PrivateKey;
use crate::certificate::sources::{Location, Source};
use crate::certificate::unlock::PassphraseTrial;
use crate::engine::engine::Engine;
use crate::engine::hardware::{HardwareKey, ObjectName};
use crate::error::LibraryError;
use crate::libcrypto::evp;
use crate::origin::Origin;
use crate::passphrase::allowance::Payer;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;

/// The certificates of a section, and all that is needed to use them.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'c> {
    /// The certificates: the first seals, and all open.
    pub certificates: &'c [Source],
    /// The private keys, in any order. A key in the file of its certificate need not be
    /// listed.
    pub keys: &'c [Source],
    /// The passphrases of encrypted private keys. The first is also the PIN of a hardware
    /// token.
    pub passphrases: &'c PassphraseList,
    /// The engine or provider that knows the URIs.
    pub engine: Option<&'c Engine>,
    /// The origin of the passphrases: one of a `.htaccess` file is never a PIN.
    pub origin: Origin,
    /// The payer for attempts during a request, if a `.htaccess` file is the reason for
    /// them.
    pub payer: Payer,
}

/// A certificate and the private key that belongs to it.
pub(crate) struct Pair<'c> {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
    /// The source of the certificate, and that of the key.
    pub(crate) sources: (&'c Source, &'c Source),
}

/// Finds the private key of each certificate.
pub(crate) fn pair<'c>(
    pairs: Pairs<'c>,
    trial: PassphraseTrial<'_>,
) -> Result<Vec<Pair<'c>>, Failure> {
    let mut keys = Vec::new();
    for listed in listed_keys(pairs) {
        keys.push((listed.source, read_key(pairs, listed, trial)?));
    }
    listed_certificates(pairs)
        .map(|listed| pair_one(pairs, listed, &keys, trial))
        .collect()
}

/// Finds the private key of one certificate, in the listed keys or in its own file.
fn pair_one<'c>(
    pairs: Pairs<'c>,
    listed: ListedSource<'c>,
    keys: &[(&'c Source, PrivateKey)],
    trial: PassphraseTrial<'_>,
) -> Result<Pair<'c>, Failure> {
    let certificate = read_certificate(pairs, listed, trial)?;
    let fits = |key: &_| fits(key, &certificate).map_err(|error| library_failure(listed, error));
    for (source, key) in keys {
        if fits(key)? {
            return Ok(Pair {
                certificate,
                sources: (listed.source, source),
                key: key.clone(),
            });
        }
    }
    let own = read_own_key(listed, trial)?;
    let has_own = own.is_some();
    if let Some(key) = own {
        if fits(&key)? {
            return Ok(Pair {
                certificate,
                sources: (listed.source, listed.source),
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
    Err(PairingError::new(listed, fault).into())
}

/// The reason why a pair was not found.
pub(crate) struct Failure {
    pub(crate) error: PairingError,
    /// The outcome will be the same next time, so it can be kept.
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

/// The failure of this host at a certificate.
fn library_failure(listed: ListedSource<'_>, error: LibraryError) -> Failure {
    Failure {
        error: PairingError::new(listed, PairingFault::Library(error)),
        is_final: false,
    }
}

/// All certificates, and then all private keys.
pub(crate) fn listed(pairs: Pairs<'_>) -> impl Iterator<Item = ListedSource<'_>> {
    listed_certificates(pairs).chain(listed_keys(pairs))
}

fn listed_certificates(pairs: Pairs<'_>) -> impl Iterator<Item = ListedSource<'_>> {
    let certificates = pairs.certificates.iter().enumerate();
    certificates.map(|(index, source)| ListedSource {
        source,
        position: SourcePosition::Certificate(index),
    })
}

fn listed_keys(pairs: Pairs<'_>) -> impl Iterator<Item = ListedSource<'_>> {
    let keys = pairs.keys.iter().enumerate();
    keys.map(|(index, source)| ListedSource {
        source,
        position: SourcePosition::Key(index),
    })
}

fn read_certificate(
    pairs: Pairs<'_>,
    listed: ListedSource<'_>,
    trial: PassphraseTrial<'_>,
) -> Result<Certificate, Failure> {
    let certificate = match &listed.source.location {
        Location::File(checked) => {
            let certificate = checked.file.certificate(trial);
            certificate.map_err(|error| file_failure(listed, error))?
        }
        Location::Uri(uri) => {
            let engine = pairs
                .engine
                .ok_or_else(|| PairingError::new(listed, PairingFault::NoEngine))?;
            let certificate = ObjectName::new(uri, pin(pairs))
                .and_then(|name| engine.hardware.certificate(&name));
            certificate.map_err(|error| PairingError::new(listed, PairingFault::Hardware(error)))?
        }
    };
    Certificate::new(certificate).map_err(|unfit| match unfit {
        Unfit::Failed => file_failure(listed, FileError::Failed),
        Unfit::Key(error) => PairingError::new(listed, PairingFault::Key(error)).into(),
    })
}

fn read_key(
    pairs: Pairs<'_>,
    listed: ListedSource<'_>,
    trial: PassphraseTrial<'_>,
) -> Result<PrivateKey, Failure> {
    match &listed.source.location {
        Location::File(_) => {
            let key = read_own_key(listed, trial)?;
            key.ok_or_else(|| file_failure(listed, FileError::NoKey))
        }
        Location::Uri(uri) => {
            let engine = pairs
                .engine
                .ok_or_else(|| PairingError::new(listed, PairingFault::NoEngine))?;
            let key = ObjectName::new(uri, pin(pairs)).and_then(|name| {
                let key = PrivateKey::Hardware(Arc::new(HardwareKey::new(&engine.hardware, name)));
                // This fails if the key is not there, or the PIN is wrong.
                key.with(|_| Ok(()))?;
                Ok(key)
            });
            Ok(key.map_err(|error| PairingError::new(listed, PairingFault::Hardware(error)))?)
        }
    }
}

/// The private key in a file; `None` if the file has no key, or the source is a URI.
fn read_own_key(
    listed: ListedSource<'_>,
    trial: PassphraseTrial<'_>,
) -> Result<Option<PrivateKey>, Failure> {
    let Location::File(checked) = &listed.source.location else {
        return Ok(None);
    };
    let key = checked.file.private_key(trial);
    let key = key.map_err(|error| file_failure(listed, error))?;
    Ok(key.map(PrivateKey::Memory))
}

/// The PIN of a hardware token: the first passphrase, and no other, because a hardware
/// token counts wrong PINs.
fn pin(pairs: Pairs<'_>) -> Option<&Passphrase> {
    pairs.passphrases.first().map(Arc::as_ref)
}

/// The error of a `.htaccess` file whose passphrase would be a PIN.
///
/// The passphrase is not tried even if it is the right PIN: its author would learn that
/// it is right.
pub(crate) fn no_pin(pairs: Pairs<'_>) -> Option<PairingError> {
    if pairs.origin == Origin::Server || pairs.passphrases.is_empty() {
        return None;
    }
    let listed = listed(pairs).find(|listed| listed.source.is_uri())?;
    Some(PairingError::new(listed, PairingFault::PinOfHtaccess))
}

fn file_failure(listed: ListedSource<'_>, error: FileError) -> Failure {
    Failure {
        error: PairingError::new(listed, PairingFault::File(error)),
        is_final: error != FileError::Failed,
    }
}
