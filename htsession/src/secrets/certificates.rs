//! Certificates with their private keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_crypto_core::{
    During, Identities, Keyring, Origin, Pairs, PassphraseList, Payer, Source, SourceError,
};

use crate::arguments::is_stream;
use crate::failure::{Failure, Kind, Outcome, without_number};

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
        paths.iter().map(|path| source(keyring, path)).collect()
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

fn source(keyring: &Keyring, path: &Path) -> Outcome<Source> {
    if is_stream(path) {
        let words = "a certificate or a private key cannot be on standard input: name its file";
        return Err(Failure::new(Kind::Usage, words));
    }
    keyring.file(path, Origin::Server).map_err(|error| {
        let path = path.display();
        match error {
            SourceError::Unreadable(reason) => {
                let words = without_number(&reason);
                Failure::new(Kind::File, format!("{path} cannot be read: {words}"))
            }
            error => Failure::new(Kind::Secrets, format!("{path} {error}")),
        }
    })
}
