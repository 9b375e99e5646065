//! The text of a sealed value of a device: a challenge, a bound cookie, or a key cookie.
//!
//! A text that is read is a value of one kind, and is written again as the same text, byte for
//! byte. The target also reads the input as the fields of each kind.

use session_crypto_core::{
    BoundCookie, Challenge, ChallengeFor, KeyCookie, SessionEntry, is_sealed_value,
};

use crate::oracle::peer;

/// Reads the text, and the fields of each kind.
pub fn run(data: &[u8]) {
    check(data);
    for kind in ["n", "b", "k", "o", "c"] {
        check(format!("!{kind}1{}", peer::url(data)).as_bytes());
    }
}

fn check(text: &[u8]) {
    let challenge = Challenge::read(text);
    let bound = BoundCookie::read(text);
    let key = KeyCookie::read(text);
    let kinds = [challenge.is_some(), bound.is_some(), key.is_some()];
    let count = kinds.into_iter().filter(|is_read| *is_read).count();
    assert!(count <= 1, "a text is two values");
    if count == 0 {
        return;
    }
    assert!(is_sealed_value(text) && text.iter().all(|byte| matches!(byte, b' '..=b'~')));
    assert!(text.len() < 1400);
    // No session begins like a value.
    assert!(SessionEntry::parse(text).is_none());
    if let Some(challenge) = challenge {
        assert_eq!(challenge.text().as_bytes(), text);
        if let ChallengeFor::Registration(users) = &challenge.purpose {
            check_users(users.entries().map(|user| (user.name, user.value)));
        }
    }
    if let Some(bound) = bound {
        assert_eq!(bound.text().as_bytes(), text);
    }
    if let Some(key) = key {
        assert_eq!(key.text().as_bytes(), text);
        check_users(key.users.entries().map(|user| (user.name, user.value)));
        assert!(key.is_of(key.key.thumbprint()));
    }
}

fn check_users<'u>(users: impl Iterator<Item = (&'u [u8], &'u [u8])>) {
    let lengths: Vec<_> = users
        .map(|(name, value)| name.len() + value.len())
        .collect();
    assert!(lengths.len() <= 4 && lengths.iter().sum::<usize>() <= 256);
}

/// Values of each kind, as texts and as fields.
pub fn seeds() -> Vec<Vec<u8>> {
    let session = [&[0, 107, 73, 210, 0][..], &[1; 16]].concat();
    let (time, device) = ([0, 107, 73, 210, 60], [2; 16]);
    let users: &[u8] = b"\x02\0\x04user\0\x03joe\0\x01a\0\0";
    let mut rsa = vec![0xff; 256];
    rsa[255] = 1;
    let fields = [
        [&session[..], &time].concat(),
        [&session[..], &device, &time].concat(),
        [&session[..], &time, &[0]].concat(),
        [&session[..], &time, users].concat(),
        [&session[..], users, &[1], &[3; 32], &[4; 32]].concat(),
        [&session[..], &[0, 2, 1, 0], &rsa].concat(),
    ];
    let texts = fields.iter().zip(["c", "n", "o", "o", "k", "k"]);
    let texts = texts.map(|(fields, kind)| format!("!{kind}1{}", peer::url(fields)).into_bytes());
    texts.chain(fields.clone()).collect()
}
