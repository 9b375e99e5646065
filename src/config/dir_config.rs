//! The settings of one section, and how it inherits.

use std::ffi::CStr;
use std::sync::Arc;

use session_crypto_core::{Cipher, Digest, Engine, Fingerprint, Origin, Payer, Purpose, Source};

use super::algorithms::{Algorithm, AlgorithmNames};
use super::bound::{self, Bound};
use super::dates::{self, Dates};
use super::device_settings::DeviceSettings;
use super::end_sessions_for::EndSessionsFor;
use super::passphrases::Passphrases;
use super::setting_set::SettingSet;
use super::source_list::SourceList;
use super::user_entries::UserEntries;
use super::written::Written;
use crate::ffi::{DirSettings, Inherit, Line, Parms, Pool};
use crate::key_files::KeyFile;
use crate::message::Message;
use crate::secrets::passphrases::PassphrasesRead;
use crate::{advice, clock};

/// The settings of one section of the configuration; it inherits the rest from the
/// section around it.
///
/// They only refer to values in the pools of their sections, so that a merge on
/// each request costs little.
#[derive(Clone, Copy, Default)]
pub(crate) struct DirConfig<'p> {
    pub(super) passphrases: Option<&'p Passphrases>,
    pub(super) certificates: Option<&'p SourceList>,
    pub(super) private_keys: Option<&'p SourceList>,
    /// Not in force beside passphrases of a `.htaccess` file, which stand further inside:
    /// [`DirConfig::key_file_line`] knows that.
    pub(super) key_file: Option<&'p Written<Arc<KeyFile>>>,
    /// The passphrases were set in a section inside that of the certificates.
    pub(super) passphrases_are_inner: bool,
    pub(super) engine: Option<&'p Written<Arc<Engine>>>,
    pub(super) ciphers: Option<&'p AlgorithmNames<Cipher>>,
    pub(super) digest: Option<&'p AlgorithmNames<Digest>>,
    pub(super) purpose: Option<&'p Written<Purpose>>,
    pub(super) lifetime: Option<&'p Written<Bound>>,
    pub(super) not_before: Option<&'p Dates>,
    pub(super) user_entries: Option<&'p UserEntries>,
    pub(super) end_sessions_for: Option<&'p Written<EndSessionsFor>>,
    pub(super) device: DeviceSettings<'p>,
    /// The author of the innermost `.htaccess` file that sets anything.
    pub(super) payer: Payer,
    pub(super) refuses: bool,
}

/// Directives, as messages name them.
pub(super) const PURPOSE: &str = "SessionCryptoPurpose";
const MAX_LIFETIME: &str = "SessionCryptoMaxLifetime";
const END_SESSIONS_FOR: &str = "SessionCryptoEndSessionsFor";
pub(crate) const CERTIFICATE_FILE: &str = "SessionCryptoCertificateFile";
pub(super) const PRIVATE_KEY_FILE: &str = "SessionCryptoCertificateKeyFile";
pub(crate) const KEY_FILE: &str = "SessionCryptoKeyFile";

impl Inherit for DirConfig<'_> {
    /// The inner section wins, each setting by itself. A key file and passphrases of a
    /// `.htaccess` file are never in force together: whoever writes that file could make
    /// sessions which the keys of the server then seal.
    fn merge(base: &Self, add: &Self) -> Self {
        // A key file stays when such passphrases come, and is in force again without them. It
        // removes those that stand around it, so beside it they are always the inner ones, also
        // where `add` is itself merged.
        let inherits_passphrases = add.key_file.is_none() || !base.has_htaccess_passphrases();
        Self {
            passphrases: add
                .passphrases
                .or(base.passphrases.filter(|_| inherits_passphrases)),
            key_file: add.key_file.or(base.key_file),
            certificates: add.certificates.or(base.certificates),
            private_keys: add.private_keys.or(base.private_keys),
            passphrases_are_inner: match (add.passphrases, add.certificates) {
                // `add` may itself be merged.
                (_, Some(_)) => add.passphrases_are_inner,
                (Some(_), None) => base.certificates.is_some(),
                (None, None) => base.passphrases_are_inner,
            },
            engine: add.engine.or(base.engine),
            ciphers: add.ciphers.or(base.ciphers),
            digest: add.digest.or(base.digest),
            purpose: add.purpose.or(base.purpose),
            lifetime: bound::stricter(base.lifetime, add.lifetime),
            not_before: dates::stricter(base.not_before, add.not_before, clock::now),
            user_entries: add.user_entries.or(base.user_entries),
            end_sessions_for: add.end_sessions_for.or(base.end_sessions_for),
            device: DeviceSettings::merge(&base.device, &add.device),
            payer: add.payer.or(base.payer),
            refuses: add.refuses || base.refuses,
        }
    }
}

impl DirSettings for DirConfig<'_> {
    fn refusing() -> Self {
        Self {
            refuses: true,
            ..Self::default()
        }
    }
}

impl<'p> DirConfig<'p> {
    /// Adds passphrases to this section's list, which may have `limit` of them.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_passphrases(
        &mut self,
        parms: &Parms<'p>,
        more: PassphrasesRead,
        limit: usize,
    ) -> Result<(), Message> {
        let list = match self.passphrases {
            Some(passphrases) => passphrases.longer(more),
            None => Passphrases::new(more, parms),
        };
        if list.len() > limit {
            return Err(advice::too_many("passphrases", limit));
        }
        self.passphrases = Some(parms.pool().store(list));
        Ok(())
    }

    /// Adds certificates to this section's list, which may have `limit` of them.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_certificates(
        &mut self,
        parms: &Parms<'p>,
        more: Vec<Source>,
        limit: usize,
    ) -> Result<(), Message> {
        self.certificates = Some(longer(self.certificates, parms, more, limit)?);
        Ok(())
    }

    /// Adds private keys to this section's list, which may have `limit` of them.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_private_keys(
        &mut self,
        parms: &Parms<'p>,
        more: Vec<Source>,
        limit: usize,
    ) -> Result<(), Message> {
        self.private_keys = Some(longer(self.private_keys, parms, more, limit)?);
        Ok(())
    }

    /// Sets this section's key file; a later line replaces it.
    pub(crate) fn set_key_file(&mut self, pool: Pool<'p>, value: Arc<KeyFile>, line: Line) {
        self.key_file = Some(pool.store(Written {
            fingerprint: value.fingerprint(),
            value,
            directive: KEY_FILE,
            line,
        }));
    }

    /// The key file in force, and its line.
    pub(super) fn key_file_line(&self) -> Option<&'p Written<Arc<KeyFile>>> {
        self.key_file.filter(|_| !self.has_htaccess_passphrases())
    }

    /// The key file in force.
    pub(crate) fn key_file(&self) -> Option<&'p KeyFile> {
        self.key_file_line().map(|file| file.value.as_ref())
    }

    /// Whether the passphrases in force are those of a `.htaccess` file.
    fn has_htaccess_passphrases(&self) -> bool {
        let origin = self.passphrases.map(|held| held.origin);
        origin == Some(Origin::Htaccess)
    }

    /// Sets this section's engine; more than one directive does that.
    pub(crate) fn set_engine(
        &mut self,
        pool: Pool<'p>,
        value: Arc<Engine>,
        directive: &'static str,
        line: Line,
    ) {
        self.engine = Some(pool.store(Written {
            fingerprint: Fingerprint::of_number(value.id()),
            value,
            directive,
            line,
        }));
    }

    /// The payer that a line of this section has named.
    pub(crate) fn payer(&self) -> Payer {
        self.payer
    }

    /// Sets the payer for keys that no other section needs, and for opening private
    /// keys.
    pub(crate) fn set_payer(&mut self, payer: Payer) {
        self.payer = payer;
    }

    /// Sets this section's list of ciphers; a later line replaces it, as in
    /// httpd's module.
    pub(crate) fn set_ciphers(&mut self, pool: Pool<'p>, ciphers: AlgorithmNames<Cipher>) {
        self.ciphers = Some(pool.store(ciphers));
    }

    /// Sets this section's digest.
    pub(crate) fn set_digest(&mut self, pool: Pool<'p>, digest: AlgorithmNames<Digest>) {
        self.digest = Some(pool.store(digest));
    }

    /// Sets this section's purpose.
    pub(crate) fn set_purpose(&mut self, pool: Pool<'p>, value: Purpose, line: Line) {
        self.purpose = Some(pool.store(Written {
            fingerprint: Fingerprint::of([value.as_str().as_bytes()]),
            value,
            directive: PURPOSE,
            line,
        }));
    }

    /// Sets the longest lifetime of this section's sessions, in seconds.
    pub(crate) fn set_lifetime(&mut self, parms: &Parms<'p>, seconds: u64) {
        self.lifetime = Some(parms.pool().store(Written {
            value: Bound {
                seconds,
                origin: parms.origin(),
            },
            fingerprint: Fingerprint::of_number(seconds),
            directive: MAX_LIFETIME,
            line: parms.line(),
        }));
    }

    /// Adds a moment, in Unix seconds, from which on sessions that began before it are
    /// refused.
    pub(crate) fn add_not_before(&mut self, parms: &Parms<'p>, moment: u64) {
        let dates = match self.not_before {
            Some(dates) => dates.longer(moment),
            None => Dates::new(moment, parms.origin(), parms.line()),
        };
        self.not_before = Some(parms.pool().store(dates));
    }

    /// Adds names of entries that name a session's user.
    pub(crate) fn add_user_entries(&mut self, parms: &Parms<'p>, names: &[&CStr]) {
        let list = match self.user_entries {
            Some(list) => list.longer(names),
            None => UserEntries::new(names, parms.line()),
        };
        self.user_entries = Some(parms.pool().store(list));
    }

    /// Sets whose sessions a request to this section may end.
    pub(crate) fn set_end_sessions_for(
        &mut self,
        pool: Pool<'p>,
        value: EndSessionsFor,
        line: Line,
    ) {
        self.end_sessions_for = Some(pool.store(Written {
            value,
            fingerprint: Fingerprint::default(),
            directive: END_SESSIONS_FOR,
            line,
        }));
    }

    /// The settings that are set here, without those that mend nothing.
    pub(crate) fn sets(&self) -> SettingSet {
        SettingSet::PASSPHRASES
            .if_set(self.passphrases.is_some())
            .and(SettingSet::CERTIFICATES.if_set(self.certificates.is_some()))
            .and(SettingSet::PRIVATE_KEYS.if_set(self.private_keys.is_some()))
            .and(SettingSet::KEY_FILE.if_set(self.key_file().is_some()))
            .and(SettingSet::ENGINE.if_set(self.engine.is_some()))
            .and(SettingSet::CIPHERS.if_set(self.ciphers.is_some()))
            .and(SettingSet::DIGEST.if_set(self.digest.is_some()))
    }

    /// Whether a setting asks for encryption.
    pub(crate) fn has_secrets(&self) -> bool {
        self.passphrases.is_some()
            || self.key_file().is_some()
            || self.certificates.is_some()
            || self.private_keys.is_some()
    }

    /// The settings that have no effect without encryption: each directive, and
    /// its line.
    pub(crate) fn only_for_encryption(&self) -> impl Iterator<Item = (&'static str, &'p Line)> {
        [
            self.ciphers.map(|names| (Cipher::DIRECTIVE, names.line())),
            self.digest.map(|names| (Digest::DIRECTIVE, names.line())),
            self.purpose.map(Written::directive_and_line),
            self.engine.map(Written::directive_and_line),
            self.lifetime.map(Written::directive_and_line),
            self.not_before.map(Dates::directive_and_line),
            self.user_entries.map(UserEntries::directive_and_line),
            self.end_sessions_for.map(Written::directive_and_line),
        ]
        .into_iter()
        .flatten()
    }

    /// The first line with secrets that are in force.
    pub(crate) fn secrets_line(&self) -> Option<Line> {
        let certificate = self.first_certificate().map(|(line, _)| line);
        let key_file = || self.key_file_line().map(|file| file.line.clone());
        let passphrases = || self.passphrases.map(|list| list.line.clone());
        certificate.or_else(key_file).or_else(passphrases)
    }

    /// The passphrases in force.
    pub(crate) fn passphrases(&self) -> Option<&'p Passphrases> {
        self.passphrases
    }

    /// Whether there are both certificates and passphrases.
    pub(crate) fn has_both(&self) -> bool {
        self.passphrases.is_some() && self.certificates.is_some()
    }

    /// The line that names the certificate which seals, and that certificate's
    /// name.
    pub(crate) fn first_certificate(&self) -> Option<(Line, &'p str)> {
        let certificates = self.certificates?;
        let source = certificates.sources().first()?;
        Some((certificates.line(0), source.shown()))
    }
}

fn longer<'p>(
    list: Option<&SourceList>,
    parms: &Parms<'p>,
    more: Vec<Source>,
    limit: usize,
) -> Result<&'p SourceList, Message> {
    let mut list = list.cloned().unwrap_or_default();
    list.extend(more, &parms.line());
    if list.len() > limit {
        return Err(advice::too_many("files", limit));
    }
    Ok(parms.pool().store(list))
}
