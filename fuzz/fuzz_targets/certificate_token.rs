//! Takes a JWE for a certificate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::certificate_token::run;

fuzz_target!(|data: &[u8]| run(data));
