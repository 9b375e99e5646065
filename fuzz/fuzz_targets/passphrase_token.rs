//! Takes a JWE under a passphrase.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::passphrase_token::run;

fuzz_target!(|data: &[u8]| run(data));
