//! Takes the headers that tell the site of a request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::request_site::run;

fuzz_target!(|data: &[u8]| run(data));
