//! Takes the file of a JWK Set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::key_set_file::run;

fuzz_target!(|data: &[u8]| run(data));
