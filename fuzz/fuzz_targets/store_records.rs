//! Takes the records and answers of a store.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::store_records::run;

fuzz_target!(|data: &[u8]| run(data));
