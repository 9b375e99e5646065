//! The protection of a request's sessions.

use session_crypto_core::{During, Keyring, Sealer};

use super::dir_config::DirConfig;
use super::flaw::Flaw;
use super::settings::KeptSecrets;

/// The protection of the sessions of a section.
pub(crate) enum Protection<'p> {
    /// Sessions stay in clear: the section has neither passphrase nor certificate.
    Clear,
    /// No session is sealed or opened: the settings could not be made, or do not go
    /// together. The text says why.
    Refuse(String),
    /// Sessions are sealed and opened.
    Seal(Sealer<'p>),
}

/// The message for a section whose settings could not be made.
const BROKEN: &str = "an internal error kept the section's settings from being read";

impl<'p> DirConfig<'p> {
    /// The protection of sessions in a request that came at a Unix time in
    /// seconds.
    #[inline]
    pub(crate) fn protection(
        &self,
        keyring: &'p Keyring,
        kept: &'p KeptSecrets,
        now: u64,
    ) -> Protection<'p> {
        if self.refuses {
            return broken();
        }
        match self.settings(keyring, kept, During::Request { now }) {
            Err(flaw) => refusal(flaw),
            Ok(None) => Protection::Clear,
            Ok(Some(settings)) => {
                Protection::Seal(Sealer::new(keyring, settings).paid_by(self.payer))
            }
        }
    }
}

#[cold]
fn broken<'p>() -> Protection<'p> {
    Protection::Refuse(BROKEN.to_owned())
}

#[cold]
fn refusal<'p>(flaw: Flaw) -> Protection<'p> {
    Protection::Refuse(flaw.into_message().words().to_owned())
}
