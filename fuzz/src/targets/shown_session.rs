//! A session that `htsession open` shows.
//!
//! A terminal gets no control character from it, the JSON is ASCII that reads as JSON, and no
//! password is shown unasked.

use htsession::fuzzing::session;
use serde_json::Value;

use crate::oracle::section::NOW;
use crate::targets::shown_token::check;

/// Shows the session.
pub fn run(text: &[u8]) {
    let hidden = session(text, false, NOW.seconds);
    check(&hidden);
    check(&session(text, true, NOW.seconds));
    let json: Value = serde_json::from_str(&hidden.json).unwrap();
    for (name, value) in json["entries"].as_object().unwrap() {
        let is_password = name.to_ascii_lowercase().ends_with("-pw");
        assert_eq!(is_password, value.is_null(), "{name}");
        if is_password {
            let line = format!("{name}=(hidden: --show-passwords shows it)");
            assert!(hidden.lines.contains(&line) || name.contains(|c: char| !c.is_ascii_graphic()));
        }
    }
}

/// Sessions with entries of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "user=joe&expiry=1800000000000000&session-crypto=1800000000.-_v7-_v7-_v7-_v7-_v7-w",
        "private-user=joe&private-pw=secret&a=%1b%5b2J&b=%e2%80%ae",
        "a=1&A=&%zz=1&=b=c&&d",
        "!b1AGtJ0gABAQEBAQEBAQEBAQEBAQEBAgICAgICAgICAgICAgICAgBrSdRY",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
