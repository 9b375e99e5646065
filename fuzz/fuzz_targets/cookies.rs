//! Takes the header `Cookie`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::cookies::run;

fuzz_target!(|data: &[u8]| run(data));
