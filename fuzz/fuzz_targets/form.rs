//! Takes the body of a form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::form::run;

fuzz_target!(|data: &[u8]| run(data));
