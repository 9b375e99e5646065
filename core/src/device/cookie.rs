//! The cookies that bind a session to a device: their names and attributes.

use crate::fingerprint::Fingerprint;

/// The bound cookie, which browsers send with each request, and the name of the key cookie
/// beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCookie {
    /// The name of the bound cookie.
    pub bound: String,
    /// The attributes of the bound cookie, as browsers compare them. It has no Domain.
    pub attributes: String,
    /// The name of the key cookie.
    pub key: String,
    /// The value of SameSite.
    pub same_site: SameSite,
}

/// The requests with which a browser sends a cookie; each value sends it with those of the
/// values before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SameSite {
    /// Those that a page of the same site makes.
    Strict,
    /// Also when a link leads here from another site.
    Lax,
    /// All.
    None,
}

/// The reason why a text names no bound cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceCookieFlaw {
    /// The name has other characters, or too many.
    Name,
    /// An attribute is none of those that browsers compare, or has no such value.
    Attribute,
    /// Path, Secure, HttpOnly or SameSite is missing.
    Missing(&'static str),
    /// The cookie has a Domain.
    Domain,
    /// The name begins with `__Host-`, and the path is another than `/`.
    HostPath,
}

/// The name of the bound cookie, where neither a name nor a path is written.
const NAME: &str = "__Host-session-device";

/// Most characters of a name: it is in every request.
const MAX_NAME: usize = 64;

/// Most characters of the value of an attribute.
const MAX_VALUE: usize = 256;

/// The beginnings of names with which browsers demand attributes. Longer ones come first.
const PREFIXES: [&str; 4] = ["__Host-Http-", "__Http-", "__Host-", "__Secure-"];

impl DeviceCookie {
    /// The attributes of the bound cookie, where none are written.
    pub const DEFAULT_ATTRIBUTES: &'static str = "Path=/; Secure; HttpOnly; SameSite=Lax";

    /// The bound cookie of a section that names none, and which path it names. Two
    /// applications of a host have paths of their own, and so have their cookies.
    pub(super) fn of_path(path: Option<&str>) -> Self {
        let name = match path {
            None => NAME.to_owned(),
            Some(path) => {
                let [word, _] = Fingerprint::of([path.as_bytes()]).words();
                format!("{NAME}-{:08x}", word >> 32)
            }
        };
        Self {
            key: key_name(&name),
            bound: name,
            attributes: Self::DEFAULT_ATTRIBUTES.to_owned(),
            same_site: SameSite::Lax,
        }
    }

    /// Takes a name, and a list of attributes with semicolons.
    ///
    /// # Errors
    ///
    /// Browsers would refuse the cookie, or would send it with other requests than those of
    /// a session.
    pub fn new(name: &str, attributes: &str) -> Result<Self, DeviceCookieFlaw> {
        // The characters of a token (RFC 6265, section 4.1.1).
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_token) {
            return Err(DeviceCookieFlaw::Name);
        }
        let (mut path, mut same_site) = (None, None);
        let (mut is_secure, mut is_http_only) = (false, false);
        for attribute in attributes.split(';').map(str::trim) {
            let (name, value) = match attribute.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (attribute, None),
            };
            match (name.to_ascii_lowercase().as_str(), value) {
                ("", None) => (),
                ("path", Some(value)) if is_path(value) => path = Some(value),
                ("secure", None) => is_secure = true,
                ("httponly", None) => is_http_only = true,
                ("samesite", Some(value)) => {
                    same_site = Some(SameSite::parse(value).ok_or(DeviceCookieFlaw::Attribute)?);
                }
                ("domain", Some(_)) => return Err(DeviceCookieFlaw::Domain),
                _ => return Err(DeviceCookieFlaw::Attribute),
            }
        }
        let path = path.ok_or(DeviceCookieFlaw::Missing("Path=/"))?;
        let same_site = same_site.ok_or(DeviceCookieFlaw::Missing("SameSite=Lax"))?;
        for (is_there, name) in [(is_secure, "Secure"), (is_http_only, "HttpOnly")] {
            if !is_there {
                return Err(DeviceCookieFlaw::Missing(name));
            }
        }
        if has_prefix(name, "__Host-") && path != "/" {
            return Err(DeviceCookieFlaw::HostPath);
        }
        Ok(Self {
            bound: name.to_owned(),
            attributes: format!(
                "Path={path}; Secure; HttpOnly; SameSite={}",
                same_site.text()
            ),
            key: key_name(name),
            same_site,
        })
    }
}

impl DeviceCookie {
    /// The path below which browsers send the bound cookie.
    pub fn path(&self) -> &str {
        let path = self.attributes.strip_prefix("Path=").unwrap_or_default();
        path.split_once(';').map_or(path, |(path, _)| path)
    }
}

impl SameSite {
    /// Reads the value of the attribute.
    pub fn parse(value: &str) -> Option<Self> {
        let mut all = [Self::Strict, Self::Lax, Self::None].into_iter();
        all.find(|one| value.eq_ignore_ascii_case(one.text()))
    }

    /// The value of the attribute.
    pub fn text(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// The name of the key cookie. It has a path, so its prefix is never `__Host-`.
fn key_name(bound: &str) -> String {
    let prefix = PREFIXES.iter().find(|prefix| has_prefix(bound, prefix));
    let stem = prefix.and_then(|prefix| bound.get(prefix.len()..));
    format!("__Secure-{}-key", stem.unwrap_or(bound))
}

/// Whether a name begins so to browsers, for which the case of prefixes does not count.
fn has_prefix(name: &str, prefix: &str) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn is_path(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b";,\"\\".contains(&byte);
    value.starts_with('/') && value.len() <= MAX_VALUE && value.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT_ATTRIBUTES: &str = DeviceCookie::DEFAULT_ATTRIBUTES;

    #[test]
    fn writes_attributes_in_one_form() {
        for attributes in [
            DEFAULT_ATTRIBUTES,
            "samesite=lax;HTTPONLY;secure;path=/",
            " Path = / ;Secure; HttpOnly;; SameSite= Lax; ",
        ] {
            let cookie = DeviceCookie::new("__Host-shop", attributes).unwrap();
            assert_eq!(cookie.attributes, DEFAULT_ATTRIBUTES, "{attributes}");
            assert_eq!(cookie.same_site, SameSite::Lax);
            assert_eq!(cookie.path(), "/");
        }
        let other = DeviceCookie::new("shop", "Secure;Path=/shop;HttpOnly;SameSite=Lax");
        assert_eq!(other.unwrap().path(), "/shop");
    }

    #[test]
    fn the_key_cookie_has_a_prefix_that_allows_its_path() {
        for (bound, key) in [
            ("__Host-shop", "__Secure-shop-key"),
            ("__host-shop", "__Secure-shop-key"),
            ("__Secure-shop", "__Secure-shop-key"),
            ("__Host-Http-shop", "__Secure-shop-key"),
            ("shop", "__Secure-shop-key"),
        ] {
            let cookie = DeviceCookie::new(bound, DEFAULT_ATTRIBUTES).unwrap();
            assert_eq!((cookie.bound.as_str(), cookie.key.as_str()), (bound, key));
        }
        let default = DeviceCookie::of_path(None);
        assert_eq!(default.key, "__Secure-session-device-key");
        let written = DeviceCookie::new(NAME, DEFAULT_ATTRIBUTES);
        assert_eq!(written, Ok(default));
    }

    #[test]
    fn refuses_what_browsers_would_refuse_or_leave_out() {
        use DeviceCookieFlaw::{Attribute, Domain, HostPath, Missing, Name};
        const REST: &str = "Secure; HttpOnly; SameSite=Lax";
        for (name, attributes, flaw) in [
            ("", DEFAULT_ATTRIBUTES.to_owned(), Name),
            ("a b", DEFAULT_ATTRIBUTES.to_owned(), Name),
            ("a=b", DEFAULT_ATTRIBUTES.to_owned(), Name),
            ("a;b", DEFAULT_ATTRIBUTES.to_owned(), Name),
            ("é", DEFAULT_ATTRIBUTES.to_owned(), Name),
            ("a", REST.to_owned(), Missing("Path=/")),
            (
                "a",
                "Path=/; HttpOnly; SameSite=Lax".to_owned(),
                Missing("Secure"),
            ),
            (
                "a",
                "Path=/; Secure; SameSite=Lax".to_owned(),
                Missing("HttpOnly"),
            ),
            (
                "a",
                "Path=/; Secure; HttpOnly".to_owned(),
                Missing("SameSite=Lax"),
            ),
            ("a", String::new(), Missing("Path=/")),
            ("__Host-a", format!("Path=/a; {REST}"), HostPath),
            ("__HOST-a", format!("Path=/a; {REST}"), HostPath),
            ("a", format!("Path=/; Domain=shop.example; {REST}"), Domain),
            ("a", format!("Path=/; Max-Age=60; {REST}"), Attribute),
            ("a", format!("Path=/; Partitioned; {REST}"), Attribute),
            ("a", format!("Path=; {REST}"), Attribute),
            ("a", format!("Path=a; {REST}"), Attribute),
            ("a", format!("Path=/a b; {REST}"), Attribute),
            ("a", format!("Path=/; Secure=1; {REST}"), Attribute),
            (
                "a",
                "Path=/; Secure; HttpOnly; SameSite=Some".to_owned(),
                Attribute,
            ),
            (
                "a",
                "Path=/; Secure; HttpOnly; SameSite".to_owned(),
                Attribute,
            ),
        ] {
            let cookie = DeviceCookie::new(name, &attributes);
            assert_eq!(cookie, Err(flaw), "{name} {attributes}");
        }
        let long = |length| DeviceCookie::new(&"a".repeat(length), DEFAULT_ATTRIBUTES);
        assert!(long(MAX_NAME).is_ok());
        assert_eq!(long(MAX_NAME + 1), Err(Name));
        assert!(DeviceCookie::new("__Secure-a", &format!("Path=/a; {REST}")).is_ok());
    }

    #[test]
    fn laxer_values_of_same_site_are_greater() {
        assert!(SameSite::Strict < SameSite::Lax && SameSite::Lax < SameSite::None);
        for one in [SameSite::Strict, SameSite::Lax, SameSite::None] {
            assert_eq!(SameSite::parse(one.text()), Some(one));
        }
    }
}
