//! The payer for keys that follow from a line.

use session_crypto_core::Payer;

use crate::config::DirConfig;
use crate::ffi::Parms;

/// Notes the payer for keys that follow from this line: one look at a `.htaccess`
/// file serves all its lines.
pub(super) fn note_payer(parms: &Parms<'_>, config: &mut DirConfig<'_>) {
    if config.payer() == Payer::Server {
        config.set_payer(parms.payer());
    }
}
