//! Takes a file of passphrases.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::passphrase_file::run;

fuzz_target!(|data: &[u8]| run(data));
