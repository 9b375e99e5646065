//! The paths at which browsers register and refresh.

use crate::device::cookie::DeviceCookie;
use crate::device::headers::EndpointPath;

/// The path of the endpoints of a section, and what follows from it.
pub struct DevicePath {
    /// The path around both endpoints: `/session-device`.
    pub prefix: String,
    /// The endpoint for registrations.
    pub register: EndpointPath,
    /// The endpoint for refreshes.
    pub refresh: EndpointPath,
    /// The attributes of the key cookie, which only the endpoints get.
    pub key_attributes: String,
    /// The bound cookie of sections that name none.
    pub cookie: DeviceCookie,
}

impl DevicePath {
    /// The path of sections that name none.
    pub const DEFAULT: &'static str = "/session-device";

    /// Takes a path; `None` if it has characters that a URL escapes, or if another path means
    /// the same to browsers.
    pub fn new(prefix: &str) -> Option<Self> {
        let mut segments = prefix.strip_prefix('/')?.split('/');
        if segments.any(|segment| ["", ".", ".."].contains(&segment)) {
            return None;
        }
        let endpoint = |name: &str| EndpointPath::new(&format!("{prefix}/{name}")).ok();
        Some(Self {
            prefix: prefix.to_owned(),
            register: endpoint("register")?,
            refresh: endpoint("refresh")?,
            // Browsers leave cookies with SameSite=Lax out of these requests if the login, or
            // the page before them, was of another site.
            key_attributes: format!("Path={prefix}; Secure; HttpOnly; SameSite=None"),
            cookie: DeviceCookie::of_path((prefix != Self::DEFAULT).then_some(prefix)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_both_endpoints() {
        let path = DevicePath::new("/shop/device").unwrap();
        assert_eq!(path.register.as_str(), "/shop/device/register");
        assert_eq!(path.refresh.as_str(), "/shop/device/refresh");
        let attributes = "Path=/shop/device; Secure; HttpOnly; SameSite=None";
        assert_eq!(path.key_attributes, attributes);
    }

    #[test]
    fn paths_of_one_host_have_cookies_of_their_own() {
        let name = |path| DevicePath::new(path).unwrap().cookie.bound;
        assert_eq!(name(DevicePath::DEFAULT), "__Host-session-device");
        // SHA-256 of the length of the path and the path, on every server.
        assert_eq!(name("/shop/device"), "__Host-session-device-f0b86eff");
        assert_ne!(name("/shop/device"), name("/blog/device"));
    }

    #[test]
    fn takes_one_spelling_of_a_path() {
        for wrong in [
            "",
            "/",
            "device",
            "/device/",
            "//device",
            "/a//b",
            "/a/./b",
            "/a/..",
            "/a b",
            "/a;b",
            "/a%2e",
            "/é",
            "/a?b",
            "https://here.example/device",
        ] {
            assert!(DevicePath::new(wrong).is_none(), "{wrong}");
        }
        let long = |length: usize| format!("/{}", "a".repeat(length));
        assert!(DevicePath::new(&long(246)).is_some());
        assert!(DevicePath::new(&long(247)).is_none());
    }
}
