//! The records httpd creates and merges, and what they seal with.

use std::cell::OnceCell;
use std::sync::Arc;

use session_crypto_core::{
    At, Cipher, Digest, Engine, Fingerprint, Identities, Keyring, Keys, Needs, Origin,
    PairingError, Pairs, Passphrase, PassphraseList, Payer, Purpose, Sealer, Settings, Source,
};

use crate::ffi::{Place, Pool};
use files::Files;
pub(crate) use flaw::{Flaw, Mends};
pub(crate) use names::{Named, Names};
pub(crate) use realm::Realm;

mod files;
mod flaw;
mod names;
mod realm;

/// What one section of the configuration sets; what it does not set, it
/// inherits from the section around it.
///
/// A record only refers to what the pools of its sections hold, so that one
/// can be merged on each request for next to nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct DirRecord<'p> {
    passphrases: Option<&'p Passphrases>,
    certificates: Option<&'p Files>,
    keys: Option<&'p Files>,
    engine: Option<&'p Arc<Engine>>,
    ciphers: Option<&'p Names<Cipher>>,
    digest: Option<&'p Names<Digest>>,
    purpose: Option<&'p Aim>,
    refuses: bool,
}

/// A purpose, and what stands for it in a realm.
struct Aim {
    purpose: Purpose,
    fingerprint: Fingerprint,
}

/// A list of passphrases, and where it was written.
#[derive(Clone)]
struct Passphrases {
    list: PassphraseList,
    origin: Origin,
    fingerprint: Fingerprint,
}

/// What to do with the sessions of a section.
pub(crate) enum Protection<'p> {
    /// No passphrase and no certificate is set here: encryption was not asked
    /// for.
    Clear,
    /// The record could not be made, or asks for what cannot be, which is what
    /// the words say: neither seal nor open anything.
    Refuse(String),
    /// Seal and open.
    Seal(Sealer<'p>),
}

/// Where the certificates are kept that a record comes to.
pub(crate) type Held = OnceCell<Arc<Identities>>;

/// When a record is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    /// The configuration is read.
    Startup,
    /// A request.
    Request,
}

/// What is wrong with a section whose record could not be made.
const BROKEN: &str = "an internal error kept the section's settings from being read";

/// What is wrong with a purpose and nothing but CBC ciphers.
const PURPOSE_NEEDS_AEAD: &str = "SessionCryptoPurpose takes a cipher whose tokens can carry \
     a purpose: write 'SessionCryptoCipher aes-256-gcm', or take the purpose out";

/// What is wrong with a CBC cipher beside a certificate.
const CERTIFICATE_NEEDS_AEAD: &str = "with a certificate, sessions are sealed as JWE, and a CBC \
     cipher gives none: write 'SessionCryptoCipher aes-256-gcm', or take the line out";

/// What is wrong with other digests beside an RSA certificate.
const NO_SUCH_OAEP: &str = "with an RSA certificate, the digest is SHA256, or SHA for hardware \
     that has no other: write one of these, or take the line out";

/// What is wrong with keys alone.
const NO_CERTIFICATE: &str = "there is a private key, and no certificate to seal sessions for: \
     write the file of one with SessionCryptoCertificateFile";

static NO_PASSPHRASES: PassphraseList = PassphraseList::new();

impl<'p> DirRecord<'p> {
    /// Stands in for a record that could not be made.
    pub(crate) fn refusing() -> Self {
        Self {
            refuses: true,
            ..Self::default()
        }
    }

    /// The record of `add` inside `base`: what the inner section sets wins,
    /// each setting by itself.
    pub(crate) fn merge(base: &Self, add: &Self) -> Self {
        Self {
            passphrases: add.passphrases.or(base.passphrases),
            certificates: add.certificates.or(base.certificates),
            keys: add.keys.or(base.keys),
            engine: add.engine.or(base.engine),
            ciphers: add.ciphers.or(base.ciphers),
            digest: add.digest.or(base.digest),
            purpose: add.purpose.or(base.purpose),
            refuses: add.refuses || base.refuses,
        }
    }

    /// Adds passphrases to this section's list, `limit` of them at most, and
    /// says who pays for keys of them that only a request asks for.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_passphrases(
        &mut self,
        pool: Pool<'p>,
        more: Vec<Arc<Passphrase>>,
        origin: Origin,
        payer: Payer,
        limit: usize,
    ) -> Result<(), String> {
        let mut list = self.passphrases.map(|held| held.list.clone());
        list.get_or_insert_default().extend(more);
        let list = list.unwrap_or_default().paid_by(payer);
        if list.len() > limit {
            return Err(too_many("passphrases", limit));
        }
        let fingerprint = Fingerprint::of_numbers(list.ids().iter().copied());
        self.passphrases = Some(pool.place(Passphrases {
            list,
            origin,
            fingerprint,
        }));
        Ok(())
    }

    /// Adds certificates to this section's list, `limit` of them at most.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_certificates(
        &mut self,
        pool: Pool<'p>,
        more: Vec<Source>,
        place: &Place,
        limit: usize,
    ) -> Result<(), String> {
        self.certificates = Some(longer(self.certificates, pool, more, place, limit)?);
        Ok(())
    }

    /// Adds private keys to this section's list, `limit` of them at most.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_keys(
        &mut self,
        pool: Pool<'p>,
        more: Vec<Source>,
        place: &Place,
        limit: usize,
    ) -> Result<(), String> {
        self.keys = Some(longer(self.keys, pool, more, place, limit)?);
        Ok(())
    }

    /// Sets this section's engine.
    pub(crate) fn set_engine(&mut self, pool: Pool<'p>, engine: Arc<Engine>) {
        self.engine = Some(pool.place(engine));
    }

    /// Sets this section's list of ciphers; a later line replaces it, as in
    /// httpd's module.
    pub(crate) fn set_ciphers(&mut self, pool: Pool<'p>, ciphers: Names<Cipher>) {
        self.ciphers = Some(pool.place(ciphers));
    }

    /// Sets this section's digest.
    pub(crate) fn set_digest(&mut self, pool: Pool<'p>, digest: Names<Digest>) {
        self.digest = Some(pool.place(digest));
    }

    /// Sets this section's purpose.
    pub(crate) fn set_purpose(&mut self, pool: Pool<'p>, purpose: Purpose) {
        let fingerprint = Fingerprint::of([purpose.as_str().as_bytes()]);
        self.purpose = Some(pool.place(Aim {
            purpose,
            fingerprint,
        }));
    }

    /// Which settings this section has by itself.
    pub(crate) fn sets(&self) -> Mends {
        Mends::PASSPHRASES
            .if_set(self.passphrases.is_some())
            .and(Mends::CERTIFICATES.if_set(self.certificates.is_some()))
            .and(Mends::KEYS.if_set(self.keys.is_some()))
            .and(Mends::ENGINE.if_set(self.engine.is_some()))
            .and(Mends::CIPHERS.if_set(self.ciphers.is_some()))
            .and(Mends::DIGEST.if_set(self.digest.is_some()))
    }

    /// Says what is wrong with the purpose and the ciphers of one section, if
    /// that can be told without the sections around it.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub(crate) fn check_purpose(&self, keyring: &Keyring) -> Result<(), String> {
        let engine = self.engine.map(|engine| engine.as_ref());
        let carries = |names: &Names<Cipher>| match names.get(keyring, engine) {
            Ok(ciphers) => ciphers.iter().any(Cipher::is_aead),
            Err(_) => true,
        };
        if self.purpose.is_none() || self.ciphers.is_none_or(carries) {
            Ok(())
        } else {
            Err(PURPOSE_NEEDS_AEAD.to_owned())
        }
    }

    /// What to seal and open with, if there is anything to do it under.
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
        let engine = self.engine.map(|engine| engine.as_ref());
        let ciphers = match self.ciphers {
            Some(names) => names.get(keyring, engine)?,
            None => keyring.default_ciphers(engine, self.certificates.is_some()),
        };
        let digest = match self.digest {
            Some(names) => names.get(keyring, engine)?.first(),
            None => None,
        };
        // Without any of these nothing is sealed here, whatever else is set.
        if !self.encrypts() {
            return Ok(None);
        }
        if self.purpose.is_some() && !ciphers.iter().any(Cipher::is_aead) {
            return Err(Flaw {
                place: None,
                message: PURPOSE_NEEDS_AEAD.to_owned(),
                mended_by: Mends::CIPHERS,
            });
        }
        let keys = match (self.certificates, self.keys, self.passphrases) {
            (Some(certificates), _, _) => {
                let identities = self.identities(keyring, certificates, during)?;
                let identities = held.get_or_init(|| identities);
                self.check_certificates(identities, ciphers, digest)?;
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
            purpose: self.purpose.map(|aim| &aim.purpose),
            engine,
        }))
    }

    fn identities(
        &self,
        keyring: &Keyring,
        certificates: &Files,
        during: During,
    ) -> Result<Arc<Identities>, Flaw> {
        let passphrases = self.passphrases.map(|held| (&held.list, held.origin));
        let (passphrases, origin) = passphrases.unwrap_or((&NO_PASSPHRASES, Origin::Server));
        let pairs = Pairs {
            certificates: certificates.sources(),
            keys: self.keys.map_or(&[], Files::sources),
            passphrases,
            engine: self.engine.map(|engine| engine.as_ref()),
            origin,
        };
        keyring
            .identities(pairs, during == During::Request)
            .map_err(|error| self.flaw(certificates, error))
    }

    fn flaw(&self, certificates: &Files, error: PairingError) -> Flaw {
        let (place, directive) = match error.at {
            At::Certificate(index) => (Some(certificates.place(index)), CERTIFICATE_FILE),
            At::Key(index) => (self.keys.map(|keys| keys.place(index)), KEY_FILE),
        };
        let files = Mends::CERTIFICATES.and(Mends::KEYS);
        Flaw {
            place,
            message: format!("{directive}: {}", error.message),
            mended_by: match error.needs {
                Needs::Files => files,
                Needs::Passphrases => files.and(Mends::PASSPHRASES),
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

    /// Of the certificate that seals: the line that names it, and its name.
    pub(crate) fn first_certificate(&self) -> Option<(Place, &'p str)> {
        let certificates = self.certificates?;
        let source = certificates.sources().first()?;
        Some((certificates.place(0), source.shown()))
    }

    /// What this record asks for.
    pub(crate) fn protection(&self, keyring: &'p Keyring, held: &'p Held) -> Protection<'p> {
        if self.refuses {
            return Protection::Refuse(BROKEN.to_owned());
        }
        match self.settings(keyring, held, During::Request) {
            Err(flaw) => Protection::Refuse(flaw.to_string()),
            Ok(None) => Protection::Clear,
            Ok(Some(settings)) => Protection::Seal(Sealer::new(keyring, settings)),
        }
    }
}

/// The directives of certificates and private keys.
pub(crate) const CERTIFICATE_FILE: &str = "SessionCryptoCertificateFile";
const KEY_FILE: &str = "SessionCryptoCertificateKeyFile";

fn longer<'p>(
    files: Option<&Files>,
    pool: Pool<'p>,
    more: Vec<Source>,
    place: &Place,
    limit: usize,
) -> Result<&'p Files, String> {
    let mut files = files.cloned().unwrap_or_default();
    files.extend(more, place);
    if files.len() > limit {
        return Err(too_many("files", limit));
    }
    Ok(pool.place(files))
}

/// A list is longer than it may be.
pub(crate) fn too_many(what: &str, limit: usize) -> String {
    format!("more than {limit} {what}: take out those not in use")
}
