//! The fields of a form.

/// A field of a form: its name and its value, decoded.
pub type Field = (Vec<u8>, Vec<u8>);

/// The error of a form with a NUL byte, which no name and no value of a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NulInForm;

/// Whether the value of `Content-Type` is that of a form. Parameters such as `charset` do
/// not count.
pub fn is_form(content_type: &[u8]) -> bool {
    let name = content_type.split(|byte| *byte == b';').next();
    let name = name.unwrap_or_default().trim_ascii();
    name.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Reads the fields of a form in URL encoding (URL Standard, section 5.1), in their order.
///
/// As that standard says, a field without `=` has an empty value, and a `%` that no two
/// hexadecimal digits follow is itself.
///
/// # Errors
///
/// A field has a NUL byte.
pub fn fields(body: &[u8]) -> Result<Vec<Field>, NulInForm> {
    let fields = body.split(|byte| *byte == b'&');
    fields
        .filter(|field| !field.is_empty())
        .map(|field| {
            let mut parts = field.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default());
            let value = decode(parts.next().unwrap_or_default());
            let has_nul = name.contains(&0) || value.contains(&0);
            if has_nul {
                Err(NulInForm)
            } else {
                Ok((name, value))
            }
        })
        .collect()
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, others @ ..] = rest {
        rest = others;
        match (first, others) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (byte, _) => decoded.push(*byte),
        }
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(String, String)> {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let fields = fields(body.as_bytes()).unwrap();
        let fields = fields.into_iter();
        fields
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[test]
    fn reads_what_a_browser_writes() {
        for (body, expected) in [
            ("", &[][..]),
            ("user=joe", &[("user", "joe")]),
            ("user=joe&entry=a", &[("user", "joe"), ("entry", "a")]),
            ("user=a&user=b", &[("user", "a"), ("user", "b")]),
            ("user=Zo%C3%AB+B.", &[("user", "Zoë B.")]),
            ("user=a%2Bb%26c%3dd", &[("user", "a+b&c=d")]),
            ("u%73er=joe", &[("user", "joe")]),
            ("user=a=b", &[("user", "a=b")]),
            ("user", &[("user", "")]),
            ("user=", &[("user", "")]),
            ("=joe", &[("", "joe")]),
            ("&&user=joe&&", &[("user", "joe")]),
            ("user=100%&a=%4", &[("user", "100%"), ("a", "%4")]),
            ("user=%zz%4g%g4", &[("user", "%zz%4g%g4")]),
            ("user=%%41", &[("user", "%A")]),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn refuses_a_nul_byte() {
        for body in ["user=joe%00", "%00=joe", "a=b&user=%00x", "user=\0"] {
            assert_eq!(fields(body.as_bytes()), Err(NulInForm), "{body:?}");
        }
        assert!(fields(b"user=%2500").is_ok());
    }

    #[test]
    fn knows_a_form_by_its_content_type() {
        for (content_type, is_one) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-URLencoded; charset=UTF-8", true),
            ("application/x-www-form-urlencoded ;x", true),
            ("application/x-www-form-urlencoded2", false),
            ("multipart/form-data; boundary=x", false),
            ("text/plain", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_form(content_type.as_bytes()), is_one, "{content_type}");
        }
    }
}
