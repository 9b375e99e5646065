//! The header of a JWE whose author has the passphrase: everything else of the token is
//! right, and its tag is that of this header.
//!
//! The token opens if the header has the members of its kind, each once and with the values
//! of the section, in any order, and without white space or escapes. Any day will do, written
//! in one way. Another header is refused. `serde_json` says what a header means.

use std::sync::LazyLock;

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::section::{GCM, PURPOSE, Section};
use crate::oracle::vectors::vectors;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const SESSION: &[u8] = b"user=joe";

/// The day of the vectors.
const DAY: u32 = 20_833;

struct Peer {
    plain: Section,
    with_purpose: Section,
    master: [u8; 32],
    key_id: String,
}

static PEER: LazyLock<Peer> = LazyLock::new(|| {
    let section = || Section::with_passphrases(&[PASSPHRASE], GCM);
    let master = peer::master(PASSPHRASE);
    Peer {
        plain: section().prepared(),
        with_purpose: section().purpose(PURPOSE).prepared(),
        key_id: peer::url(&peer::expand(&master, &[b"kid"], 6)),
        master,
    }
});

/// Encrypts a session as a peer under this header, and opens the token.
pub fn run(header: &[u8]) {
    let peer = &*PEER;
    let (enc, length, cipher) = peer::encryption_of(header);
    let day = day_of(header, &peer.key_id);
    let kid = format!("{}.{day}", peer.key_id);
    let label: [&[u8]; 5] = [b"enc", &[0], enc.as_bytes(), &[0], &day.to_be_bytes()];
    let key = peer::expand(&peer.master, &label, length);
    let token = peer::token(header, b"", (cipher, &key), SESSION);
    let members = Members::of(header).filter(|members| members.compact().as_bytes() == header);
    let own = [("alg", "dir"), ("enc", enc), ("kid", kid.as_str())];
    let with_purpose = [&own[..], &[("aud", PURPOSE)]].concat();
    for (section, expected) in [(&peer.plain, &own[..]), (&peer.with_purpose, &with_purpose)] {
        let opened = section.open(&token).ok();
        let is_right = members
            .as_ref()
            .is_some_and(|members| members.are(expected));
        assert_eq!(opened.as_deref(), is_right.then_some(SESSION));
    }
}

/// The day after a key id, whatever zeros it begins with; or else that of the vectors.
fn day_of(header: &[u8], key_id: &str) -> u32 {
    let text = String::from_utf8_lossy(header);
    let rest = text.split_once(key_id).map(|(_, rest)| rest);
    let digits = rest.and_then(|rest| rest.strip_prefix('.'));
    let digits = digits.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let day = digits.and_then(|digits| digits.parse().ok());
    day.unwrap_or(DAY)
}

/// The headers of the vectors, and those of the sections.
pub fn seeds() -> Vec<Vec<u8>> {
    let kid = format!("{}.{DAY}", PEER.key_id);
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
