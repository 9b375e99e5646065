//! The text of a JWK Set: a key on each line, and each with the members that this crate
//! reads.

use std::fmt::Write;

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::key_set::set_key::SetKey;

/// Characters of the longest key: three numbers, the longest id and the longest `k`.
const LONGEST_KEY: usize = 320;

/// Writes keys; those that have been wiped are left out.
pub(super) fn json<'k>(keys: impl ExactSizeIterator<Item = &'k SetKey>) -> Zeroizing<String> {
    // Room for all of it at once: a text that grows leaves a copy behind.
    let room = keys.len().saturating_add(1).saturating_mul(LONGEST_KEY);
    let mut json = Zeroizing::new(String::with_capacity(room));
    json.push_str("{\"keys\":[");
    let mut comma = "";
    for key in keys {
        key.with_key(|bytes| {
            json.push_str(comma);
            comma = ",";
            write_key(&mut json, key, bytes);
        });
    }
    json.push_str("\n]}\n");
    json
}

fn write_key(json: &mut String, key: &SetKey, bytes: &[u8]) {
    let (id, alg, dates) = (key.id(), key.alg(), key.dates());
    // Writing to a String does not fail.
    let _ = write!(
        json,
        "\n{{\"kty\":\"oct\",\"kid\":\"{id}\",\"alg\":\"{alg}\""
    );
    for (name, date) in [
        ("iat", dates.issued_at),
        ("nbf", dates.not_before),
        ("exp", dates.expires),
    ] {
        if let Some(seconds) = date {
            let _ = write!(json, ",\"{name}\":{seconds}");
        }
    }
    json.push_str(",\"k\":\"");
    URL_SAFE_NO_PAD.encode_append(bytes, json);
    json.push_str("\"}");
}
