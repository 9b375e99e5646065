//! Whether the sessions of a section are encrypted.

use crate::config::{DirConfig, SettingSet};
use crate::ffi::Server;

/// Whether requests in a chain of sections may have encrypted sessions.
pub(super) fn may_encrypt(server: &Server<'_, DirConfig<'_>>, chain: &[usize]) -> bool {
    if server.config_of(chain).has_secrets() {
        return true;
    }
    // A request may be in another section as well, which has a passphrase. The settings
    // outside of every section are those of requests in no section, so only a section that
    // every request is in counts there.
    let has_secrets = |other: DirConfig<'_>| other.sets().meets(SettingSet::SECRETS);
    match chain.last() {
        Some(innermost) => server.others(chain, *innermost).any(has_secrets),
        None => {
            let sections = server.sections.iter();
            let mut everywhere = sections.filter(|section| section.is_everywhere());
            everywhere.any(|section| section.config.is_some_and(has_secrets))
        }
    }
}
