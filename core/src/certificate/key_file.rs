//! Files with certificates and private keys, in each form that OpenSSL writes.

use std::cell::Cell;
use std::fmt;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::certificate::file_error::{FileError, parsed};
use crate::certificate::htaccess_file::HtaccessFile;
use crate::certificate::rounds;
use crate::certificate::unlock::{PassphraseTrial, unlock};
use crate::libcrypto::verdict;
use crate::origin::Origin;

/// The content of a file, and its form.
pub(crate) struct KeyFile {
    content: Zeroizing<Vec<u8>>,
    form: Form,
}

enum Form {
    Pem,
    /// A certificate or a private key in DER.
    Der,
    /// PKCS#12 (RFC 7292): a certificate and a private key, both under a passphrase.
    Pkcs12(Pkcs12),
    /// A file that `.htaccess` names. No other part of its content is kept.
    Htaccess(HtaccessFile),
}

impl KeyFile {
    /// Finds the form of a file.
    ///
    /// # Errors
    ///
    /// The file is empty. Or `.htaccess` names it, and it cannot be read or may take
    /// long to open.
    pub(crate) fn new(content: Zeroizing<Vec<u8>>, origin: Origin) -> Result<Self, FileError> {
        if content.iter().all(u8::is_ascii_whitespace) {
            return Err(FileError::Empty);
        }
        verdict::forget_errors();
        let form = if has(&content, b"-----BEGIN ") {
            Form::Pem
        } else if let Some(archive) = pkcs12(&content)? {
            Form::Pkcs12(archive)
        } else {
            Form::Der
        };
        let form = match (origin, form) {
            (Origin::Server, form) => return Ok(Self { content, form }),
            (Origin::Htaccess, Form::Pem) => HtaccessFile::pem(&content)?,
            (Origin::Htaccess, Form::Der) => HtaccessFile::der(&content)?,
            (Origin::Htaccess, _) => return Err(FileError::TooSlow),
        };
        Ok(Self {
            content: Zeroizing::default(),
            form: Form::Htaccess(form),
        })
    }

    /// The certificate. If a PEM file has several, it is the first: in a chain, this is
    /// the server's own.
    ///
    /// # Errors
    ///
    /// The file has no certificate, or no passphrase opens it.
    pub(crate) fn certificate(&self, trial: PassphraseTrial<'_>) -> Result<X509, FileError> {
        verdict::forget_errors();
        match &self.form {
            Form::Pem if !has(&self.content, b"CERTIFICATE-----") => Err(FileError::NoCertificate),
            Form::Pem => X509::stack_from_pem(&self.content)
                .map_err(|stack| FileError::of(&stack))?
                .into_iter()
                .next()
                .ok_or(FileError::NoCertificate),
            Form::Der => X509::from_der(&self.content).map_err(|_| FileError::NoCertificate),
            Form::Pkcs12(archive) => open_pkcs12(archive, trial)?
                .0
                .ok_or(FileError::NoCertificate),
            Form::Htaccess(file) => file.certificate(),
        }
    }

    /// The private key, or `None` if the file has none.
    ///
    /// # Errors
    ///
    /// The private key cannot be read, or no passphrase opens it.
    pub(crate) fn private_key(
        &self,
        trial: PassphraseTrial<'_>,
    ) -> Result<Option<PKey<Private>>, FileError> {
        verdict::forget_errors();
        match &self.form {
            Form::Pem if !self.has_pem_key() => Ok(None),
            Form::Pem => unlock(trial, self.has_encrypted_pem(), |ask| {
                PKey::private_key_from_pem_callback(&self.content, ask)
            }),
            Form::Der => {
                if let Ok(key) = PKey::private_key_from_der(&self.content) {
                    return Ok(Some(key));
                }
                let is_encrypted = rounds::is_encrypted(&self.content);
                let encrypted = unlock(trial, is_encrypted, |ask| {
                    PKey::private_key_from_pkcs8_callback(&self.content, ask)
                });
                match encrypted {
                    // OpenSSL asked for no passphrase. So this is not PKCS#8, but
                    // perhaps a certificate.
                    Err(FileError::Broken) => Ok(None),
                    other => other,
                }
            }
            Form::Pkcs12(archive) => Ok(open_pkcs12(archive, trial)?.1),
            Form::Htaccess(file) => file.private_key(trial),
        }
    }

    /// The most attempts that it may take to open with this number of passphrases; 0 if
    /// the file is not encrypted.
    pub(crate) fn most_attempts(&self, passphrases: usize) -> u64 {
        let all = u64::try_from(passphrases).unwrap_or(u64::MAX);
        let (is_encrypted, attempts) = match &self.form {
            Form::Pem => (self.has_pem_key() && self.has_encrypted_pem(), all.max(1)),
            Form::Der => (rounds::is_encrypted(&self.content), all.max(1)),
            // The empty passphrase is tried too. The certificate and the key are opened
            // separately, so each passphrase takes two attempts.
            Form::Pkcs12(_) => (true, all.saturating_add(1).saturating_mul(2)),
            Form::Htaccess(file) => (file.is_encrypted(), all),
        };
        if is_encrypted { attempts } else { 0 }
    }

    fn has_pem_key(&self) -> bool {
        has(&self.content, b"PRIVATE KEY-----")
    }

    fn has_encrypted_pem(&self) -> bool {
        has(&self.content, b"ENCRYPTED")
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyFile")
    }
}

fn has(content: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(content, what).is_some()
}

/// The PKCS#12 in a file, if any. OpenSSL takes bytes for PKCS#12 that only begin like
/// it.
fn pkcs12(content: &[u8]) -> Result<Option<Pkcs12>, FileError> {
    parsed(Pkcs12::from_der(content))
}

/// Tries the empty passphrase first, and then each of the section.
fn open_pkcs12(
    archive: &Pkcs12,
    trial: PassphraseTrial<'_>,
) -> Result<(Option<X509>, Option<PKey<Private>>), FileError> {
    let lacks = Cell::new(false);
    let attempt = |secret: &[u8]| {
        let text = std::str::from_utf8(secret).ok()?;
        // The openssl crate panics on a NUL byte.
        let text = (!text.contains('\0')).then_some(text)?;
        let parsed = archive.parse2(text);
        lacks.set(lacks.get() || parsed.as_ref().is_err_and(verdict::is_unsupported));
        parsed.ok()
    };
    trial.take()?;
    let parsed = match attempt(b"") {
        Some(parsed) => Some(parsed),
        None => trial.try_each(attempt)?,
    };
    if let Some(parsed) = parsed {
        // OpenSSL finds the certificate in its chain by the key. If the key is in
        // another file, the certificate is the first, as in PEM.
        let first = || parsed.ca?.into_iter().next();
        return Ok((parsed.cert.or_else(first), parsed.pkey));
    }
    Err(if trial.passphrases.is_empty() {
        FileError::NoPassphrase
    } else if lacks.get() {
        FileError::Unsupported
    } else {
        FileError::Locked
    })
}
