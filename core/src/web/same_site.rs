//! Whether a page of the same host has sent a request.
//!
//! A page of another site can make a browser send a request with the cookies of this one.
//! Browsers say so in two headers: `Sec-Fetch-Site` (Fetch Metadata Request Headers,
//! section 2.3), and `Origin` (RFC 6454, section 7). Browsers leave out the first over plain
//! HTTP, and older ones always. A client that sends neither is no browser that a page could
//! abuse.

/// The headers that tell the site of a request.
#[derive(Clone, Copy, Default)]
pub struct SiteHeaders<'h> {
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'h [u8]>,
    /// `Origin`.
    pub origin: Option<&'h [u8]>,
    /// `Host`.
    pub host: Option<&'h [u8]>,
    /// The request came over TLS, as far as this server knows.
    pub is_encrypted: bool,
}

impl SiteHeaders<'_> {
    /// Whether a page of the same host has sent the request, or no page at all.
    ///
    /// A page of the same host under `http` counts as another one if the request came over
    /// TLS: anybody on the network can be that page. The other way round it does not, because
    /// a proxy may have taken TLS off.
    pub fn is_same(&self) -> bool {
        match (self.fetch_site, self.origin) {
            (Some(site), _) => site == b"same-origin",
            (None, Some(origin)) => self.is_own(origin),
            (None, None) => true,
        }
    }

    fn is_own(&self, origin: &[u8]) -> bool {
        let (authority, port) = if let Some(authority) = after(b"https://", origin) {
            (authority, &b":443"[..])
        } else if let (Some(authority), false) = (after(b"http://", origin), self.is_encrypted) {
            (authority, &b":80"[..])
        } else {
            return false;
        };
        let without_port = |text: &'_ [u8]| {
            let text = text.strip_suffix(port).unwrap_or(text);
            text.to_ascii_lowercase()
        };
        let host = self.host.map(without_port);
        !authority.is_empty() && host == Some(without_port(authority))
    }
}

/// The rest of an origin after its scheme, if it has this one.
fn after<'o>(scheme: &[u8], origin: &'o [u8]) -> Option<&'o [u8]> {
    let (start, rest) = origin.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<'h>(origin: &'h str, host: &'h str) -> SiteHeaders<'h> {
        SiteHeaders {
            origin: Some(origin.as_bytes()),
            host: Some(host.as_bytes()),
            ..SiteHeaders::default()
        }
    }

    #[test]
    fn a_request_without_either_header_is_of_no_page() {
        assert!(SiteHeaders::default().is_same());
    }

    #[test]
    fn sec_fetch_site_decides_alone() {
        for (fetch_site, is_same) in [
            ("same-origin", true),
            ("same-site", false),
            ("cross-site", false),
            ("none", false),
            ("", false),
            ("same-origin, same-origin", false),
            ("Same-Origin", false),
        ] {
            for origin in ["https://here.example", "https://evil.example"] {
                let headers = SiteHeaders {
                    fetch_site: Some(fetch_site.as_bytes()),
                    ..headers(origin, "here.example")
                };
                assert_eq!(headers.is_same(), is_same, "{fetch_site} {origin}");
            }
        }
    }

    #[test]
    fn an_origin_must_be_the_host() {
        for (origin, host, is_same) in [
            ("https://here.example", "here.example", true),
            ("http://here.example", "here.example", true),
            ("HTTPS://Here.Example", "here.exAMPLE", true),
            ("https://here.example:443", "here.example", true),
            ("https://here.example", "here.example:443", true),
            ("http://here.example", "here.example:80", true),
            ("http://here.example:8080", "here.example:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://here.example:8080", "here.example", false),
            ("http://here.example", "here.example:8080", false),
            ("https://here.example", "here.example:80", false),
            ("http://here.example:443", "here.example", false),
            ("https://evil.example", "here.example", false),
            ("https://here.example.evil.example", "here.example", false),
            ("https://evil.example/here.example", "here.example", false),
            ("https://evilhere.example", "here.example", false),
            ("https://user@here.example", "here.example", false),
            (
                "https://here.example, https://here.example",
                "here.example",
                false,
            ),
            ("https://here.example/", "here.example", false),
            ("null", "null", false),
            ("null", "here.example", false),
            ("", "", false),
            ("https://", "", false),
            ("ftp://here.example", "here.example", false),
            ("here.example", "here.example", false),
        ] {
            assert_eq!(headers(origin, host).is_same(), is_same, "{origin} {host}");
        }
        let without_host = SiteHeaders {
            host: None,
            ..headers("https://here.example", "")
        };
        assert!(!without_host.is_same());
    }

    #[test]
    fn a_page_without_tls_is_another_one_to_a_server_with_tls() {
        for (origin, is_encrypted, is_same) in [
            ("http://here.example", true, false),
            ("https://here.example", true, true),
            // A proxy has taken TLS off.
            ("https://here.example", false, true),
        ] {
            let headers = SiteHeaders {
                is_encrypted,
                ..headers(origin, "here.example")
            };
            assert_eq!(headers.is_same(), is_same, "{origin}");
        }
    }
}
