//! Takes the report of another server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::server_report::run;

fuzz_target!(|data: &[u8]| run(data));
