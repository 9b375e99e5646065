//! The header `Cookie`, and the name of a cookie in front of it with a line feed.
//!
//! The values are those of the pairs with this name. Without the cookies of a name, the others
//! are what they were, and none of that name is left.

use session_crypto_core::cookies::{values, without};

/// Reads the header.
pub fn run(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (name, header) = data.split_at(at.unwrap_or(0));
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    // Names of configurations are tokens.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!".contains(&byte);
    let name = if !name.is_empty() && name.bytes().all(is_token) {
        name
    } else {
        "session"
    };
    let found: Vec<_> = values(header, name).collect();
    let named = |pair: &(&[u8], &[u8])| pair.0 == name.as_bytes();
    let expected = pairs(header).into_iter().filter(named);
    assert!(expected.map(|(_, value)| value).eq(found.iter().copied()));
    let rest = without(header, &[name, "other"]);
    let is_taken = |pair: &&(&[u8], &[u8])| pair.0 == name.as_bytes() || pair.0 == b"other";
    assert_eq!(
        rest.is_some(),
        pairs(header).iter().any(|pair| is_taken(&pair))
    );
    if let Some(rest) = rest {
        let before = pairs(header);
        let before: Vec<_> = before.iter().filter(|pair| !is_taken(pair)).collect();
        let after = pairs(&rest);
        assert!(before.into_iter().eq(after.iter()));
        assert!(rest.len() < header.len());
    }
}

/// The pairs of a name and a value, without white space around them.
fn pairs(header: &[u8]) -> Vec<(&[u8], &[u8])> {
    let parts = header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let pair = |part: &'_ [u8]| {
        let end = part.iter().position(|byte| *byte == b'=')?;
        Some((end, ()))
    };
    parts
        .filter_map(|part| {
            let (end, ()) = pair(part)?;
            Some((&part[..end], &part[end + 1..]))
        })
        .collect()
}

/// Headers with one cookie, with several, and with broken ones.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "session\na=1; session=abc; session2=x; session=def;other=1",
        "a\na=;a ; =a; a==; a=\"b;c\"",
        "__Host-session-device\n__Host-session-device=x;;  ;y=z",
        "",
        ";",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
