//! The header of a JWE whose author has the passphrase: everything else of the token is
//! right, and its tag is that of this header.
//!
//! The token opens if the header has the members of its kind, each once and with the values
//! of the section, in any order, and without white space or escapes. Another header is
//! refused. `serde_json` says what a header means.

use std::sync::LazyLock;

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::section::{GCM, NOW, PURPOSE, Section};
use crate::oracle::vectors::vectors;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const SESSION: &[u8] = b"user=joe";

struct Peer {
    plain: Section,
    with_purpose: Section,
    master: [u8; 32],
    kid: String,
    day: u32,
}

static PEER: LazyLock<Peer> = LazyLock::new(|| {
    let section = || Section::with_passphrases(&[PASSPHRASE], GCM);
    let master = peer::master(PASSPHRASE);
    let day = u32::try_from(NOW.seconds / 86_400).unwrap();
    Peer {
        plain: section().prepared(),
        with_purpose: section().purpose(PURPOSE).prepared(),
        kid: format!("{}.{day}", peer::url(&peer::expand(&master, &[b"kid"], 6))),
        master,
        day,
    }
});

/// Encrypts a session as a peer under this header, and opens the token.
pub fn run(header: &[u8]) {
    let peer = &*PEER;
    let (enc, length, cipher) = peer::encryption_of(header);
    let label: [&[u8]; 5] = [b"enc", &[0], enc.as_bytes(), &[0], &peer.day.to_be_bytes()];
    let key = peer::expand(&peer.master, &label, length);
    let token = peer::token(header, b"", (cipher, &key), SESSION);
    let members = Members::of(header).filter(|members| members.compact().as_bytes() == header);
    let own = [("alg", "dir"), ("enc", enc), ("kid", &peer.kid)];
    let with_purpose = [&own[..], &[("aud", PURPOSE)]].concat();
    for (section, expected) in [(&peer.plain, &own[..]), (&peer.with_purpose, &with_purpose)] {
        let opened = section.open(&token).ok();
        let is_right = members
            .as_ref()
            .is_some_and(|members| members.are(expected));
        assert_eq!(opened.as_deref(), is_right.then_some(SESSION));
    }
}

/// The headers of the vectors, and those of the sections.
pub fn seeds() -> Vec<Vec<u8>> {
    let kid = &PEER.kid;
    let own = ["A128GCM", "A192GCM", "A256GCM"]
        .into_iter()
        .flat_map(|enc| {
            [
                format!(r#"{{"alg":"dir","enc":"{enc}","kid":"{kid}"}}"#),
                format!(r#"{{"aud":"{PURPOSE}","kid":"{kid}","enc":"{enc}","alg":"dir"}}"#),
            ]
        });
    let vectors = vectors("jwe").into_iter().filter_map(|vector| {
        let header = vector.text("token").split('.').next()?;
        peer::from_url(header.as_bytes())
    });
    own.map(String::into_bytes).chain(vectors).collect()
}
