//! The headers of the protocol, which are structured fields (RFC 9651).

use thiserror::Error;

use crate::device::public_key::KeyThumbprint;

/// The response header that offers a registration.
pub const REGISTRATION_HEADER: &str = "Secure-Session-Registration";
/// The response header with the next challenge.
pub const CHALLENGE_HEADER: &str = "Secure-Session-Challenge";
/// The request header with a proof.
pub const PROOF_HEADER: &str = "Secure-Session-Response";
/// The request header that names a session of the browser. Scripts cannot set it.
pub const SESSION_ID_HEADER: &str = "Sec-Secure-Session-Id";
/// The request header that says why a browser did not refresh.
pub const SKIPPED_HEADER: &str = "Secure-Session-Skipped";

/// The path of an endpoint, with which a browser finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPath(String);

/// The error of a text that is no path of an endpoint.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the path begins with one / and has up to 256 of A-Z a-z 0-9 - . _ ~ /")]
pub struct InvalidEndpointPath;

/// Most characters of a path.
const MAX_PATH: usize = 256;

impl EndpointPath {
    /// Takes a path of characters that are the same in a header, in JSON and in a URL.
    ///
    /// # Errors
    ///
    /// The path does not begin with one `/`, is too long, or has other characters.
    pub fn new(path: &str) -> Result<Self, InvalidEndpointPath> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        // Two slashes begin the name of a host.
        let is_path = path.starts_with('/') && !path.starts_with("//") && path.len() <= MAX_PATH;
        let is_valid = is_path && path.bytes().all(is_plain);
        is_valid
            .then(|| Self(path.to_owned()))
            .ok_or(InvalidEndpointPath)
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of [`REGISTRATION_HEADER`]. The challenge is a token.
pub fn registration(path: &EndpointPath, challenge: &str) -> String {
    let path = path.as_str();
    format!(r#"(ES256 RS256);path="{path}";challenge="{challenge}""#)
}

/// The value of [`CHALLENGE_HEADER`]. The challenge is a token.
pub fn challenge(challenge: &str, id: KeyThumbprint) -> String {
    format!(r#""{challenge}";id="{id}""#)
}

/// Reads the value of [`SESSION_ID_HEADER`], with or without quotes; `None` if no key has
/// such a thumbprint.
pub fn session_id(value: &[u8]) -> Option<KeyThumbprint> {
    let value = value.trim_ascii();
    let inner = value.strip_prefix(b"\"");
    let inner = inner.and_then(|inner| inner.strip_suffix(b"\""));
    KeyThumbprint::parse(inner.unwrap_or(value))
}

/// A refresh that a browser did not get done. Only the browser says so, and anybody can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The reason.
    pub reason: SkipReason,
    /// The session, if the browser names one of this module.
    pub id: Option<KeyThumbprint>,
}

/// The reason for which a browser did not refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The endpoint could not be reached.
    Unreachable,
    /// The endpoint answered with a status 5xx.
    ServerError,
    /// The site has asked for too many signatures.
    QuotaExceeded,
    /// Another one.
    Other,
}

/// Most bytes of a list of skipped refreshes that are read.
const MAX_SKIPPED: usize = 2048;

/// Most skipped refreshes that are read.
const MAX_ITEMS: usize = 16;

/// Reads the value of [`SKIPPED_HEADER`]: a list of tokens with parameters, none if it is
/// malformed or too long.
pub fn skipped(value: &[u8]) -> Vec<Skipped> {
    if value.len() > MAX_SKIPPED {
        return Vec::new();
    }
    let mut skipped = Vec::new();
    let mut rest = value.trim_ascii();
    while !rest.is_empty() && skipped.len() < MAX_ITEMS {
        let Some((item, after)) = item(rest) else {
            return Vec::new();
        };
        skipped.push(item);
        rest = after;
    }
    skipped
}

/// The first item of a list, and what comes after its comma.
fn item(text: &[u8]) -> Option<(Skipped, &[u8])> {
    let (name, mut rest) = token(text)?;
    let mut id = None;
    while let Some(parameter) = rest.strip_prefix(b";") {
        let (name, after) = token(parameter.trim_ascii_start())?;
        rest = after;
        if let Some(quoted) = rest.strip_prefix(b"=\"") {
            let end = quoted.iter().position(|byte| *byte == b'"')?;
            let (value, after) = quoted.split_at_checked(end)?;
            if name == b"session_identifier" {
                id = KeyThumbprint::parse(value);
            }
            rest = after.strip_prefix(b"\"")?;
        } else if let Some(value) = rest.strip_prefix(b"=") {
            let (_, after) = token(value)?;
            rest = after;
        }
    }
    let reason = match name {
        b"unreachable" => SkipReason::Unreachable,
        b"server_error" => SkipReason::ServerError,
        b"quota_exceeded" => SkipReason::QuotaExceeded,
        _ => SkipReason::Other,
    };
    let rest = rest.trim_ascii_start();
    let rest = if rest.is_empty() {
        rest
    } else {
        let next = rest.strip_prefix(b",")?.trim_ascii_start();
        // A list does not end with a comma.
        (!next.is_empty()).then_some(next)?
    };
    Some((Skipped { reason, id }, rest))
}

/// A name of at least one character, and the rest.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.*".contains(&byte);
    let end = text.iter().position(|byte| !is_in(*byte));
    let (token, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    (!token.is_empty()).then_some((token, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";

    fn id() -> KeyThumbprint {
        KeyThumbprint::parse(ID.as_bytes()).unwrap()
    }

    #[test]
    fn offers_a_registration() {
        let path = EndpointPath::new("/dbsc/register").unwrap();
        assert_eq!(
            registration(&path, "eyJhb.GciO+/=="),
            r#"(ES256 RS256);path="/dbsc/register";challenge="eyJhb.GciO+/==""#
        );
    }

    #[test]
    fn a_challenge_names_its_session() {
        assert_eq!(
            challenge("eyJhb.x", id()),
            format!(r#""eyJhb.x";id="{ID}""#)
        );
    }

    #[test]
    fn a_path_needs_no_escapes() {
        for good in ["/", "/dbsc/register", "/a-b._~/C9", &"/a".repeat(128)] {
            assert_eq!(EndpointPath::new(good).unwrap().as_str(), good);
        }
        for wrong in [
            "",
            "dbsc",
            "//evil.example/dbsc",
            "/a b",
            "/a\"",
            "/a\\",
            "/a?b",
            "/a#b",
            "/a%2e",
            "/é",
            "/a\r\nb",
            "https://here.example/dbsc",
            &"/a".repeat(129),
        ] {
            assert_eq!(
                EndpointPath::new(wrong),
                Err(InvalidEndpointPath),
                "{wrong}"
            );
        }
    }

    #[test]
    fn reads_the_session_of_a_browser_with_and_without_quotes() {
        for written in [ID.to_owned(), format!("\"{ID}\""), format!(" {ID} ")] {
            assert_eq!(session_id(written.as_bytes()), Some(id()), "{written}");
        }
        for wrong in [
            String::new(),
            "\"".to_owned(),
            "\"\"".to_owned(),
            format!("\"{ID}"),
            format!("{ID}\""),
            format!("{ID};a"),
            format!("{ID}, {ID}"),
            ID[1..].to_owned(),
            "x".repeat(100_000),
        ] {
            assert_eq!(session_id(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn reads_why_refreshes_were_skipped() {
        let of = |reason, id| Skipped { reason, id };
        let named = format!("server_error;session_identifier=\"{ID}\"");
        for (value, expected) in [
            ("", vec![]),
            ("unreachable", vec![of(SkipReason::Unreachable, None)]),
            (&named, vec![of(SkipReason::ServerError, Some(id()))]),
            (
                &format!("{named} ,\tquota_exceeded; session_identifier=\"else\";more;b=c"),
                vec![
                    of(SkipReason::ServerError, Some(id())),
                    of(SkipReason::QuotaExceeded, None),
                ],
            ),
            ("signing_failed", vec![of(SkipReason::Other, None)]),
        ] {
            assert_eq!(skipped(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn a_malformed_list_has_no_items() {
        for wrong in [
            ",",
            "unreachable,",
            "unreachable;",
            "unreachable;=1",
            "unreachable;a=",
            "unreachable;a=\"b",
            "unreachable;a=\"b\"c",
            "unreachable unreachable",
            "\"unreachable\"",
            "unreachable\0",
            "é",
        ] {
            assert_eq!(skipped(wrong.as_bytes()), [], "{wrong}");
        }
        assert_eq!(skipped("a,".repeat(2000).as_bytes()), []);
        let many = ["a"; 100].join(",");
        assert_eq!(skipped(many.as_bytes()).len(), MAX_ITEMS);
    }
}
