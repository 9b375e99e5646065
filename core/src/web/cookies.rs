//! The cookies of a request (RFC 6265, section 5.4).
//!
//! Names are compared byte by byte, as browsers do. Several cookies may have one name: a
//! browser keeps them by path and host.

use std::borrow::Cow;

use memchr::memchr;

/// The values of the cookies with a name, in their order.
pub fn values<'h>(header: &'h [u8], name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    pairs(header).filter_map(move |pair| {
        let rest = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })
}

/// The header without the cookies of some names; `None` if it has none of them. It may be
/// empty then.
pub fn without<'h>(header: &'h [u8], names: &[&str]) -> Option<Cow<'h, [u8]>> {
    let is_taken = |pair: &[u8]| {
        let pair = pair.trim_ascii();
        let is_of = |name: &&str| {
            let rest = pair.strip_prefix(name.as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'='))
        };
        names.iter().any(is_of)
    };
    let mut rest: Option<Cow<'h, [u8]>> = None;
    let mut before = 0_usize;
    for pair in pairs(header) {
        if is_taken(pair) {
            // Nothing is copied before another pair follows.
            rest.get_or_insert_with(|| header.get(..before).unwrap_or_default().into());
        } else if let Some(rest) = &mut rest {
            let rest = rest.to_mut();
            rest.extend_from_slice(pair);
            rest.push(b';');
        }
        before = before.saturating_add(pair.len()).saturating_add(1);
    }
    Some(match rest? {
        Cow::Borrowed(rest) => trimmed(rest).into(),
        Cow::Owned(rest) => trimmed(&rest).to_owned().into(),
    })
}

/// Pairs without the semicolon that follows the last, and without spaces before the first.
fn trimmed(pairs: &[u8]) -> &[u8] {
    let pairs = pairs.strip_suffix(b";").unwrap_or(pairs);
    pairs.trim_ascii_start()
}

/// The parts between semicolons.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr(b';', text);
        let (pair, after) = text.split_at_checked(end.unwrap_or(text.len()))?;
        rest = after.strip_prefix(b";");
        Some(pair)
    })
}

#[cfg(test)]
mod tests {
    use std::str;

    use super::*;

    fn found<'h>(header: &'h str, name: &'h str) -> Vec<&'h str> {
        let values = values(header.as_bytes(), name);
        values.map(|value| str::from_utf8(value).unwrap()).collect()
    }

    fn rest(header: &str, names: &[&str]) -> Option<String> {
        let rest = without(header.as_bytes(), names)?;
        Some(str::from_utf8(&rest).unwrap().to_owned())
    }

    #[test]
    fn finds_each_cookie_of_a_name_and_no_other() {
        for (header, expected) in [
            ("", &[][..]),
            ("a=1", &["1"]),
            ("a=1; b=2", &["1"]),
            ("b=2; a=1", &["1"]),
            ("b=2;a=1 ;a=2", &["1", "2"]),
            ("a=", &[""]),
            ("a", &[]),
            ("A=1; aa=2; ba=3; a =4; =a", &[]),
            ("b=a=1; a=x=y", &["x=y"]),
            ("a=1;", &["1"]),
            (";;a=1", &["1"]),
        ] {
            assert_eq!(found(header, "a"), expected, "{header}");
        }
    }

    #[test]
    fn takes_out_the_cookies_of_some_names_and_leaves_the_rest_as_it_is() {
        for (header, expected) in [
            ("", None),
            ("b=1; aa=2; c", None),
            ("a=1", Some("")),
            ("a=1; a2=2", Some("")),
            ("a=1; b=2", Some("b=2")),
            ("b=2; a=1", Some("b=2")),
            ("b=2; a=1; c=3", Some("b=2; c=3")),
            ("b=2;a=1;  c=\"3\" ;a=4", Some("b=2;  c=\"3\" ")),
            ("a=1; b=2; a2=3; c=4; aa=5", Some("b=2; c=4; aa=5")),
        ] {
            let rest = rest(header, &["a", "a2"]);
            assert_eq!(rest.as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn no_header_has_a_cookie_that_was_taken_out() {
        let parts = [
            "a=1", "a2=x", "b=2", " a=3", "", " ", "a", "=a=1", "aa=1", "b=a=1",
        ];
        for first in parts {
            for second in parts {
                for third in parts {
                    let header = format!("{first};{second};{third}");
                    let rest = rest(&header, &["a"]).unwrap_or_else(|| header.clone());
                    assert!(found(&rest, "a").is_empty(), "{header}");
                    assert_eq!(found(&rest, "b"), found(&header, "b"), "{header}");
                }
            }
        }
    }
}
