//! Certificates with their private keys.

use std::path::PathBuf;
use std::sync::Arc;

use session_crypto_core::{
    During, Identities, Keyring, Origin, Pairs, PassphraseList, Payer, Source,
};

use crate::failure::{Failure, Kind, Outcome};

/// Reads certificates, and finds the private key of each. The passphrases decrypt private
/// keys.
///
/// # Errors
///
/// A file cannot be used, or has no private key beside its certificate.
pub(crate) fn read(
    keyring: &Keyring,
    certificates: &[PathBuf],
    keys: &[PathBuf],
    passphrases: &PassphraseList,
) -> Outcome<Arc<Identities>> {
    let sources = |paths: &[PathBuf]| -> Outcome<Vec<Source>> {
        let source = |path: &PathBuf| {
            keyring
                .file(path, Origin::Server)
                .map_err(|error| Failure::new(Kind::Secrets, format!("{} {error}", path.display())))
        };
        paths.iter().map(source).collect()
    };
    let (certificates, keys) = (sources(certificates)?, sources(keys)?);
    let pairs = Pairs {
        certificates: &certificates,
        keys: &keys,
        passphrases,
        engine: None,
        origin: Origin::Server,
        payer: Payer::Server,
    };
    let identities = keyring.identities(pairs, During::Startup);
    identities.map_err(|error| Failure::new(Kind::Secrets, error.to_string()))
}
