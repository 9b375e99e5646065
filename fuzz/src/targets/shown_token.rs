//! A token that `htsession inspect` shows without a key.
//!
//! A terminal gets no control character from it, and the JSON is ASCII that reads as JSON.

use htsession::fuzzing::{Shown, token};

use crate::oracle::known::tokens;
use crate::oracle::peer;

/// Shows the token, and a token that has the text for its header.
pub fn run(text: &[u8]) {
    if let Ok(shown) = token(text) {
        check(&shown);
    }
    let with_header = format!("{}..AAAA.AAAA.AAAA", peer::url(text));
    if let Ok(shown) = token(with_header.as_bytes()) {
        check(&shown);
    }
}

pub(super) fn check(shown: &Shown) {
    for line in &shown.lines {
        let harms = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!line.contains(harms), "{line:?}");
    }
    assert!(shown.json.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    serde_json::from_str::<serde_json::Value>(&shown.json).unwrap();
}

/// The tokens of the vectors, and headers.
pub fn seeds() -> Vec<Vec<u8>> {
    let folders = ["classic", "jwe", "jwe-key-set", "jwe-certificate"];
    let tokens = folders.into_iter().flat_map(tokens);
    let headers = [
        r#"{"alg":"dir","enc":"A256GCM","kid":"HOJ3xEtt.20000","more":[1]}"#,
        "{\"kid\":\"\u{1b}[2J\u{202e}\",\"\\u0007\":null}",
        "{\"alg\":{},\"kid\":1}",
    ];
    let headers = headers.map(|text| text.as_bytes().to_vec());
    tokens.chain(headers).collect()
}
