//! The settings of one section, which httpd creates and merges.

use std::ffi::c_void;

use super::pool::Pool;

/// Settings of a section, which inherits from the section around it.
///
/// Plain data: a value that has a destructor is stored in a pool and referred
/// to. The default is a section that sets nothing.
pub(crate) trait Inherit: Copy + Default {
    /// Merges the settings of a section, `add`, into those around it, `base`.
    fn merge(base: &Self, add: &Self) -> Self;
}

/// Settings that httpd creates and merges for a module.
pub(crate) trait DirSettings: Inherit + Send + Sync {
    /// Makes settings under which no session is sealed or opened; they stand in
    /// for those that could not be made.
    fn refusing() -> Self;
}

/// Reads settings through a pointer of httpd's; NULL stands for settings that
/// could not be made, and gives those that refuse.
///
/// # Safety
///
/// `raw` is NULL, or settings of the type `C` that were made for httpd, in a
/// pool that lives for as long as `C` does.
pub(super) unsafe fn read<C: DirSettings>(raw: *const c_void) -> C {
    // SAFETY: the caller promises NULL, or a C that lives.
    unsafe { raw.cast::<C>().as_ref() }
        .copied()
        .unwrap_or_else(C::refusing)
}

/// Refers to settings, as [`read`] reads them; NULL gives settings in `pool`.
///
/// # Safety
///
/// As for [`read`], and the settings live for `'c`.
pub(super) unsafe fn refer<'c, C: DirSettings + 'c>(raw: *const c_void, pool: Pool<'c>) -> &'c C {
    // SAFETY: the caller promises NULL, or a C that lives.
    unsafe { raw.cast::<C>().as_ref() }.unwrap_or_else(|| refusing(pool))
}

#[cold]
fn refusing<'c, C: DirSettings + 'c>(pool: Pool<'c>) -> &'c C {
    pool.store_plain(C::refusing())
}
