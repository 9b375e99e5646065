//! The settings in force in a section, merged with those around it.

use std::cell::OnceCell;
use std::sync::Arc;

use session_crypto_core::{
    Cipher, DefaultCiphers, Digest, During, Engine, FileError, Identities, Keyring, Origin,
    PairingError, PairingFault, Pairs, PassphraseList, Purpose, Secrets, Settings, Source,
    SourcePosition,
};

use super::algorithms::{Algorithm, AlgorithmNames};
use super::dir_config::{CERTIFICATE_FILE, DirConfig, KEY_FILE, PRIVATE_KEY_FILE, PURPOSE};
use super::flaw::Flaw;
use super::setting_set::SettingSet;
use super::source_list::SourceList;
use super::written::Written;
use crate::advice;
use crate::key_files::{KeyFile, KeysInForce};
use crate::message::Message;

/// Keeps the identities or the keys that settings refer to, for as long as a hook uses
/// these.
#[derive(Default)]
pub(crate) struct KeptSecrets {
    identities: OnceCell<Arc<Identities>>,
    keys: OnceCell<KeysInForce>,
}

impl KeptSecrets {
    /// The number of the change that brought the keys in force; 0 without a change.
    pub(crate) fn generation(&self) -> u64 {
        self.keys.get().map_or(0, |keys| keys.generation)
    }
}

static NO_PASSPHRASES: PassphraseList = PassphraseList::new();

impl<'p> DirConfig<'p> {
    /// Checks the purpose and the ciphers of one section, as far as the section
    /// tells without those around it.
    ///
    /// # Errors
    ///
    /// The tokens of these ciphers cannot carry a purpose.
    pub(crate) fn check_purpose(&self, keyring: &Keyring) -> Result<(), Message> {
        let carries = |names: &AlgorithmNames<Cipher>| match names.get(keyring, self.engine()) {
            Ok(ciphers) => ciphers.iter().any(Cipher::is_aead),
            Err(_) => true,
        };
        if self.purpose.is_none() || self.ciphers.is_none_or(carries) {
            Ok(())
        } else {
            Err(advice::purpose_needs_aead())
        }
    }

    /// The settings to seal and open with; `None` if sessions stay in clear.
    ///
    /// `kept` keeps the identities or the keys that they refer to.
    ///
    /// # Errors
    ///
    /// The settings of this section and of all around it do not go together.
    #[inline]
    pub(crate) fn settings(
        &self,
        keyring: &'p Keyring,
        kept: &'p KeptSecrets,
        during: During,
    ) -> Result<Option<Settings<'p>>, Flaw> {
        let ciphers = match self.ciphers {
            Some(names) => names.get(keyring, self.engine())?,
            None => keyring.default_ciphers(self.engine(), self.default_ciphers()),
        };
        let digest = match self.digest {
            Some(names) => names.get(keyring, self.engine())?.first(),
            None => None,
        };
        if !self.has_secrets() {
            return Ok(None);
        }
        self.check_sealing_cipher(ciphers)?;
        self.check_purpose_in_force(ciphers)?;
        let secrets = if self.certificates.is_none() && self.private_keys.is_none() {
            match self.key_file_line() {
                None => Secrets::Passphrases(
                    self.passphrases.map_or(&NO_PASSPHRASES, |held| &held.list),
                ),
                Some(file) => {
                    self.check_key_file(ciphers)?;
                    let keys = kept.keys.get_or_init(|| file.value.keys(keyring));
                    Secrets::KeySet {
                        keys: &keys.keys,
                        passphrases: self.passphrases.map(|held| &held.list),
                    }
                }
            }
        } else {
            let identities = self.identities_for(keyring, kept, during, (ciphers, digest))?;
            Secrets::Certificates(identities)
        };
        Ok(Some(Settings {
            secrets,
            ciphers,
            digest,
            purpose: self.purpose.map(|purpose| &purpose.value),
            engine: self.engine(),
        }))
    }

    /// The identities of a section with certificates or private keys.
    ///
    /// It is a function of its own, because most sections have passphrases.
    #[inline(never)]
    fn identities_for(
        &self,
        keyring: &'p Keyring,
        kept: &'p KeptSecrets,
        during: During,
        (ciphers, digest): (&[Cipher], Option<&Digest>),
    ) -> Result<&'p Identities, Flaw> {
        let Some(certificates) = self.certificates else {
            return Err(Flaw {
                line: self.private_keys.map(|keys| keys.line(0)),
                message: advice::no_certificate().at(PRIVATE_KEY_FILE),
                mended_by: SettingSet::CERTIFICATES,
            });
        };
        if let Some(file) = self.key_file_line() {
            return Err(self.key_file_and_certificates(file, certificates));
        }
        let identities = self.identities(keyring, certificates, during)?;
        let identities = kept.identities.get_or_init(|| identities);
        self.check_certificates(identities, ciphers, digest)?;
        if self.passphrases_are_inner && self.has_idle_passphrases(keyring, during) {
            return Err(self.idle_passphrases(IDLE_INSIDE));
        }
        Ok(identities)
    }

    /// The ciphers of a section that names none, by its secrets.
    fn default_ciphers(&self) -> DefaultCiphers {
        if self.certificates.is_some() {
            return DefaultCiphers::Jwe;
        }
        match (self.key_file(), self.passphrases) {
            // A classic token carries no purpose, and is not accepted unless a line says so.
            (Some(_), Some(_)) if self.purpose.is_none() => DefaultCiphers::JweAndClassic,
            (Some(_), _) => DefaultCiphers::Jwe,
            (None, _) => DefaultCiphers::Classic,
        }
    }

    /// Checks that the keys of a file can seal with the ciphers in force.
    pub(super) fn check_key_file(&self, ciphers: &[Cipher]) -> Result<(), Flaw> {
        match self.ciphers {
            Some(names) if !ciphers.first().is_some_and(Cipher::is_aead) => Err(Flaw {
                line: Some(names.line().clone()),
                message: advice::key_file_needs_aead().at(Cipher::DIRECTIVE),
                mended_by: SettingSet::CIPHERS,
            }),
            _ => Ok(()),
        }
    }

    fn key_file_and_certificates(
        &self,
        file: &Written<Arc<KeyFile>>,
        certificates: &SourceList,
    ) -> Flaw {
        Flaw {
            line: Some(file.line.clone()),
            message: advice::certificate_beside_key_file()
                .at(KEY_FILE)
                .and(format_args!(
                    "(the certificate stands {})",
                    certificates.line(0)
                )),
            mended_by: SettingSet::NOTHING,
        }
    }

    /// Checks that the provider lets the first cipher encrypt.
    fn check_sealing_cipher(&self, ciphers: &[Cipher]) -> Result<(), Flaw> {
        match self.ciphers {
            Some(names) if !ciphers.first().is_none_or(Cipher::can_encrypt) => Err(Flaw {
                line: Some(names.line().clone()),
                message: advice::cipher_cannot_encrypt().at(Cipher::DIRECTIVE),
                mended_by: SettingSet::CIPHERS,
            }),
            _ => Ok(()),
        }
    }

    fn check_purpose_in_force(&self, ciphers: &[Cipher]) -> Result<(), Flaw> {
        match self.purpose {
            Some(purpose) if !ciphers.iter().any(Cipher::is_aead) => {
                Err(self.purpose_flaw(purpose))
            }
            _ => Ok(()),
        }
    }

    /// The flaw of a purpose that no cipher in force can carry.
    #[cold]
    fn purpose_flaw(&self, purpose: &Written<Purpose>) -> Flaw {
        let ciphers = match self.ciphers {
            Some(names) => format!("the ciphers {} do not", names.line()),
            None => "the default is none".to_owned(),
        };
        Flaw {
            line: None,
            message: advice::purpose_needs_aead().at(PURPOSE).and(format_args!(
                "(the purpose stands {}; {ciphers})",
                purpose.line
            )),
            mended_by: SettingSet::CIPHERS,
        }
    }

    fn identities(
        &self,
        keyring: &Keyring,
        certificates: &SourceList,
        during: During,
    ) -> Result<Arc<Identities>, Flaw> {
        keyring
            .identities(self.pairs(certificates), during)
            .map_err(|error| self.pairing_flaw(certificates, &error))
    }

    fn pairs<'s>(&'s self, certificates: &'s SourceList) -> Pairs<'s> {
        let passphrases = self.passphrases.map(|held| (&held.list, held.origin));
        let (passphrases, origin) = passphrases.unwrap_or((&NO_PASSPHRASES, Origin::Server));
        Pairs {
            certificates: certificates.sources(),
            keys: self.private_keys.map_or(&[], SourceList::sources),
            passphrases,
            engine: self.engine(),
            origin,
            payer: self.payer,
        }
    }

    pub(super) fn engine(&self) -> Option<&'p Engine> {
        self.engine.map(|engine| engine.value.as_ref())
    }

    /// Whether certificates are in force whose private keys need none of the
    /// passphrases in force.
    ///
    /// A key behind a URI is taken to need its PIN.
    pub(crate) fn has_idle_passphrases(&self, keyring: &Keyring, during: During) -> bool {
        let (Some(certificates), Some(_)) = (self.certificates, self.passphrases) else {
            return false;
        };
        let pairs = Pairs {
            passphrases: &NO_PASSPHRASES,
            ..self.pairs(certificates)
        };
        let mut all = pairs.certificates.iter().chain(pairs.keys);
        !all.any(Source::is_uri) && keyring.identities(pairs, during).is_ok()
    }

    /// The flaw of passphrases that have no effect.
    pub(crate) fn idle_passphrases(&self, cure: &str) -> Flaw {
        let certificate = self.first_certificate();
        let certificate = certificate.map(|(line, _)| line).unwrap_or_default();
        Flaw {
            line: self.passphrases.map(|held| held.line.clone()),
            message: advice::idle_passphrases(&certificate, cure),
            mended_by: SettingSet::CERTIFICATES.and(SettingSet::PRIVATE_KEYS),
        }
    }

    /// The flaw of certificates and private keys that do not go together.
    fn pairing_flaw(&self, certificates: &SourceList, error: &PairingError) -> Flaw {
        let (line, directive) = match error.position {
            SourcePosition::Certificate(index) => {
                (Some(certificates.line(index)), CERTIFICATE_FILE)
            }
            SourcePosition::Key(index) => (
                self.private_keys.map(|keys| keys.line(index)),
                PRIVATE_KEY_FILE,
            ),
        };
        let mut message = advice::pairing(error).at(directive);
        let is_tired = matches!(
            error.fault,
            PairingFault::File(FileError::TooManyAttempts(_))
        );
        if let Some(passphrases) = self.passphrases.filter(|_| is_tired) {
            message = message.and(format_args!("(the passphrases stand {})", passphrases.line));
        }
        let files = SettingSet::CERTIFICATES.and(SettingSet::PRIVATE_KEYS);
        let mended_by = match error.fault {
            PairingFault::File(
                FileError::Locked | FileError::NoPassphrase | FileError::TooManyAttempts(_),
            )
            | PairingFault::Hardware(_) => files.and(SettingSet::PASSPHRASES),
            PairingFault::NoEngine => files.and(SettingSet::ENGINE),
            _ => files,
        };
        Flaw {
            line,
            message,
            mended_by,
        }
    }

    fn check_certificates(
        &self,
        identities: &Identities,
        ciphers: &[Cipher],
        digest: Option<&Digest>,
    ) -> Result<(), Flaw> {
        if let Some(names) = self
            .ciphers
            .filter(|_| !ciphers.iter().all(Cipher::is_aead))
        {
            return Err(Flaw {
                line: Some(names.line().clone()),
                message: advice::certificate_needs_aead().at(Cipher::DIRECTIVE),
                mended_by: SettingSet::CIPHERS,
            });
        }
        match (self.digest, digest) {
            (Some(names), Some(digest)) if !identities.can_use(digest) => Err(Flaw {
                line: Some(names.line().clone()),
                message: advice::no_such_oaep().at(Digest::DIRECTIVE),
                mended_by: SettingSet::DIGEST,
            }),
            _ => Ok(()),
        }
    }
}

/// The cure for passphrases in a section inside that of a certificate.
pub(super) const IDLE_INSIDE: &str = "take the line out, write beside it a certificate whose private key \
     it opens, or move the certificate into the sections that are to have it";

/// The cure for passphrases and a certificate in one section.
pub(crate) const IDLE_BESIDE: &str = "take the passphrase out, or the certificate";
