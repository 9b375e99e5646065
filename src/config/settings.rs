//! The settings in force in a section, together with those around it.

use std::sync::Arc;

use session_crypto_core::{
    Asked, At, Cipher, Digest, Engine, Identities, Keyring, Keys, Needs, Origin, PairingError,
    Pairs, PassphraseList, Settings, Source,
};

use super::files::Files;
use super::{
    CERTIFICATE_FILE, DirRecord, During, Flaw, Held, KEY_FILE, Mends, Named, Names, PURPOSE,
};

/// The message for a purpose and nothing but CBC ciphers.
const PURPOSE_NEEDS_AEAD: &str = "takes a cipher whose tokens can carry a purpose: write \
     'SessionCryptoCipher aes-256-gcm', or take the purpose out";

/// The message for a CBC cipher beside a certificate.
const CERTIFICATE_NEEDS_AEAD: &str = "with a certificate, sessions are sealed as JWE, and a CBC \
     cipher gives none: write 'SessionCryptoCipher aes-256-gcm', or take the line out";

/// The message for another digest beside an RSA certificate.
const NO_SUCH_OAEP: &str = "with an RSA certificate, the digest is SHA256, or SHA for hardware \
     that has no other: write one of these, or take the line out";

/// The message for private keys without a certificate.
const NO_CERTIFICATE: &str = "there is a private key, and no certificate to seal sessions for: \
     write the file of one with SessionCryptoCertificateFile";

static NO_PASSPHRASES: PassphraseList = PassphraseList::new();

impl<'p> DirRecord<'p> {
    /// Says what is wrong with the purpose and the ciphers of one section, if
    /// that can be told without the sections around it.
    ///
    /// # Errors
    ///
    /// The ciphers in force cannot carry the purpose; the message says what to write.
    pub(crate) fn check_purpose(&self, keyring: &Keyring) -> Result<(), String> {
        let carries = |names: &Names<Cipher>| match names.get(keyring, self.engine()) {
            Ok(ciphers) => ciphers.iter().any(Cipher::is_aead),
            Err(_) => true,
        };
        if self.purpose.is_none() || self.ciphers.is_none_or(carries) {
            Ok(())
        } else {
            Err(format!("{PURPOSE} {PURPOSE_NEEDS_AEAD}"))
        }
    }

    /// The settings to seal and open with; `None` without passphrases and certificates.
    ///
    /// # Errors
    ///
    /// The settings of this section, and of all around it, do not go together.
    pub(crate) fn settings(
        &self,
        keyring: &'p Keyring,
        held: &'p Held,
        during: During,
    ) -> Result<Option<Settings<'p>>, Flaw> {
        let ciphers = match self.ciphers {
            Some(names) => names.get(keyring, self.engine())?,
            None => keyring.default_ciphers(self.engine(), self.certificates.is_some()),
        };
        let digest = match self.digest {
            Some(names) => names.get(keyring, self.engine())?.first(),
            None => None,
        };
        // Without any of these nothing is sealed here, whatever else is set.
        if !self.has_secrets() {
            return Ok(None);
        }
        self.purpose_fits(ciphers)?;
        let keys = match (self.certificates, self.keys, self.passphrases) {
            (Some(certificates), _, _) => {
                let identities = self.identities(keyring, certificates, during)?;
                let identities = held.get_or_init(|| identities);
                self.check_certificates(identities, ciphers, digest)?;
                if self.passphrases_are_inner && self.has_idle_passphrases(keyring, during) {
                    return Err(self.idle_passphrases(IDLE_INSIDE));
                }
                Keys::Certificates(identities)
            }
            (None, Some(keys), _) => {
                return Err(Flaw {
                    place: Some(keys.place(0)),
                    message: format!("{KEY_FILE}: {NO_CERTIFICATE}"),
                    mended_by: Mends::CERTIFICATES,
                });
            }
            (None, None, passphrases) => {
                Keys::Passphrases(passphrases.map_or(&NO_PASSPHRASES, |held| &held.list))
            }
        };
        Ok(Some(Settings {
            keys,
            ciphers,
            digest,
            purpose: self.purpose.map(|purpose| &purpose.value),
            engine: self.engine(),
        }))
    }

    fn purpose_fits(&self, ciphers: &[Cipher]) -> Result<(), Flaw> {
        let Some(purpose) = self.purpose else {
            return Ok(());
        };
        if ciphers.iter().any(Cipher::is_aead) {
            return Ok(());
        }
        let ciphers = match self.ciphers {
            Some(names) => format!("the ciphers {} do not", names.place()),
            None => "the default is none".to_owned(),
        };
        Err(Flaw {
            place: None,
            message: format!(
                "{PURPOSE} {PURPOSE_NEEDS_AEAD} (the purpose stands {}; {ciphers})",
                purpose.place
            ),
            mended_by: Mends::CIPHERS,
        })
    }

    fn identities(
        &self,
        keyring: &Keyring,
        certificates: &Files,
        during: During,
    ) -> Result<Arc<Identities>, Flaw> {
        keyring
            .identities(self.pairs(certificates), self.asked(during))
            .map_err(|error| self.flaw(certificates, error))
    }

    fn asked(&self, during: During) -> Asked {
        match during {
            During::Startup => Asked::AtStartup,
            During::Request { now } => Asked::InRequest {
                now,
                payer: self.payer,
            },
        }
    }

    fn pairs<'s>(&'s self, certificates: &'s Files) -> Pairs<'s> {
        let passphrases = self.passphrases.map(|held| (&held.list, held.origin));
        let (passphrases, origin) = passphrases.unwrap_or((&NO_PASSPHRASES, Origin::Server));
        Pairs {
            certificates: certificates.sources(),
            keys: self.keys.map_or(&[], Files::sources),
            passphrases,
            engine: self.engine(),
            origin,
        }
    }

    fn engine(&self) -> Option<&'p Engine> {
        self.engine.map(|engine| engine.value.as_ref())
    }

    /// Whether certificates are in force whose private keys need none of the
    /// passphrases in force.
    ///
    /// A key on a hardware token is taken to need its PIN.
    pub(crate) fn has_idle_passphrases(&self, keyring: &Keyring, during: During) -> bool {
        let (Some(certificates), Some(_)) = (self.certificates, self.passphrases) else {
            return false;
        };
        let pairs = Pairs {
            passphrases: &NO_PASSPHRASES,
            ..self.pairs(certificates)
        };
        let mut all = pairs.certificates.iter().chain(pairs.keys);
        !all.any(Source::is_uri) && keyring.identities(pairs, self.asked(during)).is_ok()
    }

    /// Says that the passphrases in force do nothing, and what to write.
    pub(crate) fn idle_passphrases(&self, advice: &str) -> Flaw {
        let certificate = self.first_certificate();
        let certificate = certificate.map(|(place, _)| place).unwrap_or_default();
        Flaw {
            place: self.passphrases.map(|held| held.place.clone()),
            message: format!(
                "a passphrase would do nothing here: sessions are sealed for the certificate \
                 {certificate}, whose private key needs none: {advice}"
            ),
            mended_by: Mends::CERTIFICATES.and(Mends::KEYS),
        }
    }

    fn flaw(&self, certificates: &Files, error: PairingError) -> Flaw {
        let (place, directive) = match error.at {
            At::Certificate(index) => (Some(certificates.place(index)), CERTIFICATE_FILE),
            At::Key(index) => (self.keys.map(|keys| keys.place(index)), KEY_FILE),
        };
        let files = Mends::CERTIFICATES.and(Mends::KEYS);
        let passphrases = self
            .passphrases
            .filter(|_| error.needs == Needs::FewerPassphrases)
            .map(|held| format!(" (the passphrases stand {})", held.place));
        Flaw {
            place,
            message: format!(
                "{directive}: {}{}",
                error.message,
                passphrases.unwrap_or_default()
            ),
            mended_by: match error.needs {
                Needs::Files => files,
                Needs::Passphrases | Needs::FewerPassphrases => files.and(Mends::PASSPHRASES),
                Needs::Engine => files.and(Mends::ENGINE),
            },
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
                place: Some(names.place().clone()),
                message: format!("{}: {CERTIFICATE_NEEDS_AEAD}", Cipher::DIRECTIVE),
                mended_by: Mends::CIPHERS,
            });
        }
        match (self.digest, digest) {
            (Some(names), Some(digest)) if !identities.can_use(digest) => Err(Flaw {
                place: Some(names.place().clone()),
                message: format!("{}: {NO_SUCH_OAEP}", Digest::DIRECTIVE),
                mended_by: Mends::DIGEST,
            }),
            _ => Ok(()),
        }
    }
}

/// Conflicts between two sections that a request may be in at the same time.
impl DirRecord<'_> {
    /// Whether this section sets what may not go together with another one.
    pub(crate) fn may_clash(&self) -> bool {
        self.purpose.is_some() || self.passphrases.is_some()
    }

    /// Whether the other section sets the other half of that.
    pub(crate) fn may_clash_with(&self, other: &Self) -> bool {
        (self.purpose.is_some() && other.ciphers.is_some())
            || (self.passphrases.is_some() && other.certificates.is_some())
    }

    /// Says what does not go together in this record, which is that of both
    /// sections and all around them.
    pub(crate) fn clash(&self, keyring: &Keyring, one: &Self, other: &Self) -> Option<String> {
        if !self.has_secrets() {
            return None;
        }
        if let (Some(purpose), Some(ciphers)) = (one.purpose, other.ciphers) {
            if self.check_purpose(keyring).is_err() {
                return Some(format!(
                    "{}: {PURPOSE}: a request that is in this section, and in that with the \
                     ciphers {}, has no cipher whose tokens can carry a purpose, and no session: \
                     if there are such requests, write 'SessionCryptoCipher aes-256-gcm' there as \
                     well",
                    purpose.place,
                    ciphers.place()
                ));
            }
        }
        let (passphrases, (certificate, _)) = (one.passphrases?, other.first_certificate()?);
        let are_idle =
            self.passphrases_are_inner && self.has_idle_passphrases(keyring, During::Startup);
        are_idle.then(|| {
            format!(
                "{}: a passphrase would do nothing in a request that is in this section, and in \
                 that with the certificate {certificate}, whose private key needs none, and the \
                 request has no session: if there are such requests, {IDLE_INSIDE}",
                passphrases.place
            )
        })
    }
}

/// The advice where a section inside that of a certificate has passphrases.
const IDLE_INSIDE: &str = "take the line out, write beside it a certificate whose private key \
     it opens, or move the certificate into the sections that are to have it";

/// The advice where a section has both.
pub(crate) const IDLE_BESIDE: &str = "take the passphrase out, or the certificate";
