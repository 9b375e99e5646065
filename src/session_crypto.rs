//! The type that stands for this module.

/// This module, to the functions of `ffi` that look for its settings and notes;
/// `module` implements it.
pub(crate) struct SessionCrypto;
