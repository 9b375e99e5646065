//! Tokens of JWE, part by part.

use base64_simd::URL_SAFE_NO_PAD;

/// The parts of a token, which has five.
pub(crate) fn parts(token: &[u8]) -> Vec<String> {
    let token = std::str::from_utf8(token).unwrap();
    token.split('.').map(str::to_owned).collect()
}

pub(crate) fn part(token: &[u8], index: usize) -> String {
    parts(token).remove(index)
}

/// The token with one of its parts replaced.
pub(crate) fn with_part(token: &[u8], index: usize, part: &str) -> Vec<u8> {
    let mut parts = parts(token);
    *parts.get_mut(index).unwrap() = part.to_owned();
    parts.join(".").into_bytes()
}

pub(crate) fn header_of(token: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.decode_to_vec(part(token, 0)).unwrap();
    String::from_utf8(header).unwrap()
}

/// The token with another header, which makes its tag wrong too.
pub(crate) fn with_header(token: &[u8], header: &str) -> Vec<u8> {
    with_part(token, 0, &URL_SAFE_NO_PAD.encode_to_string(header))
}
