//! Marks on secrets, and on values that follow from them and may be known.
//!
//! With the feature `constant-time`, a run under valgrind reports each branch and each index
//! that depends on a marked secret: to valgrind, it is memory that was never written. All
//! that is computed from a secret is marked too, until it is said to be public. The feature
//! is for `tools/constant-time` alone. Without it, no function of this file does anything.

/// Marks bytes as a secret.
#[inline(always)]
pub(crate) fn hide(bytes: &mut [u8]) {
    #[cfg(feature = "constant-time")]
    mark(bytes, crabgrind::memcheck::MemState::Undefined);
    let _ = bytes;
}

/// Says that bytes may be known, although they follow from a secret.
#[inline(always)]
pub(crate) fn reveal(bytes: &mut [u8]) {
    #[cfg(feature = "constant-time")]
    mark(bytes, crabgrind::memcheck::MemState::Defined);
    let _ = bytes;
}

/// Says that a verdict on a secret may be known, and returns it.
#[inline(always)]
pub(crate) fn verdict(value: subtle::Choice) -> bool {
    let mut bytes = [value.unwrap_u8()];
    reveal(&mut bytes);
    bytes == [1]
}

/// The bytes are borrowed for writing, so that the compiler reads them again afterwards.
#[cfg(feature = "constant-time")]
#[inline(never)]
fn mark(bytes: &mut [u8], state: crabgrind::memcheck::MemState) {
    // Outside of valgrind this fails, and there is nobody to tell.
    let _ = crabgrind::memcheck::mark_memory(bytes.as_mut_ptr().cast(), bytes.len(), state);
    std::hint::black_box(bytes);
}
