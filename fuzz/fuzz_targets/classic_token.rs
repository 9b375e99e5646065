//! Takes a token of the classic format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::classic_token::run;

fuzz_target!(|data: &[u8]| run(data));
