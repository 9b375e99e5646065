//! The entries of a session, as mod_session reads it (mod_session.c,
//! session_identity_decode).

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use session_crypto_core::SessionEntry;

use crate::shown::text::shown;
use crate::shown::times::time;

/// A session, decoded.
#[derive(Default)]
pub(crate) struct Session {
    /// When it expires, in Unix seconds.
    expires: Option<u64>,
    /// The entry that the module keeps in it.
    own: Option<SessionEntry>,
    /// The other entries, each name once.
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Pairs that mod_session ignores, because they are not encoded as it does it.
    ignored: usize,
}

/// The name of the expiry, in microseconds.
const EXPIRY: &[u8] = b"expiry";

/// The end of the name of a password (mod_auth_form.c).
const PASSWORD: &[u8] = b"-pw";

/// Words in place of a password.
const HIDDEN: &str = "(hidden: --show-passwords shows it)";

const MICROSECONDS: u64 = 1_000_000;

impl Session {
    /// Decodes a session.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut session = Self::default();
        let pairs = text.split(|byte| *byte == b'&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let start = pair.iter().position(|byte| *byte != b'=');
            let pair = pair.get(start.unwrap_or(pair.len())..).unwrap_or_default();
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default();
            let value = parts.next().unwrap_or_default();
            match (unescaped(name), unescaped(value)) {
                _ if name.is_empty() => {}
                // A name without a value takes an earlier entry away.
                _ if value.is_empty() => session.remove(name),
                (Some(name), Some(value)) => session.set(name, value),
                _ => session.ignored = session.ignored.saturating_add(1),
            }
        }
        session
    }

    fn set(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let text = || std::str::from_utf8(&value).ok();
        if name == EXPIRY {
            if let Some(time) = text().and_then(|text| text.parse::<u64>().ok()) {
                self.expires = Some(time / MICROSECONDS);
                return;
            }
        } else if name == SessionEntry::KEY.to_bytes() {
            if let Some(own) = SessionEntry::parse(&value) {
                self.own = Some(own);
                return;
            }
        }
        self.remove(&name);
        self.entries.push((name, value));
    }

    /// Takes an entry away; httpd's tables know no case.
    fn remove(&mut self, name: &[u8]) {
        self.entries
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Whether an entry is a password.
    pub(crate) fn has_password(&self) -> bool {
        self.entries.iter().any(|(name, _)| is_password(name))
    }

    /// The times, the name and the device of the session, for people.
    pub(crate) fn rows(&self, now: u64) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if let Some(expires) = self.expires {
            let name = if expires <= now { "expired" } else { "expires" };
            rows.push((name, time(expires, now)));
        }
        if let Some(own) = &self.own {
            rows.push(("began", time(own.birth(), now)));
            rows.push(("name", URL_SAFE_NO_PAD.encode_to_string(own.name())));
            rows.extend(device(own).map(|device| ("device", device)));
        }
        if self.ignored > 0 {
            let words = format!(
                "{} pairs that are not encoded as mod_session does it",
                self.ignored
            );
            rows.push(("ignored", words));
        }
        rows
    }

    /// The entries, for people.
    pub(crate) fn lines(&self, passwords: bool) -> Vec<String> {
        let entries = self.entries.iter().map(|(name, value)| {
            let value = if is_password(name) && !passwords {
                HIDDEN.to_owned()
            } else {
                shown(value)
            };
            format!("{}={value}", shown(name))
        });
        entries.collect()
    }

    /// All of it as members of a JSON object. A hidden password is null.
    pub(crate) fn members(&self, passwords: bool, now: u64) -> Map<String, Value> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let entries = self.entries.iter().map(|(name, value)| {
            let is_hidden = is_password(name) && !passwords;
            let value = if is_hidden {
                Value::Null
            } else {
                text(value).into()
            };
            (text(name), value)
        });
        let mut members = Map::new();
        members.insert("expires".to_owned(), json!(self.expires));
        let is_expired = self.expires.is_some_and(|expires| expires <= now);
        members.insert("expired".to_owned(), json!(is_expired));
        members.insert("began".to_owned(), json!(self.own.map(|own| own.birth())));
        let name = |own: SessionEntry| URL_SAFE_NO_PAD.encode_to_string(own.name());
        members.insert("name".to_owned(), json!(self.own.map(name)));
        let device = self.own.as_ref().and_then(device);
        members.insert("device".to_owned(), json!(device));
        members.insert("entries".to_owned(), Value::Object(entries.collect()));
        members
    }
}

/// The device that a session is bound to: the first half of the thumbprint of its key.
fn device(own: &SessionEntry) -> Option<String> {
    let device = own.device()?;
    Some(URL_SAFE_NO_PAD.encode_to_string(device.bytes()))
}

fn is_password(name: &[u8]) -> bool {
    let end = name.len().checked_sub(PASSWORD.len());
    let end = end.and_then(|start| name.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(PASSWORD))
}

/// Decodes a name or a value; `None` if mod_session ignores it (server/util.c,
/// ap_unescape_urlencoded).
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => plain.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                plain.push(
                    u8::from_str_radix(digits, 16)
                        .ok()
                        .filter(|byte| *byte != 0)?,
                );
            }
            byte => plain.push(byte),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_session_as_mod_session_does() {
        let session = Session::new(
            b"user=joe&=&site-user=a%26b+c&expiry=1800000000000000&x&bad=%zz&nul=%00&\
              ==k=v&USER=jane&session-crypto=1800000000.-_v7-_v7-_v7-_v7-_v7-w",
        );
        assert_eq!(session.expires, Some(1_800_000_000));
        assert_eq!(session.own.map(|own| own.birth()), Some(1_800_000_000));
        assert_eq!(
            session.lines(false),
            ["site-user=a&b c", "k=v", "USER=jane"]
        );
        assert_eq!(session.ignored, 2);
        assert_eq!(Session::new(b"a=b&a").lines(false), [""; 0]);
    }

    #[test]
    fn hides_passwords_unless_asked() {
        for name in ["site-pw", "SITE-PW", "-pw"] {
            let session = Session::new(format!("{name}=secret").as_bytes());
            assert!(session.has_password());
            assert_eq!(session.lines(false), [format!("{name}={HIDDEN}")]);
            assert_eq!(session.lines(true), [format!("{name}=secret")]);
            assert!(
                !json!(session.members(false, 0))
                    .to_string()
                    .contains("secret")
            );
            assert!(
                json!(session.members(true, 0))
                    .to_string()
                    .contains("secret")
            );
        }
        assert!(!Session::new(b"pw=secret").has_password());
    }

    #[test]
    fn says_when_a_session_expires_and_began() {
        let session = Session::new(b"expiry=1800000060000000&k=v");
        assert_eq!(
            session.rows(1_800_000_000),
            [("expires", "2027-01-15T08:01:00Z (in 1 minute)".to_owned())]
        );
        assert_eq!(session.rows(1_800_000_060).first().unwrap().0, "expired");
    }

    #[test]
    fn names_the_device_of_a_bound_session() {
        let entry = "session-crypto=1800000000.-_v7-_v7-_v7-_v7-_v7-w";
        let shown = |text: &str| {
            let session = Session::new(text.as_bytes());
            let rows = session.rows(1_800_000_000);
            let row = rows.into_iter().find(|(name, _)| *name == "device");
            let member = session.members(false, 0).remove("device");
            (row.map(|(_, value)| value), member)
        };
        let device = "oKIywvGUpTVTyxMQ3bwIIQ";
        assert_eq!(
            shown(&format!("{entry}.{device}")),
            (Some(device.to_owned()), Some(device.into()))
        );
        assert_eq!(shown(entry), (None, Some(Value::Null)));
        assert_eq!(shown("k=v"), (None, Some(Value::Null)));
    }
}
