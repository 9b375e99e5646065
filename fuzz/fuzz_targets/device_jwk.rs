//! Takes the public key of a device.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::device_jwk::run;

fuzz_target!(|data: &[u8]| run(data));
