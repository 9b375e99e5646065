//! Sessions sealed and opened with the secrets of a command line.
//!
//! A JWK Set seals where one is named, or else a certificate, or else the first passphrase.
//! All that is named opens. Passphrases also decrypt private keys.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use session_crypto_core::{
    AlgorithmError, Cipher, Digest, Identities, KeyJob, KeySet, Keyring, LibraryError, Now,
    OpenError, OpenSslRandom, Opened, PassphraseList, Priority, Purpose, Random, Sealed, Sealer,
    Secrets, Seed, Settings, SharedMemory,
};

use crate::arguments::{SealingArguments, is_stream};
use crate::failure::{Failure, Kind, Outcome};
use crate::memory::Memory;
use crate::secrets::passphrases::{self, Passphrases};
use crate::secrets::{certificates, key_set, refusals};
use crate::shown::keys;

/// Secrets, and the settings beside them.
pub(crate) struct Sealing {
    keyring: Keyring,
    /// The first one seals, and all open.
    sections: Vec<Section>,
    digest: Option<Digest>,
    purpose: Option<Purpose>,
    /// The master keys of the passphrases are derived, which takes a tenth of a second
    /// each.
    has_masters: Cell<bool>,
}

/// One kind of secret, and the ciphers that go with it.
struct Section {
    secrets: Held,
    /// The first one seals, and all open.
    ciphers: Vec<Cipher>,
}

enum Held {
    /// Passphrases beside a set open alone.
    KeySet(KeySet, Option<Passphrases>),
    Certificates(Arc<Identities>, Vec<PathBuf>),
    Passphrases(Passphrases),
}

/// A session, and how it was sealed.
pub(crate) struct OpenedToken<'m> {
    pub(crate) session: &'m [u8],
    /// New sessions get another secret or cipher.
    pub(crate) is_stale: bool,
    /// The secret that opened the token, in words.
    pub(crate) secret: String,
}

/// The ciphers of JWE, which always open.
const JWE_CIPHERS: [&str; 3] = ["aes-256-gcm", "aes-192-gcm", "aes-128-gcm"];

/// The cipher of httpd's own module.
const CLASSIC_CIPHER: &str = "aes256";

impl Sealing {
    /// Reads the secrets that a command line names.
    ///
    /// # Errors
    ///
    /// A file or a setting cannot be used. `reads_stdin` says that standard input has
    /// something else than secrets.
    pub(crate) fn new(arguments: &SealingArguments, reads_stdin: bool) -> Outcome<Self> {
        let streams = arguments.files().filter(|path| is_stream(path)).count();
        if streams > usize::from(!reads_stdin) {
            let words = "standard input can be one thing alone: name a file in place of '-'";
            return Err(Failure::new(Kind::Usage, words));
        }
        let keyring = keyring()?;
        let algorithm = |name: &str, error: AlgorithmError| {
            Failure::new(Kind::Secrets, format!("'{name}': {error}"))
        };
        let digest = arguments.digest.as_deref().map(|name| {
            let digest = keyring.digest(None, name);
            digest.map_err(|error| algorithm(name, error))
        });
        let purpose = arguments.purpose.as_deref().map(|text| {
            Purpose::new(text).map_err(|error| Failure::new(Kind::Usage, error.to_string()))
        });
        let named = arguments.cipher.iter().map(|name| {
            let cipher = keyring.cipher(None, name);
            cipher.map_err(|error| algorithm(name, error))
        });
        let (digest, purpose) = (digest.transpose()?, purpose.transpose()?);
        let named: Vec<Cipher> = named.collect::<Outcome<_>>()?;
        let mut passphrases = match &arguments.passphrase_file {
            Some(path) => Some(passphrases::read(&keyring, path, &arguments.pass_env)?),
            None => None,
        };
        let cipher = |name| {
            let cipher = keyring.cipher(None, name);
            cipher.map_err(|error| algorithm(name, error))
        };
        let ciphers = Ciphers {
            named,
            has_purpose: purpose.is_some(),
            jwe: JWE_CIPHERS
                .map(cipher)
                .into_iter()
                .collect::<Outcome<_>>()?,
            classic: cipher(CLASSIC_CIPHER)?,
        };
        let mut certificates = None;
        if !arguments.certificate.is_empty() {
            let none = PassphraseList::new();
            let list = passphrases.as_ref().map_or(&none, |found| &found.list);
            let (paths, keys) = (&arguments.certificate, &arguments.certificate_key);
            let identities = certificates::read(&keyring, paths, keys, list)?;
            if digest
                .as_ref()
                .is_some_and(|digest| !identities.can_use(digest))
            {
                let words = "with an RSA certificate, the digest is SHA256 or SHA";
                return Err(Failure::new(Kind::Usage, words));
            }
            certificates = Some(Held::Certificates(identities, paths.clone()));
        }
        let key_set = match &arguments.key_file {
            Some(path) => Some(Held::KeySet(key_set::read(path)?, passphrases.take())),
            None => None,
        };
        let passphrases = passphrases.map(Held::Passphrases);
        let sections = [key_set, certificates, passphrases].into_iter().flatten();
        let sections: Vec<_> = sections.map(|held| ciphers.section(held)).collect();
        let seals_jwe = !matches!(
            sections.first().map(|section| &section.secrets),
            Some(Held::Passphrases(_))
        );
        if seals_jwe && ciphers.named.first().is_some_and(|first| !first.is_aead()) {
            let words = "a CBC cipher needs a passphrase to seal with: name aes-256-gcm first";
            return Err(Failure::new(Kind::Usage, words));
        }
        Ok(Self {
            keyring,
            sections,
            digest,
            purpose,
            has_masters: Cell::new(false),
        })
    }

    /// Turns a session into a token.
    ///
    /// # Errors
    ///
    /// The session is too large, or OpenSSL fails.
    pub(crate) fn seal<'m>(&self, session: &[u8], memory: &'m Memory) -> Outcome<&'m [u8]> {
        let section = self.sections.first();
        let section = section.ok_or_else(|| Failure::new(Kind::Usage, "no secret to seal with"))?;
        let sealer = Sealer::new(&self.keyring, self.settings(section));
        let sealed = sealer.seal(session, now(), &memory);
        let Sealed { token, .. } = sealed.map_err(refusals::seal)?;
        Ok(token.to_bytes())
    }

    /// Turns a token back into a session.
    ///
    /// # Errors
    ///
    /// The token does not open, or OpenSSL fails.
    pub(crate) fn open<'m>(&self, token: &[u8], memory: &'m Memory) -> Outcome<OpenedToken<'m>> {
        let mut best = None;
        for (position, section) in self.sections.iter().enumerate() {
            // A passphrase's JWE has no encrypted key.
            let is_direct = token.windows(2).any(|pair| pair == b"..");
            if section.secrets.passphrases().is_some() && is_direct {
                self.derive_masters(section)?;
            }
            let sealer = Sealer::new(&self.keyring, self.settings(section));
            match sealer.open(token, now(), &memory) {
                Ok(opened) => return Ok(section.opened(&opened, position != 0)),
                Err(OpenError::Library(error)) => return Err(library(&error)),
                Err(OpenError::Refused(refusal)) => {
                    let rank = refusals::rank(refusal);
                    if best.is_none_or(|(known, _)| rank > known) {
                        best = Some((rank, refusal));
                    }
                }
            }
        }
        Err(best.map_or_else(
            || Failure::reported(Kind::Refused),
            |(_, refusal)| refusals::open(refusal),
        ))
    }

    fn settings<'s>(&'s self, section: &'s Section) -> Settings<'s> {
        let secrets = match &section.secrets {
            Held::KeySet(keys, passphrases) => Secrets::KeySet {
                keys,
                passphrases: passphrases.as_ref().map(|found| &found.list),
            },
            Held::Certificates(identities, _) => Secrets::Certificates(identities),
            Held::Passphrases(passphrases) => Secrets::Passphrases(&passphrases.list),
        };
        Settings {
            digest: self.digest.as_ref(),
            purpose: self.purpose.as_ref(),
            ..Settings::new(secrets, &section.ciphers)
        }
    }

    /// Derives the master keys of all passphrases, on all processors.
    fn derive_masters(&self, section: &Section) -> Outcome<()> {
        if self.has_masters.replace(true) {
            return Ok(());
        }
        let (settings, now) = (self.settings(section), now().seconds);
        let noted = self.keyring.prepare(settings, Priority::Named, now);
        noted.map_err(|error| library(&error))?;
        let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let mut jobs = self.keyring.jobs(now, processors).open;
        jobs.retain(KeyJob::is_master);
        let share = jobs.len().div_ceil(processors.get()).max(1);
        let derived: Result<(), LibraryError> = thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .chunks(share)
                .map(|jobs| scope.spawn(|| jobs.iter().try_for_each(|job| job.derive())))
                .collect();
            let ends = threads.into_iter().map(|thread| thread.join());
            ends.filter_map(Result::ok).collect()
        });
        derived.map_err(|error| library(&error))
    }
}

/// The ciphers of a command line, and those that open without being named.
struct Ciphers {
    named: Vec<Cipher>,
    has_purpose: bool,
    jwe: Vec<Cipher>,
    classic: Cipher,
}

impl Ciphers {
    /// Gives a secret its ciphers. As in httpd, the classic format is the default of
    /// passphrases. A classic token carries no purpose, so with a purpose it needs a cipher
    /// that is named.
    fn section(&self, secrets: Held) -> Section {
        let has_classic = self.named.iter().any(|cipher| !cipher.is_aead());
        let takes_classic = has_classic || !self.has_purpose;
        let (opens_classic, seals_classic) = match secrets {
            Held::KeySet(_, Some(_)) => (takes_classic, false),
            Held::KeySet(_, None) | Held::Certificates(..) => (false, false),
            Held::Passphrases(_) => (takes_classic, self.named.is_empty()),
        };
        let named = self.named.iter();
        let named = named.filter(|cipher| opens_classic || cipher.is_aead());
        let classic = (opens_classic && !has_classic).then_some(&self.classic);
        let (first, last) = if seals_classic {
            (classic, None)
        } else {
            (None, classic)
        };
        let ciphers = named.chain(first).chain(&self.jwe).chain(last);
        Section {
            secrets,
            ciphers: ciphers.cloned().collect(),
        }
    }
}

impl Held {
    fn passphrases(&self) -> Option<&Passphrases> {
        match self {
            Self::KeySet(_, passphrases) => passphrases.as_ref(),
            Self::Certificates(..) => None,
            Self::Passphrases(passphrases) => Some(passphrases),
        }
    }
}

impl Section {
    fn opened<'m>(&self, opened: &Opened<'m>, is_other: bool) -> OpenedToken<'m> {
        let position = opened.key.position();
        let passphrase = |at: usize| {
            let passphrases = self.secrets.passphrases();
            let line = passphrases.and_then(|found| found.lines.get(at));
            line.map_or("a passphrase".to_owned(), |line| {
                format!("the passphrase on line {line}")
            })
        };
        let secret = match &self.secrets {
            Held::KeySet(keys, _) => match keys.keys().nth(position) {
                Some(key) => {
                    let words = keys::words(keys, key, now().seconds);
                    format!("the key {}, which {words}", key.id())
                }
                None => passphrase(position.saturating_sub(keys.count())),
            },
            Held::Certificates(_, paths) => match paths.get(position) {
                Some(path) => format!("the certificate {}", path.display()),
                None => "a certificate".to_owned(),
            },
            Held::Passphrases(_) => passphrase(position),
        };
        OpenedToken {
            session: opened.session.to_bytes(),
            is_stale: opened.stale || is_other,
            secret,
        }
    }
}

/// Makes a keyring with a random seed.
fn keyring() -> Outcome<Keyring> {
    let mut seed = [0; 16];
    OpenSslRandom
        .fill(&mut seed)
        .map_err(|error| library(&error))?;
    let keyring = Keyring::new(Seed(seed), OpenSslRandom, SharedMemory::of_program());
    keyring.map_err(|error| {
        Failure::new(
            Kind::Library,
            format!("OpenSSL has a default less: {error}"),
        )
    })
}

/// The failure of OpenSSL.
pub(crate) fn library(error: &LibraryError) -> Failure {
    Failure::new(Kind::Library, error.to_string())
}

/// The present time.
pub(crate) fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Now {
        seconds: since.unwrap_or_default().as_secs(),
        processor: 0,
    }
}
