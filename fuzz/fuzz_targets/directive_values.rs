//! Takes the values of directives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::directive_values::run;

fuzz_target!(|data: &[u8]| run(data));
