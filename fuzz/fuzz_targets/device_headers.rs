//! Takes the headers of a browser about its device.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::device_headers::run;

fuzz_target!(|data: &[u8]| run(data));
