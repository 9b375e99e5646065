//! A bound on the sessions of a section.

use session_crypto_core::Origin;

use super::written::Written;

/// A number of seconds that bounds sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(super) value: u64,
    pub(super) origin: Origin,
}

/// The bound in force in an inner section: its own one, unless that stands in a
/// `.htaccess` file and is laxer than the outer one.
pub(super) fn stricter<'p>(
    base: Option<&'p Written<Bound>>,
    add: Option<&'p Written<Bound>>,
    is_stricter: fn(u64, u64) -> bool,
) -> Option<&'p Written<Bound>> {
    match (base, add) {
        (Some(outer), Some(inner))
            if inner.value.origin == Origin::Htaccess
                && is_stricter(outer.value.value, inner.value.value) =>
        {
            base
        }
        _ => add.or(base),
    }
}
