//! Takes a session that `htsession` shows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_crypto_fuzz::targets::shown_session::run;

fuzz_target!(|data: &[u8]| run(data));
