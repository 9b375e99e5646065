//! A token, read without a key.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use session_crypto_core::times::rfc3339;

use crate::shown::text::{number, shown};

/// A token, taken apart and not verified.
pub(crate) enum Token {
    Jwe(Jwe),
    Classic(Classic),
}

/// A token in JWE.
pub(crate) struct Jwe {
    header: Map<String, Value>,
    /// Bytes of the session.
    session: usize,
    length: usize,
}

/// A token of httpd's own module.
pub(crate) struct Classic {
    /// Bytes of IV and ciphertext.
    body: usize,
    length: usize,
}

/// The longest cookie of browsers, name and attributes included.
const COOKIE: usize = 4096;

/// Bytes of MAC and salt in the classic format.
const FRONT: usize = 24;

/// Bytes of a block of 3DES and of AES.
const BLOCKS: [usize; 2] = [8, 16];

/// Members of a header that are shown by name.
const MEMBERS: [&str; 4] = ["alg", "enc", "kid", "aud"];

impl Token {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// It is none; the words say what it looks like.
    pub(crate) fn new(text: &[u8]) -> Result<Self, &'static str> {
        if is_whole_cookie(text) {
            return Err("this is no token: write the value of the cookie, and nothing else of it");
        }
        let parts: Vec<_> = text.split(|byte| *byte == b'.').collect();
        match parts.as_slice() {
            [] | [b""] => Err("there is no token: write one, or send it to standard input"),
            [one] => Classic::new(one).map(Self::Classic),
            [header, encrypted_key, nonce, ciphertext, tag] => {
                Jwe::new(header, [encrypted_key, nonce, ciphertext, tag], text.len()).map(Self::Jwe)
            }
            [_, _, _] => Err(
                "this has three parts, like a JWS: it is signed and not encrypted, and no session",
            ),
            _ => Err("this is no token: it has dots, and not the five parts of a JWE"),
        }
    }

    /// The id of the key, if the token names one.
    pub(crate) fn kid(&self) -> Option<&str> {
        match self {
            Self::Jwe(jwe) => jwe.text("kid"),
            Self::Classic(_) => None,
        }
    }

    /// The token for people.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = match self {
            Self::Jwe(jwe) => jwe.rows(),
            Self::Classic(classic) => classic.rows(),
        };
        let length = self.length();
        rows.push(("token", format!("{} characters", number(length))));
        let cookie = match COOKIE.checked_sub(length) {
            Some(rest) if rest > 0 => {
                format!("fits, with {} bytes for name and attributes", number(rest))
            }
            _ => "does not fit, keep it in a database".to_owned(),
        };
        rows.push(("cookie", cookie));
        rows
    }

    /// The token as members of a JSON object.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let value = match self {
            Self::Jwe(jwe) => json!({
                "format": "jwe",
                "secret": jwe.secret(),
                "header": jwe.header,
                "session_bytes": [jwe.session, jwe.session],
            }),
            Self::Classic(classic) => json!({
                "format": "classic",
                "secret": "passphrase",
                "ciphers": classic.ciphers(),
                "session_bytes": classic.session(),
            }),
        };
        let mut members = match value {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.insert("characters".to_owned(), json!(self.length()));
        members.insert("fits_cookie".to_owned(), json!(self.length() < COOKIE));
        members
    }

    fn length(&self) -> usize {
        match self {
            Self::Jwe(jwe) => jwe.length,
            Self::Classic(classic) => classic.length,
        }
    }
}

/// Whether a text is a cookie whose value is a token, with its name or its attributes.
fn is_whole_cookie(text: &[u8]) -> bool {
    let pair = text.split(|byte| *byte == b';').next().unwrap_or_default();
    // A token may end with '='.
    let value = pair.splitn(2, |byte| *byte == b'=').nth(1);
    let value = value.filter(|value| value.iter().any(|byte| *byte != b'='));
    let value = value.unwrap_or(pair);
    value.len() < text.len() && Token::new(value).is_ok()
}

impl Jwe {
    fn new(header: &[u8], parts: [&[u8]; 4], length: usize) -> Result<Self, &'static str> {
        let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode_to_vec(part).ok();
        let parts: Option<Vec<_>> = parts.into_iter().map(decode).collect();
        let parts = parts.ok_or("this is no token: a part of it is not base64url")?;
        let json = decode(header).and_then(|header| serde_json::from_slice(&header).ok());
        let header = json.ok_or("this is no token: its header is not JSON in base64url")?;
        let session = parts.get(2).map(Vec::len).unwrap_or_default();
        Ok(Self {
            header,
            session,
            length,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// The kind of secret that the token is under.
    fn secret(&self) -> &'static str {
        match self.text("alg") {
            Some("dir") => "passphrase",
            Some("A128KW" | "A192KW" | "A256KW") => "key set",
            Some("RSA-OAEP" | "RSA-OAEP-256" | "ECDH-ES+A256KW") => "certificate",
            _ => "unknown",
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let member = |name| match self.header.get(name) {
            Some(Value::String(text)) => shown(text.as_bytes()),
            Some(other) => shown(other.to_string().as_bytes()),
            None => "none".to_owned(),
        };
        let secret = match self.secret() {
            "passphrase" => "under a passphrase",
            "key set" => "under a key of a set",
            "certificate" => "under a certificate",
            _ => "under an algorithm that mod_session_crypto does not use",
        };
        let mut rows = vec![
            ("format", format!("JWE, {secret}")),
            ("alg", member("alg")),
            ("enc", member("enc")),
            ("kid", format!("{}{}", member("kid"), self.day())),
            ("purpose", member("aud")),
        ];
        let others = self
            .header
            .keys()
            .filter(|name| !MEMBERS.contains(&name.as_str()));
        let others: Vec<_> = others.map(|name| shown(name.as_bytes())).collect();
        if !others.is_empty() {
            rows.push(("header", format!("has {} too", others.join(", "))));
        }
        rows.push(("session", format!("{} bytes", number(self.session))));
        rows
    }

    /// The day in the key id of a passphrase's token, in words.
    fn day(&self) -> String {
        let day = (self.secret() == "passphrase")
            .then(|| self.text("kid")?.split_once('.')?.1.parse::<u32>().ok())
            .flatten();
        let seconds = day.map(|day| u64::from(day).saturating_mul(86_400));
        seconds.map_or_else(String::new, |seconds| {
            let date = rfc3339(seconds);
            let date = date.split('T').next().unwrap_or_default();
            format!(" (a key of {date})")
        })
    }
}

impl Classic {
    fn new(text: &[u8]) -> Result<Self, &'static str> {
        let bytes = STANDARD.decode_to_vec(text);
        let body = bytes.ok().and_then(|bytes| bytes.len().checked_sub(FRONT));
        match body {
            Some(body) if body >= 16 && body % 8 == 0 => Ok(Self {
                body,
                length: text.len(),
            }),
            _ if is_uuid(text) => Err(
                "this is an id of mod_session_dbd: the token is in the row of the database that has it",
            ),
            _ => Err("this is no token: it is neither a JWE nor of httpd's own module"),
        }
    }

    /// The block ciphers whose tokens may be as long.
    fn ciphers(&self) -> Vec<&'static str> {
        let fits =
            |block: &usize| self.body.checked_rem(*block) == Some(0) && self.body / 2 >= *block;
        let names = BLOCKS.iter().zip(["3DES", "AES"]);
        let names = names.filter(|(block, _)| fits(block));
        names.map(|(_, name)| name).collect()
    }

    /// The least and the most bytes that the session may have.
    fn session(&self) -> [usize; 2] {
        // An IV of one block, and 1 byte of padding to a whole block.
        let least = |block: usize| self.body.saturating_sub(block.saturating_mul(2));
        let most = |block: usize| self.body.saturating_sub(block.saturating_add(1));
        let largest = if self.ciphers().contains(&"AES") {
            16
        } else {
            8
        };
        [least(largest), most(8)]
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let [least, most] = self.session();
        vec![
            (
                "format",
                "that of httpd's own module, under a passphrase".to_owned(),
            ),
            (
                "cipher",
                format!("{} by its length", self.ciphers().join(" or ")),
            ),
            (
                "session",
                format!("{} to {} bytes", number(least), number(most)),
            ),
        ]
    }
}

/// Whether a text is like 01234567-89ab-cdef-0123-456789abcdef.
fn is_uuid(text: &[u8]) -> bool {
    let groups: Vec<_> = text.split(|byte| *byte == b'-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwe(header: &str, session: usize) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let (nonce, session, tag) = (
            encode(&[0; 12]),
            encode(&vec![0; session]),
            encode(&[0; 16]),
        );
        format!("{}..{nonce}.{session}.{tag}", encode(header.as_bytes()))
    }

    fn row(token: &str, name: &str) -> String {
        let rows = Token::new(token.as_bytes())
            .map_err(str::to_owned)
            .unwrap()
            .rows();
        let found = rows.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn says_what_is_in_a_jwe() {
        let token = jwe(
            r#"{"alg":"dir","enc":"A256GCM","kid":"abcdefgh.20000","aud":"shop"}"#,
            1234,
        );
        assert_eq!(row(&token, "format"), "JWE, under a passphrase");
        assert_eq!(row(&token, "enc"), "A256GCM");
        assert_eq!(row(&token, "kid"), "abcdefgh.20000 (a key of 2024-10-04)");
        assert_eq!(row(&token, "purpose"), "shop");
        assert_eq!(row(&token, "session"), "1,234 bytes");
        assert!(row(&token, "cookie").starts_with("fits, with "));
        assert!(row(&jwe("{}", 4000), "cookie").starts_with("does not fit"));
        let token = jwe(r#"{"alg":"A256KW","kid":"a","x\u001b":1}"#, 1);
        assert_eq!(row(&token, "format"), "JWE, under a key of a set");
        assert_eq!(row(&token, "header"), "has x\\u{1b} too");
    }

    #[test]
    fn tells_the_sizes_of_the_classic_format() {
        for (body, ciphers, session) in [
            (16, "3DES by its length", "0 to 7 bytes"),
            (24, "3DES by its length", "8 to 15 bytes"),
            (32, "3DES or AES by its length", "0 to 23 bytes"),
        ] {
            let token = STANDARD.encode_to_string(vec![0; FRONT + body]);
            assert_eq!(row(&token, "cipher"), ciphers);
            assert_eq!(row(&token, "session"), session);
        }
    }

    #[test]
    fn says_what_is_no_token() {
        for (text, words) in [
            ("", "no token"),
            ("user=joe&expiry=1", "neither"),
            ("session=e30.AA.AA.AA.AA", "the value of the cookie"),
            ("e30.AA.AA.AA.AA; path=/", "the value of the cookie"),
            ("session=AA.AA.AA.AA", "five parts"),
            ("AAAA", "neither"),
            ("a.b.c", "three parts"),
            ("a.b", "five parts"),
            ("!.a.a.a.a", "base64url"),
            ("AAAA.AAAA.AAAA.!.AAAA", "base64url"),
            ("01234567-89ab-cdef-0123-456789abcdef", "mod_session_dbd"),
        ] {
            let error = Token::new(text.as_bytes()).map(|_| ()).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
