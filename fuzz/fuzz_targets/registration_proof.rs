//! Takes a proof that registers a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::registration_proof::run;

fuzz_target!(|data: &[u8]| run(data));
