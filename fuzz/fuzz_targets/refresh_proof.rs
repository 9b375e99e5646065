//! Takes a proof of a refresh.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::refresh_proof::run;

fuzz_target!(|data: &[u8]| run(data));
