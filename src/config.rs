//! The records httpd creates and merges, and what they seal with.
//!
//! | file in `config/` | what it holds |
//! |---|---|
//! | `written` | a value, and the line that set it |
//! | `names`, `files`, `passphrases` | lists of ciphers and digests, of certificates and keys, of passphrases |
//! | `settings` | the settings in force, and whether they go together |
//! | `flaw` | what is wrong with a section, and what would mend it |
//! | `realm` | tells sections apart whose sessions must not meet |

use std::cell::OnceCell;
use std::sync::Arc;

use session_crypto_core::{
    Cipher, Digest, Engine, Fingerprint, Identities, Keyring, Payer, Purpose, Sealer, Source,
};

use crate::ffi::{Place, Pool};
use crate::passphrases::Found;
use files::Files;
pub(crate) use flaw::{Flaw, Mends};
pub(crate) use names::{Named, Names};
pub(crate) use passphrases::{Line, Passphrases};
pub(crate) use realm::Realm;
pub(crate) use settings::IDLE_BESIDE;
use written::Written;

mod files;
mod flaw;
mod names;
mod passphrases;
mod realm;
mod settings;
mod written;

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
    /// The passphrases were set in a section inside that of the certificates.
    passphrases_are_inner: bool,
    engine: Option<&'p Written<Arc<Engine>>>,
    ciphers: Option<&'p Names<Cipher>>,
    digest: Option<&'p Names<Digest>>,
    purpose: Option<&'p Written<Purpose>>,
    /// The author of the innermost `.htaccess` file that sets anything.
    payer: Payer,
    refuses: bool,
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
    /// A request, which came at a Unix time in seconds.
    Request { now: u64 },
}

/// What is wrong with a section whose record could not be made.
const BROKEN: &str = "an internal error kept the section's settings from being read";

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
            passphrases_are_inner: match (add.passphrases, add.certificates) {
                // httpd may have merged it of parts.
                (_, Some(_)) => add.passphrases_are_inner,
                (Some(_), None) => base.certificates.is_some(),
                (None, None) => base.passphrases_are_inner,
            },
            engine: add.engine.or(base.engine),
            ciphers: add.ciphers.or(base.ciphers),
            digest: add.digest.or(base.digest),
            purpose: add.purpose.or(base.purpose),
            payer: add.payer.or(base.payer),
            refuses: add.refuses || base.refuses,
        }
    }

    /// Adds passphrases to this section's list, `limit` of them at most.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_passphrases(
        &mut self,
        pool: Pool<'p>,
        more: Found,
        line: Line,
        limit: usize,
    ) -> Result<(), String> {
        let list = match self.passphrases {
            Some(held) => held.longer(more),
            None => Passphrases::new(more, line),
        };
        if list.len() > limit {
            return Err(too_many("passphrases", limit));
        }
        self.passphrases = Some(pool.place(list));
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

    /// Sets this section's engine, which more than one directive does.
    pub(crate) fn set_engine(
        &mut self,
        pool: Pool<'p>,
        value: Arc<Engine>,
        directive: &'static str,
        place: Place,
    ) {
        self.engine = Some(pool.place(Written {
            fingerprint: Fingerprint::of_number(value.id()),
            value,
            directive,
            place,
        }));
    }

    /// The payer that a line of this section has named.
    pub(crate) fn payer(&self) -> Payer {
        self.payer
    }

    /// Says who pays for keys that no other section needs, and for private keys
    /// to be opened.
    pub(crate) fn set_payer(&mut self, payer: Payer) {
        self.payer = payer;
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
    pub(crate) fn set_purpose(&mut self, pool: Pool<'p>, value: Purpose, place: Place) {
        self.purpose = Some(pool.place(Written {
            fingerprint: Fingerprint::of([value.as_str().as_bytes()]),
            value,
            directive: PURPOSE,
            place,
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

    /// Whether there is anything to encrypt under.
    pub(crate) fn has_secrets(&self) -> bool {
        self.passphrases.is_some() || self.certificates.is_some() || self.keys.is_some()
    }

    /// The settings that mean nothing without encryption: each directive, and
    /// its line.
    pub(crate) fn of_encryption(&self) -> impl Iterator<Item = (&'static str, &'p Place)> {
        [
            self.ciphers.map(|names| (Cipher::DIRECTIVE, names.place())),
            self.digest.map(|names| (Digest::DIRECTIVE, names.place())),
            self.purpose.map(Written::line),
            self.engine.map(Written::line),
        ]
        .into_iter()
        .flatten()
    }

    /// The passphrases of this section or of one around it.
    pub(crate) fn passphrases(&self) -> Option<&'p Passphrases> {
        self.passphrases
    }

    /// Whether this section has certificates and passphrases of its own.
    pub(crate) fn sets_both(&self) -> bool {
        self.passphrases.is_some() && self.certificates.is_some()
    }

    /// Of the certificate that seals: the line that names it, and its name.
    pub(crate) fn first_certificate(&self) -> Option<(Place, &'p str)> {
        let certificates = self.certificates?;
        let source = certificates.sources().first()?;
        Some((certificates.place(0), source.shown()))
    }

    /// The protection that this record asks for, in a request that came at a Unix
    /// time in seconds.
    pub(crate) fn protection(
        &self,
        keyring: &'p Keyring,
        held: &'p Held,
        now: u64,
    ) -> Protection<'p> {
        if self.refuses {
            return Protection::Refuse(BROKEN.to_owned());
        }
        match self.settings(keyring, held, During::Request { now }) {
            Err(flaw) => Protection::Refuse(flaw.to_string()),
            Ok(None) => Protection::Clear,
            Ok(Some(settings)) => {
                Protection::Seal(Sealer::new(keyring, settings).paid_by(self.payer))
            }
        }
    }
}

/// Directives, where a message names them.
const PURPOSE: &str = "SessionCryptoPurpose";
pub(crate) const CERTIFICATE_FILE: &str = "SessionCryptoCertificateFile";
pub(crate) const KEY_FILE: &str = "SessionCryptoCertificateKeyFile";

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
