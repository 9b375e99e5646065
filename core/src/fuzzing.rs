//! The parsers that a section calls with files alone, for the fuzz targets of `fuzz/`.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::certificate::attempts::Attempts;
use crate::certificate::certificate::Certificate;
use crate::certificate::file_error::FileError;
use crate::certificate::key_file::KeyFile;
use crate::certificate::unlock::PassphraseTrial;
use crate::origin::Origin;
use crate::passphrase::list::PassphraseList;

/// The content of a file that a section names as that of a certificate or a private key.
pub struct KeyFileParts {
    /// The certificate.
    pub certificate: Result<X509, FileError>,
    /// Whether sessions can be sealed for it.
    pub is_usable: bool,
    /// The private key, if the file has one.
    pub key: Result<Option<PKey<Private>>, FileError>,
}

/// Reads the content of a file, with passphrases for an encrypted private key.
///
/// # Errors
///
/// The file is empty, or takes too long to open for `.htaccess`.
pub fn key_file(
    content: &[u8],
    origin: Origin,
    passphrases: &PassphraseList,
) -> Result<KeyFileParts, FileError> {
    let file = KeyFile::new(Zeroizing::new(content.to_vec()), origin)?;
    let attempts = match origin {
        Origin::Server => Attempts::without_bound(),
        Origin::Htaccess => Attempts::of_author(),
    };
    let trial = PassphraseTrial {
        passphrases,
        attempts: &attempts,
    };
    let certificate = file.certificate(trial);
    let usable = certificate.as_ref().ok().cloned().map(Certificate::new);
    Ok(KeyFileParts {
        certificate,
        is_usable: usable.is_some_and(|usable| usable.is_ok()),
        key: file.private_key(trial),
    })
}
