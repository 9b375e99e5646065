//! Takes the header of a JWE whose author has the passphrase.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::passphrase_header::run;

fuzz_target!(|data: &[u8]| run(data));
