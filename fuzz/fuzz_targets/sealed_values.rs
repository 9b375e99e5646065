//! Takes challenges, bound cookies and key cookies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::sealed_values::run;

fuzz_target!(|data: &[u8]| run(data));
