//! A bound on the lifetime of a section's sessions.

use session_crypto_core::Origin;

use super::written::Written;

/// A lifetime that sessions do not outlive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(super) seconds: u64,
    pub(super) origin: Origin,
}

/// The bound in force in an inner section: its own one, unless that stands in a
/// `.htaccess` file and is laxer than the outer one.
pub(super) fn stricter<'p>(
    base: Option<&'p Written<Bound>>,
    add: Option<&'p Written<Bound>>,
) -> Option<&'p Written<Bound>> {
    match (base, add) {
        (Some(outer), Some(inner))
            if inner.value.origin == Origin::Htaccess
                && outer.value.seconds < inner.value.seconds =>
        {
            base
        }
        _ => add.or(base),
    }
}
