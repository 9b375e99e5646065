//! Takes a JWE under a key of a JWK Set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::key_set_token::run;

fuzz_target!(|data: &[u8]| run(data));
