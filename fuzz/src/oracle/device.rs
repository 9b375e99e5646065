//! A device whose key is known, and the proofs that it makes.

use std::sync::LazyLock;

use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::Private;
use session_crypto_core::{DeviceKey, ProofFlaw};

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::vectors::{Vector, vectors};

/// A key of P-256, whose private number is 7.
static KEY: LazyLock<(EcKey<Private>, String)> = LazyLock::new(|| {
    let (key, [x, y]) = peer::key_of_seven();
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    (key, jwk)
});

/// The public key as JSON.
pub(crate) fn jwk() -> &'static str {
    &KEY.1
}

pub(crate) fn key() -> DeviceKey {
    DeviceKey::from_jwk(jwk().as_bytes()).unwrap()
}

/// A JWT with any header and payload, signed by the device.
pub(crate) fn proof(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let signed = format!("{}.{}", peer::url(header), peer::url(payload));
    let signature = EcdsaSig::sign(&peer::sha256(signed.as_bytes()), &KEY.0).unwrap();
    let mut both = signature.r().to_vec_padded(32).unwrap();
    both.extend(signature.s().to_vec_padded(32).unwrap());
    format!("{signed}.{}", peer::url(&both)).into_bytes()
}

/// Header and payload of an input, with a line feed between.
pub(crate) fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (header, payload) = data.split_at(at.unwrap_or(data.len()));
    (header, payload.strip_prefix(b"\n").unwrap_or(payload))
}

/// The algorithm and the challenge, if header and payload are those of a proof as
/// `docs/wire-format.md` has it.
pub(crate) fn meaning(header: &[u8], payload: &[u8]) -> Option<(String, String)> {
    let (header, payload) = (Members::of(header)?, Members::of(payload)?);
    let is_proof = header.are_distinct()
        && payload.are_distinct()
        && !header.has("crit")
        && header.text("typ").as_deref() == Some("dbsc+jwt");
    let alg = header.text("alg").filter(|_| is_proof)?;
    let is_known = ["ES256", "RS256"].contains(&alg.as_str());
    Some((alg, payload.text("jti").filter(|_| is_known)?))
}

/// Header and payload of a proof as it was sent.
pub(crate) fn parts(proof: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let proof = proof.trim_ascii();
    let inner = proof.strip_prefix(b"\"");
    let proof = inner
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(proof);
    let mut parts = proof.split(|byte| *byte == b'.');
    let header = peer::from_url(parts.next()?)?;
    Some((header, peer::from_url(parts.next()?)?))
}

/// Fails if a flaw is not that of a proof which another reader refuses.
pub(crate) fn check_flaw(flaw: ProofFlaw, meaning: Option<&(String, String)>) {
    let is_form = matches!(
        flaw,
        ProofFlaw::Type
            | ProofFlaw::Extension
            | ProofFlaw::Algorithm
            | ProofFlaw::Repeated
            | ProofFlaw::NoChallenge
    );
    assert!(!is_form || meaning.is_none(), "{flaw}");
}

/// The proofs of the vectors with a use.
pub(crate) fn proofs(usage: &str) -> Vec<Vector> {
    let all = vectors("device").into_iter();
    all.filter(|vector| vector.get("use") == Some(usage))
        .collect()
}

/// Proofs of the vectors, and their headers and payloads.
pub(crate) fn seeds(usage: &str, headers: &[String]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for vector in proofs(usage) {
        let proof = vector.text("proof").as_bytes();
        seeds.push(proof.to_vec());
        if let Some((header, payload)) = parts(proof) {
            seeds.push([header, payload].join(&b'\n'));
        }
    }
    let payload = r#"{"jti":"eyJhbGciOiJkaXIifQ..AAEC.c2Vh.OCpF","aud":"a","iat":1}"#;
    let own = headers
        .iter()
        .map(|header| format!("{header}\n{payload}").into_bytes());
    seeds.extend(own);
    seeds
}
