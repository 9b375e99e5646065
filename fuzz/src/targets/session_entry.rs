//! The value of this module's own entry in a session.
//!
//! A value that is read is written again as the same text, byte for byte.

use session_crypto_core::{RecordId, SessionEntry};

use crate::oracle::peer;

/// Reads the value.
pub fn run(value: &[u8]) {
    let Some(entry) = SessionEntry::parse(value) else {
        return;
    };
    assert_eq!(entry.value().as_bytes(), value);
    let parts: Vec<_> = value.split(|byte| *byte == b'.').collect();
    let birth = std::str::from_utf8(parts[0]).unwrap();
    assert_eq!(entry.birth(), birth.parse::<u64>().unwrap());
    assert!((1..=12).contains(&birth.len()));
    assert_eq!(peer::from_url(parts[1]).as_deref(), Some(&entry.name()[..]));
    assert_eq!(entry.device().is_some(), parts.len() == 3);
    if let Some(device) = entry.device() {
        let unbound = [parts[0], parts[1]].join(&b'.');
        let unbound = SessionEntry::parse(&unbound).unwrap();
        assert!(unbound.is_of_same_session(&entry));
        assert_eq!(unbound.bound_to(device), entry);
    }
    let id = RecordId::of_session(entry.name());
    assert_eq!(id.bytes(), peer::sha256(entry.name())[..16]);
}

/// Both forms.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "1800000000.-_v7-_v7-_v7-_v7-_v7-w",
        "999999999999.AAAAAAAAAAAAAAAAAAAAAA.oKIywvGUpTVTyxMQ3bwIIQ",
        "1..",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
