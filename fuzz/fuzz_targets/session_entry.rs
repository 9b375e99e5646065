//! Takes this module's own entry in a session.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::session_entry::run;

fuzz_target!(|data: &[u8]| run(data));
