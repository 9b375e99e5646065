//! Takes the file of a certificate or a private key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::certificate_file::run;

fuzz_target!(|data: &[u8]| run(data));
