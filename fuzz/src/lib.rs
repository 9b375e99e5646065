//! Fuzz targets for every parser and boundary of `mod_session_crypto`.
//!
//! The body of a target is a function here, which `fuzz_targets/` hands to libFuzzer, and
//! `tests/replay.rs` to a plain test. `README.md` says what each target claims, and how to run
//! them.
//!
//! | file or folder | what it holds |
//! |---|---|
//! | `targets` | the targets: a file each |
//! | `oracle` | tools of the targets, and other implementations to compare with |

use std::fmt;

mod oracle;
pub mod targets;

/// A target.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its file in `src/targets` and in `fuzz_targets`.
    pub name: &'static str,
    /// The function that takes the bytes.
    pub run: fn(&[u8]),
    /// Makes the inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All targets, as in the table of [`targets`].
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: targets::$name::run,
            seeds: targets::$name::seeds,
        }),*];
    };
}

targets! {
    classic_token,
    classic_padding,
    passphrase_token,
    passphrase_header,
    key_set_token,
    key_set_header,
    certificate_token,
    certificate_header,
    key_set_file,
    passphrase_file,
    certificate_file,
    revocation_file,
    directive_values,
    session_entry,
    sealed_values,
    registration_proof,
    refresh_proof,
    device_jwk,
    device_headers,
    cookies,
    request_site,
    form,
    store_records,
    server_report,
    shown_token,
    shown_session,
}
