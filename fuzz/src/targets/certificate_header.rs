//! The header of a JWE whose author has the private key of the certificate: it is signed, and
//! everything else of the token is right.
//!
//! The first byte of the input says where the signature stands, and whether the private key
//! made it; the rest is the header without it. The token opens if the private key has signed
//! it, and the header has the members of its kind, each once and with the values of the
//! section, in any order, and without white space or escapes. Another header is refused.
//! `serde_json` says what a header means.

use std::fs;
use std::sync::LazyLock;

use openssl::derive::Deriver;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::section::{GCM, PURPOSE, Section};
use crate::oracle::vectors::{root, vectors};

const SESSION: &[u8] = b"user=joe";
const ALG: &str = "ECDH-ES+A256KW";
const CONTENT_KEY: [u8; 32] = [3; 32];

struct Peer {
    sections: [Section; 2],
    key: EcKey<Private>,
    /// The key of somebody who has the certificate alone.
    other_key: EcKey<Private>,
    kid: String,
    /// The point of the sender, whose private key is 7.
    x: String,
    y: String,
    /// The key that both ends derive.
    kek: Vec<u8>,
}

static PEER: LazyLock<Peer> = LazyLock::new(|| {
    let pem = fs::read(root().join("core/vectors/certificates/p-256.pem")).unwrap();
    let certificate = X509::from_pem(&pem).unwrap();
    let (other_key, [x, y]) = peer::key_of_seven();
    let sender = PKey::from_ec_key(other_key.clone()).unwrap();
    let receiver = certificate.public_key().unwrap();
    let mut deriver = Deriver::new(&sender).unwrap();
    deriver.set_peer(&receiver).unwrap();
    let shared = deriver.derive_to_vec().unwrap();
    let section = || Section::with_certificates(&["p-256"], GCM);
    Peer {
        sections: [section(), section().purpose(PURPOSE)],
        key: EcKey::private_key_from_pem(&pem).unwrap(),
        other_key,
        kid: peer::url(&peer::sha256(&certificate.to_der().unwrap())),
        x,
        y,
        kek: peer::concat_kdf(&shared),
    }
});

/// Signs this header as a peer, encrypts a session under it, and opens the token.
pub fn run(data: &[u8]) {
    let Some((place, unsigned)) = data.split_first() else {
        return;
    };
    let peer = &*PEER;
    let (enc, length, cipher) = peer::encryption_of(unsigned);
    let key = &CONTENT_KEY[..length];
    let encrypted_key = peer::wrap(&peer.kek, key);
    let is_forged = place & 2 == 2;
    let signature = peer.sign(unsigned, &encrypted_key, is_forged);
    let Some(header) = with_signature(unsigned, &signature, place % 2 == 0) else {
        return;
    };
    let token = peer::token(&header, &encrypted_key, (cipher, key), SESSION);
    let members = Members::of(unsigned).filter(|members| members.compact().as_bytes() == unsigned);
    for (section, purpose) in peer.sections.iter().zip([None, Some(PURPOSE)]) {
        let opened = section.open(&token).ok();
        let is_right = members
            .as_ref()
            .is_some_and(|members| !is_forged && peer.is_right(members, enc, purpose));
        assert_eq!(opened.as_deref(), is_right.then_some(SESSION));
    }
}

impl Peer {
    /// Signs as in JWS: r and s side by side.
    fn sign(&self, unsigned: &[u8], encrypted_key: &[u8], is_forged: bool) -> String {
        let key = if is_forged {
            &self.other_key
        } else {
            &self.key
        };
        let text = format!("{}.{}", peer::url(unsigned), peer::url(encrypted_key));
        let signature = EcdsaSig::sign(&peer::sha256(text.as_bytes()), key).unwrap();
        let mut both = signature.r().to_vec_padded(32).unwrap();
        both.extend(signature.s().to_vec_padded(32).unwrap());
        peer::url(&both)
    }

    /// Whether the members are those of this certificate's tokens, but for the signature.
    fn is_right(&self, members: &Members, enc: &str, purpose: Option<&str>) -> bool {
        let texts = [("alg", ALG), ("enc", enc), ("kid", &self.kid)];
        let purpose = purpose.map(|purpose| ("aud", purpose));
        let mut texts = texts.into_iter().chain(purpose);
        let point = [
            ("kty", "EC"),
            ("crv", "P-256"),
            ("x", &self.x),
            ("y", &self.y),
        ];
        let key = members.object("epk");
        members.count() == 4 + usize::from(purpose.is_some())
            && texts.all(|(name, value)| members.text(name).as_deref() == Some(value))
            && key.is_some_and(|key| key.are(&point))
    }
}

/// The header with a member for the signature, at its front or at its end.
fn with_signature(unsigned: &[u8], signature: &str, is_first: bool) -> Option<Vec<u8>> {
    let inner = unsigned.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let member = format!(r#""sig":"{signature}""#).into_bytes();
    let inner = if is_first {
        [&member, inner].join(&b","[..])
    } else {
        [inner, &member].join(&b","[..])
    };
    Some([&b"{"[..], &inner, b"}"].concat())
}

/// The headers of the vectors, and those of the sections.
pub fn seeds() -> Vec<Vec<u8>> {
    let Peer { kid, x, y, .. } = &*PEER;
    let own = ["A128GCM", "A192GCM", "A256GCM"]
        .into_iter()
        .flat_map(|enc| {
            let key = format!(r#""epk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
            let other = format!(r#""epk":{{"y":"{y}","x":"{x}","crv":"P-256","kty":"EC"}}"#);
            [
                format!(r#"0{{"alg":"{ALG}","enc":"{enc}","kid":"{kid}",{key}}}"#),
                format!(r#"2{{"alg":"{ALG}","enc":"{enc}","kid":"{kid}",{key}}}"#),
                format!(
                    r#"1{{{other},"aud":"{PURPOSE}","kid":"{kid}","enc":"{enc}","alg":"{ALG}"}}"#
                ),
            ]
        });
    let vectors = vectors("jwe-certificate").into_iter().filter_map(|vector| {
        let header = vector.text("token").split('.').next()?;
        Some([b"0", &peer::from_url(header.as_bytes())?[..]].concat())
    });
    own.map(String::into_bytes).chain(vectors).collect()
}
