//! The JSON that a browser gets at registration.

use serde_json::{Map, Value};

use crate::device::headers::EndpointPath;
use crate::device::public_key::KeyThumbprint;

/// The instructions to a browser for a session.
#[derive(Clone, Copy, Debug)]
pub struct Instructions<'a> {
    /// Names the session.
    pub id: KeyThumbprint,
    /// The endpoint for refreshes.
    pub refresh: &'a EndpointPath,
    /// The name of the bound cookie.
    pub cookie: &'a str,
    /// Its attributes, of which Domain, Path, Secure, HttpOnly and SameSite must be those
    /// with which it is set.
    pub attributes: &'a str,
    /// The hosts whose pages make the browser refresh beside those of the site; `*` for all.
    pub initiators: &'a [&'a str],
    /// Paths for which the browser does not refresh, with all below them.
    pub excluded: &'a [&'a str],
}

impl Instructions<'_> {
    /// The body of the answer. The origin is left out, because a server behind a proxy may
    /// not know its own: the browser takes that of the request.
    pub fn json(&self) -> String {
        let excluded = self.excluded.iter().map(|path| {
            let rule = [("type", "exclude"), ("domain", "*"), ("path", path)];
            object(rule.map(|(name, value)| (name, value.into())))
        });
        let excluded: Vec<Value> = excluded.collect();
        let scope = object([
            ("include_site", false.into()),
            ("scope_specification", excluded.into()),
        ]);
        let cookie = object([
            ("type", "cookie".into()),
            ("name", self.cookie.into()),
            ("attributes", self.attributes.into()),
        ]);
        let initiators: Vec<Value> = self.initiators.iter().map(|host| (*host).into()).collect();
        let instructions = object([
            ("session_identifier", self.id.to_string().into()),
            ("refresh_url", self.refresh.as_str().into()),
            ("continue", true.into()),
            ("scope", scope),
            ("credentials", vec![cookie].into()),
            ("allowed_refresh_initiators", initiators.into()),
        ]);
        instructions.to_string()
    }

    /// The body of an answer that ends a session of the browser.
    pub fn end(id: KeyThumbprint) -> String {
        let end = object([
            ("session_identifier", id.to_string().into()),
            ("continue", false.into()),
        ]);
        end.to_string()
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter();
    let members: Map<String, Value> = members
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    members.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn says_what_a_browser_reads() {
        let path = EndpointPath::new("/dbsc/refresh").unwrap();
        let instructions = Instructions {
            id: KeyThumbprint::parse(ID.as_bytes()).unwrap(),
            refresh: &path,
            cookie: "__Host-session-b",
            attributes: "Path=/; Secure; HttpOnly; SameSite=Lax",
            initiators: &["*"],
            excluded: &["/static"],
        };
        let expected = r#"{"session_identifier":"ID", "refresh_url":"/dbsc/refresh", "continue":true,
            "scope":{"include_site":false,
                "scope_specification":[{"type":"exclude","domain":"*","path":"/static"}]},
            "credentials":[{"type":"cookie","name":"__Host-session-b",
                "attributes":"Path=/; Secure; HttpOnly; SameSite=Lax"}],
            "allowed_refresh_initiators":["*"]}"#;
        let expected = value(&expected.replace("ID", ID));
        assert_eq!(value(&instructions.json()), expected);
        let quoted = Instructions {
            cookie: "a\"b\\",
            ..instructions
        };
        let json = value(&quoted.json());
        assert_eq!(json["credentials"][0]["name"], "a\"b\\");
    }

    #[test]
    fn ends_a_session() {
        let id = KeyThumbprint::parse(ID.as_bytes()).unwrap();
        let expected = format!(r#"{{"session_identifier":"{ID}","continue":false}}"#);
        assert_eq!(value(&Instructions::end(id)), value(&expected));
    }
}
