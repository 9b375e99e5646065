//! The line between OpenSSL's no and a failure of the host.
//!
//! A call that judges its input (a tag, a signature, padding, a point) returns the same
//! value for a wrong input and for a failure of the host. The errors that it leaves in
//! the thread's queue tell the two apart. The first error is either a reason of the
//! library that judged, or one that all libraries share, like an allocation that failed
//! (`ERR_R_...`, `<openssl/err.h>`). A failure of the host proves nothing against a
//! token, and must not be kept or answered like a no.

use libc::c_int;
use openssl::error::{Error, ErrorStack};

/// The way in which a call says no.
#[derive(Clone, Copy)]
pub(crate) enum Denial {
    /// With a reason of this library's own.
    Reason(Library),
    /// With a reason of this library's own, or without any error.
    SilentOrReason(Library),
}

/// The part of OpenSSL that judges, by its number (`ERR_LIB_...`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Library(c_int);

impl Library {
    /// `ERR_LIB_RSA`.
    pub(crate) const RSA: Self = Self(4);
    /// `ERR_LIB_EVP`.
    const EVP: Self = Self(6);
    /// `ERR_LIB_EC`.
    pub(crate) const EC: Self = Self(16);
    /// `ERR_LIB_PROV`.
    pub(crate) const PROVIDER: Self = Self(57);
}

/// The mark of a reason that all libraries share (`ERR_RFLAG_COMMON`).
const COMMON: c_int = 0x2 << 18;

/// The mark of a reason that is a failure of the host, such as no memory
/// (`ERR_RFLAG_FATAL`).
const FATAL: c_int = 0x1 << 18;

/// `EVP_R_PROVIDER_SIGNATURE_FAILURE` of `<openssl/evperr.h>`: the reason that EVP
/// gives, since OpenSSL 3.5, for a provider that refuses a signature without any error.
const SILENT: c_int = 234;

/// The value of a call that judges; `None` if the call says no in the way of `denial`.
///
/// # Errors
///
/// The host failed.
pub(crate) fn judged<T>(
    denial: Denial,
    call: impl FnOnce() -> Result<T, ErrorStack>,
) -> Result<Option<T>, ErrorStack> {
    forget_errors();
    match call() {
        Ok(done) => Ok(Some(done)),
        Err(stack) if is_denial(denial, &stack) => Ok(None),
        Err(stack) => Err(stack),
    }
}

/// Empties the thread's queue of errors, in which other code may have left some.
pub(crate) fn forget_errors() {
    drop(ErrorStack::get());
}

/// Whether these errors, all that a call left, say no in the way of `denial`.
pub(crate) fn is_denial(denial: Denial, stack: &ErrorStack) -> bool {
    let first = stack.errors().first();
    match (denial, first) {
        (Denial::SilentOrReason(_), None) => can_note_errors(),
        (Denial::SilentOrReason(library), Some(first)) if is_silent(library, first) => true,
        (Denial::Reason(library) | Denial::SilentOrReason(library), Some(first)) => {
            Library(first.library_code()) == library && first.reason_code() & COMMON == 0
        }
        (Denial::Reason(_), None) => false,
    }
}

/// Whether silence means something: a thread has a queue of errors, unless there was no
/// memory for it.
fn can_note_errors() -> bool {
    // SAFETY: the call takes nothing, and begins an error that the next call describes
    // (ERR_new(3)).
    unsafe { openssl_sys::ERR_new() };
    let Library(code) = Library::EVP;
    // SAFETY: there is no format, and so there are no values for it.
    unsafe { openssl_sys::ERR_set_error(code, SILENT, std::ptr::null()) };
    Error::get().is_some()
}

/// Whether an error is what a layer above the library has to say about its silence: EVP, or
/// a provider, which names the library.
fn is_silent(library: Library, error: &Error) -> bool {
    let (from, reason) = (Library(error.library_code()), error.reason_code());
    let Library(code) = library;
    (from == Library::EVP && reason == SILENT)
        || (from == Library::PROVIDER && reason == code | COMMON)
}

/// Whether one of these errors is that no provider has an algorithm.
pub(crate) fn is_unsupported(stack: &ErrorStack) -> bool {
    let is_of_fetch = |error: &Error| {
        Library(error.library_code()) == Library::EVP && error.reason_code() == UNSUPPORTED
    };
    stack.errors().iter().any(is_of_fetch)
}

/// `ERR_R_UNSUPPORTED` of `<openssl/err.h>`.
const UNSUPPORTED: c_int = 268 | COMMON;

/// Whether one of these errors is a failure of the host.
pub(crate) fn is_fatal(stack: &ErrorStack) -> bool {
    let mut errors = stack.errors().iter();
    errors.any(|error| error.reason_code() & FATAL != 0)
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::cipher::Cipher;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;

    use super::*;

    /// The errors after a point off its curve: a reason of EC's own.
    fn off_the_curve() -> ErrorStack {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let one = BigNum::from_u32(1).unwrap();
        EcKey::from_public_key_affine_coordinates(&group, &one, &one).unwrap_err()
    }

    /// The errors after an unknown cipher: a reason that all libraries share.
    fn unknown_cipher() -> ErrorStack {
        Cipher::fetch(None, "none-such", None).err().unwrap()
    }

    #[test]
    fn tells_a_no_from_a_failure_of_the_host() {
        let both = Denial::SilentOrReason(Library::EC);
        for (denial, stack, expected) in [
            (Denial::Reason(Library::EC), off_the_curve(), true),
            (both, off_the_curve(), true),
            (Denial::SilentOrReason(Library::RSA), off_the_curve(), false),
            (Denial::Reason(Library::RSA), off_the_curve(), false),
            (Denial::Reason(Library::EC), unknown_cipher(), false),
            (both, unknown_cipher(), false),
            (both, ErrorStack::get(), true),
            (Denial::Reason(Library::EC), ErrorStack::get(), false),
        ] {
            let said = format!("{stack:?}");
            let outcome = judged(denial, || Err::<(), _>(stack));
            assert_eq!(matches!(outcome, Ok(None)), expected, "{said}");
        }
        assert!(matches!(judged(both, || Ok(7)), Ok(Some(7))));
    }

    #[test]
    fn a_thread_that_can_note_errors_is_left_without_any() {
        assert!(can_note_errors());
        assert!(ErrorStack::get().errors().is_empty());
    }

    #[test]
    fn errors_that_were_in_the_queue_before_do_not_count() {
        let denial = Denial::Reason(Library::EC);
        unknown_cipher().put();
        let outcome = judged(denial, || {
            off_the_curve().put();
            Err::<(), _>(ErrorStack::get())
        });
        assert!(matches!(outcome, Ok(None)));
        off_the_curve().put();
        assert!(judged(denial, || Err::<(), _>(ErrorStack::get())).is_err());
        off_the_curve().put();
        let silent = judged(Denial::SilentOrReason(Library::RSA), || {
            Err::<(), _>(ErrorStack::get())
        });
        assert!(matches!(silent, Ok(None)));
    }
}
