//! The header of a JWE whose author has a key of the JWK Set: everything else of the token is
//! right, and its tag is that of this header.
//!
//! The token opens if the header has the members of its kind, each once and with the values
//! of the section, in any order, and without white space or escapes. Another header is
//! refused. `serde_json` says what a header means.

use std::sync::LazyLock;

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::section::{GCM, PURPOSE, Section};
use crate::oracle::vectors::vectors;

const SESSION: &[u8] = b"user=joe";

/// The content key of every token, as much of it as the encryption takes.
const CONTENT_KEY: [u8; 32] = [3; 32];

/// The keys: the id, the algorithm, and the bytes.
const KEYS: [(&str, &str, &[u8]); 3] = [
    ("one", "A128KW", &[1; 16]),
    ("two-2_", "A192KW", &[2; 24]),
    ("three", "A256KW", &[3; 32]),
];

static SECTIONS: LazyLock<[Section; 2]> = LazyLock::new(|| {
    let key = |(kid, _, key): (&str, &str, &[u8])| {
        format!(r#"{{"kty":"oct","kid":"{kid}","k":"{}"}}"#, peer::url(key))
    };
    let set = format!(r#"{{"keys":[{}]}}"#, KEYS.map(key).join(","));
    let section = || Section::with_key_set(&set, GCM);
    [section(), section().purpose(PURPOSE)]
});

/// Encrypts a session as a peer under this header, and opens the token.
pub fn run(header: &[u8]) {
    let [plain, with_purpose] = &*SECTIONS;
    let (enc, length, cipher) = peer::encryption_of(header);
    let names = |kid: &str| header.windows(kid.len()).any(|part| part == kid.as_bytes());
    let named = KEYS.into_iter().find(|(kid, ..)| names(kid));
    let (kid, alg, kek) = named.unwrap_or(KEYS[0]);
    let key = &CONTENT_KEY[..length];
    let token = peer::token(header, &peer::wrap(kek, key), (cipher, key), SESSION);
    let members = Members::of(header).filter(|members| members.compact().as_bytes() == header);
    let own = [("alg", alg), ("enc", enc), ("kid", kid)];
    let purpose = [&own[..], &[("aud", PURPOSE)]].concat();
    for (section, expected) in [(plain, &own[..]), (with_purpose, &purpose)] {
        let opened = section.open(&token).ok();
        let is_right = members
            .as_ref()
            .is_some_and(|members| members.are(expected));
        assert_eq!(opened.as_deref(), is_right.then_some(SESSION));
    }
}

/// The headers of the vectors, and those of the sections.
pub fn seeds() -> Vec<Vec<u8>> {
    let own = KEYS.into_iter().flat_map(|(kid, alg, _)| {
        [
            format!(r#"{{"alg":"{alg}","enc":"A128GCM","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","enc":"A256GCM","kid":"{kid}"}}"#),
            format!(r#"{{"aud":"{PURPOSE}","kid":"{kid}","enc":"A192GCM","alg":"{alg}"}}"#),
        ]
    });
    let vectors = vectors("jwe-key-set").into_iter().filter_map(|vector| {
        let header = vector.text("token").split('.').next()?;
        peer::from_url(header.as_bytes())
    });
    own.map(String::into_bytes).chain(vectors).collect()
}
