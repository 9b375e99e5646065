//! Takes the header of a JWE whose author has the key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::key_set_header::run;

fuzz_target!(|data: &[u8]| run(data));
