//! Takes the padding of a classic token whose author has the passphrase.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::classic_padding::run;

fuzz_target!(|data: &[u8]| run(data));
