//! Takes the file of the list of ended sessions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::revocation_file::run;

fuzz_target!(|data: &[u8]| run(data));
