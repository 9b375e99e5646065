//! The headers that tell whether a page of this host has sent a request: `Origin` and `Host`,
//! with a line feed between.
//!
//! A request counts as one of this host if scheme, host and port of its origin are those that
//! the request was sent to, and for no other origin.

use session_crypto_core::SiteHeaders;

/// Compares both headers.
pub fn run(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (origin, host) = data.split_at(at.unwrap_or(0));
    let host = host.strip_prefix(b"\n").unwrap_or(host);
    for is_encrypted in [false, true] {
        let headers = SiteHeaders {
            fetch_site: None,
            origin: Some(origin),
            host: Some(host),
            is_encrypted,
        };
        assert_eq!(headers.is_same(), is_same(origin, host, is_encrypted));
        // The browser's own word comes first.
        for (site, expected) in [
            (&b"same-origin"[..], true),
            (b"same-site", false),
            (origin, false),
        ] {
            let told = SiteHeaders {
                fetch_site: Some(site),
                ..headers
            };
            assert_eq!(told.is_same(), expected || site == b"same-origin");
        }
    }
}

fn is_same(origin: &[u8], host: &[u8], is_encrypted: bool) -> bool {
    let (origin, host) = (origin.to_ascii_lowercase(), host.to_ascii_lowercase());
    let same = |scheme: &str, port: &str| {
        let Some(authority) = origin.strip_prefix(scheme.as_bytes()) else {
            return false;
        };
        let bare = |text: &[u8]| text.strip_suffix(port.as_bytes()).unwrap_or(text).to_vec();
        !authority.is_empty() && bare(authority) == bare(&host)
    };
    same("https://", ":443") || !is_encrypted && same("http://", ":80")
}

/// Origins of this host, and of others.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "https://shop.example\nshop.example",
        "http://shop.example:80\nSHOP.example",
        "https://shop.example.evil.example\nshop.example",
        "null\nshop.example",
        "https://[::1]:443\n[::1]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
