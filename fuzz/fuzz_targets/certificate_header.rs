//! Takes the header of a JWE whose author has the private key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::certificate_header::run;

fuzz_target!(|data: &[u8]| run(data));
