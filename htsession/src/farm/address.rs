//! The address of a status page.

use std::net::{Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;

use crate::failure::{Failure, Kind, Outcome};

/// The address of a status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As the administrator wrote it.
    pub(crate) shown: String,
    /// The address of the same report in JSON.
    pub(crate) url: String,
    /// Host and port, by which the server is called.
    pub(crate) host: String,
    /// A request to it is encrypted, or stays on this host.
    pub(crate) is_private: bool,
}

/// The words that ask for an address.
const EXAMPLE: &str = "write it as https://www1.example/session-crypto-status";

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// The text is none, or has a password.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let wrong = |words: String| Err(Failure::new(Kind::Usage, words));
        let Ok(uri) = text.parse::<Uri>() else {
            return wrong("--status has something that is no URL: ".to_owned() + EXAMPLE);
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return wrong(format!(
                "{text}, after --status, is no URL: {EXAMPLE}, and name files before --status"
            ));
        };
        // The words do not repeat the password.
        if authority.as_str().contains('@') {
            return wrong(
                "a URL after --status has a login, which each user of this host sees: write it \
                 into a file, and name that after --user-file"
                    .to_owned(),
            );
        }
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => {
                return wrong(format!(
                    "{text}, after --status, is not for HTTP: {EXAMPLE}"
                ));
            }
        };
        Ok(Self {
            shown: text.to_owned(),
            url: with_json(&uri, scheme, authority.as_str()),
            host: authority.as_str().to_owned(),
            is_private: is_tls || is_loopback(authority.host()),
        })
    }
}

/// The address with `json` in its query.
fn with_json(uri: &Uri, scheme: &str, authority: &str) -> String {
    let path = uri.path();
    let query = match uri.query() {
        None | Some("") => "json".to_owned(),
        Some(query) if query.split('&').any(|word| word == "json") => query.to_owned(),
        Some(query) => format!("json&{query}"),
    };
    format!("{scheme}://{authority}{path}?{query}")
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_v4 = bare.parse().is_ok_and(|host: Ipv4Addr| host.is_loopback());
    let is_v6 = bare.parse().is_ok_and(|host: Ipv6Addr| host.is_loopback());
    host == "localhost" || is_v4 || is_v6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_asked_for_in_json() {
        for (text, url) in [
            ("https://www1.example/s", "https://www1.example/s?json"),
            ("http://www1.example:81", "http://www1.example:81/?json"),
            ("http://[::1]:81/s?json", "http://[::1]:81/s?json"),
            ("http://h/s?", "http://h/s?json"),
            ("http://h/s?prometheus", "http://h/s?json&prometheus"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.url.as_str(), address.shown.as_str()), (url, text));
        }
    }

    #[test]
    fn a_login_needs_tls_or_this_host() {
        for (text, is_private) in [
            ("https://www1.example/s", true),
            ("http://www1.example/s", false),
            ("http://127.0.0.2/s", true),
            ("http://[::1]:8080/s", true),
            ("http://localhost/s", true),
            ("http://localhost.example/s", false),
            ("http://127.example/s", false),
        ] {
            assert_eq!(
                Address::parse(text).unwrap().is_private,
                is_private,
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        for (text, words) in [
            ("", "is no URL"),
            ("session-keys", "name files before --status"),
            ("/etc/keys", "name files before --status"),
            ("www1.example", "is no URL"),
            ("http:///s", "is no URL"),
            ("ftp://www1.example/s", "is not for HTTP"),
            ("http://h\u{1b}[2J/s", "is no URL"),
            ("https://joe:secret@h/s", "--user-file"),
        ] {
            let failure = Address::parse(text).unwrap_err();
            let message = failure.message().unwrap();
            assert!(message.contains(words), "{text}: {message}");
            assert!(!message.contains("secret"), "{message}");
            assert_eq!(failure.status(), 2);
        }
    }
}
