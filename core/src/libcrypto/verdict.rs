//! Whether OpenSSL says no, or has failed to say anything.
//!
//! A call that judges what it is given (a tag, a signature, padding, a point) answers
//! a wrong one and a failure of the host alike. The errors that it leaves in the
//! thread's queue tell which: the first is either a reason of the library that judged,
//! or one that all libraries share, like an allocation that failed (`ERR_R_...`,
//! `<openssl/err.h>`). A failure of the host proves nothing against a token, and must
//! not be kept or answered as if it did.

use libc::c_int;
use openssl::error::{Error, ErrorStack};

/// How a call says no.
#[derive(Clone, Copy)]
pub(crate) enum No {
    /// With a reason of this library's own.
    Reason(Library),
    /// With that, or without any error.
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

/// The mark of a reason that is no answer at all, such as no memory
/// (`ERR_RFLAG_FATAL`).
const FATAL: c_int = 0x1 << 18;

/// The reason that EVP gives, from OpenSSL 3.5 on, in place of a provider that refuses a
/// signature without any error (`EVP_R_PROVIDER_SIGNATURE_FAILURE`,
/// `<openssl/evperr.h>`).
const SILENT: c_int = 234;

/// The value of a call that judges; `None` if it says no in the way of `no`.
///
/// # Errors
///
/// It failed.
pub(crate) fn judged<T>(
    no: No,
    call: impl FnOnce() -> Result<T, ErrorStack>,
) -> Result<Option<T>, ErrorStack> {
    forget_errors();
    match call() {
        Ok(done) => Ok(Some(done)),
        Err(stack) if is_no(no, &stack) => Ok(None),
        Err(stack) => Err(stack),
    }
}

/// Empties the thread's queue of errors, in which other code may have left some.
pub(crate) fn forget_errors() {
    drop(ErrorStack::get());
}

/// Whether these errors, all that a call left, are its way to say no.
pub(crate) fn is_no(no: No, stack: &ErrorStack) -> bool {
    let first = stack.errors().first();
    match (no, first) {
        (No::SilentOrReason(_), None) => true,
        (No::SilentOrReason(_), Some(first)) if is_silent(first) => true,
        (No::Reason(library) | No::SilentOrReason(library), Some(first)) => {
            Library(first.library_code()) == library && first.reason_code() & COMMON == 0
        }
        (No::Reason(_), None) => false,
    }
}

fn is_silent(error: &Error) -> bool {
    Library(error.library_code()) == Library::EVP && error.reason_code() == SILENT
}

/// Whether one of these errors is no answer at all.
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

    /// A point that is not on its curve: EC's own reason.
    fn off_the_curve() -> ErrorStack {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let one = BigNum::from_u32(1).unwrap();
        EcKey::from_public_key_affine_coordinates(&group, &one, &one).unwrap_err()
    }

    /// A cipher that is not there: a reason that all libraries share.
    fn not_there() -> ErrorStack {
        Cipher::fetch(None, "none-such", None).err().unwrap()
    }

    #[test]
    fn tells_no_from_a_failure() {
        let both = No::SilentOrReason(Library::EC);
        for (no, stack, expected) in [
            (No::Reason(Library::EC), off_the_curve(), true),
            (both, off_the_curve(), true),
            (No::SilentOrReason(Library::RSA), off_the_curve(), false),
            (No::Reason(Library::RSA), off_the_curve(), false),
            (No::Reason(Library::EC), not_there(), false),
            (both, not_there(), false),
            (both, ErrorStack::get(), true),
            (No::Reason(Library::EC), ErrorStack::get(), false),
        ] {
            let said = format!("{stack:?}");
            let outcome = judged(no, || Err::<(), _>(stack));
            assert_eq!(matches!(outcome, Ok(None)), expected, "{said}");
        }
        assert!(matches!(judged(both, || Ok(7)), Ok(Some(7))));
    }

    #[test]
    fn what_others_left_behind_does_not_count() {
        let no = No::Reason(Library::EC);
        not_there().put();
        let outcome = judged(no, || {
            off_the_curve().put();
            Err::<(), _>(ErrorStack::get())
        });
        assert!(matches!(outcome, Ok(None)));
        off_the_curve().put();
        assert!(judged(no, || Err::<(), _>(ErrorStack::get())).is_err());
        off_the_curve().put();
        let silent = judged(No::SilentOrReason(Library::RSA), || {
            Err::<(), _>(ErrorStack::get())
        });
        assert!(matches!(silent, Ok(None)));
    }
}
