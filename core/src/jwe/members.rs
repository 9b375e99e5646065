//! The members of a header: a small part of JSON, which needs no interpreter.
//!
//! A header is one object with these members, each at most once, and in any order, because
//! every library has an order of its own. There is no white space, and no text has escapes.
//! So there is one way to read a header, and its parts can be compared as they are.
//!
//! | member | value |
//! |---|---|
//! | `alg`, `enc`, `kid` | a text; each must be there |
//! | `aud`, `sig` | a text |
//! | `epk` | an object with the texts `kty`, `crv`, `x` and `y` |

use std::ops::Range;

use memchr::memchr;

/// The places of the values in a header.
pub(super) struct Members {
    pub(super) alg: Span,
    pub(super) enc: Span,
    pub(super) kid: Span,
    pub(super) aud: Option<Span>,
    pub(super) epk: Option<SenderKey>,
    pub(super) sig: Option<Signature>,
}

/// The place of a text, without its quotes.
pub(super) type Span = Range<usize>;

/// The places of the values of `epk`.
pub(super) struct SenderKey {
    pub(super) kty: Span,
    pub(super) crv: Span,
    pub(super) x: Span,
    pub(super) y: Span,
}

/// The place of a signature, and that of its member with one comma.
pub(super) struct Signature {
    pub(super) value: Span,
    pub(super) member: Range<usize>,
}

/// Reads a header; `None` if it is not as above.
pub(super) fn read(json: &[u8]) -> Option<Members> {
    let mut reader = Reader { json, at: 0 };
    let (mut alg, mut enc, mut kid) = (None, None, None);
    let (mut aud, mut epk, mut sig) = (None, None, None);
    reader.members(|name, start, reader| match name {
        b"alg" => once(&mut alg, reader.text()?),
        b"enc" => once(&mut enc, reader.text()?),
        b"kid" => once(&mut kid, reader.text()?),
        b"aud" => once(&mut aud, reader.text()?),
        b"epk" => once(&mut epk, reader.sender_key()?),
        b"sig" => {
            let value = reader.text()?;
            let member = reader.with_comma(start)?;
            once(&mut sig, Signature { value, member })
        }
        _ => None,
    })?;
    if reader.at != json.len() {
        return None;
    }
    Some(Members {
        alg: alg?,
        enc: enc?,
        kid: kid?,
        aud,
        epk,
        sig,
    })
}

/// Sets a value that must not be set yet.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    let is_first = slot.is_none();
    *slot = Some(value);
    is_first.then_some(())
}

/// A header that is being read, up to a place. Each method takes one piece, or fails if
/// another piece is there.
struct Reader<'h> {
    json: &'h [u8],
    at: usize,
}

impl<'h> Reader<'h> {
    /// Takes an object. `member` takes the value of each member, by its name and the place
    /// where the name begins.
    fn members(
        &mut self,
        mut member: impl FnMut(&'h [u8], usize, &mut Self) -> Option<()>,
    ) -> Option<()> {
        self.byte(b'{')?;
        loop {
            let start = self.at;
            let name = self.text()?;
            let name = self.json.get(name)?;
            self.byte(b':')?;
            member(name, start, self)?;
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
        }
    }

    fn sender_key(&mut self) -> Option<SenderKey> {
        let (mut kty, mut crv, mut x, mut y) = (None, None, None, None);
        self.members(|name, _, reader| {
            let slot = match name {
                b"kty" => &mut kty,
                b"crv" => &mut crv,
                b"x" => &mut x,
                b"y" => &mut y,
                _ => return None,
            };
            once(slot, reader.text()?)
        })?;
        Some(SenderKey {
            kty: kty?,
            crv: crv?,
            x: x?,
            y: y?,
        })
    }

    /// Takes a text of printable ASCII without escapes.
    fn text(&mut self) -> Option<Span> {
        self.byte(b'"')?;
        let start = self.at;
        let rest = self.json.get(start..)?;
        let length = memchr(b'"', rest)?;
        let text = rest.get(..length)?;
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
        if !text.iter().all(is_plain) {
            return None;
        }
        let end = start.checked_add(length)?;
        self.at = end.checked_add(1)?;
        Some(start..end)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        if self.json.get(self.at) != Some(&byte) {
            return None;
        }
        self.at = self.at.checked_add(1)?;
        Some(())
    }

    /// The place of the member that begins at `start` and ends here, with the comma before
    /// it; the first member has none, and goes with the comma after it.
    fn with_comma(&self, start: usize) -> Option<Range<usize>> {
        let before = start.checked_sub(1)?;
        match self.json.get(before) {
            Some(b',') => Some(before..self.at),
            _ => Some(start..self.at.checked_add(1)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(json: &str) -> bool {
        read(json.as_bytes()).is_some()
    }

    const ALL: [&str; 6] = [
        r#""alg":"A""#,
        r#""enc":"E""#,
        r#""kid":"K""#,
        r#""aud":"the shop's""#,
        r#""epk":{"y":"4","kty":"EC","x":"3","crv":"C"}"#,
        r#""sig":"S""#,
    ];

    #[test]
    fn takes_members_in_any_order() {
        let mut order = ALL;
        for _ in 0..order.len() {
            order.rotate_left(1);
            for swapped in 1..order.len() {
                let mut order = order;
                order.swap(0, swapped);
                let json = format!("{{{}}}", order.join(","));
                let members = read(json.as_bytes()).unwrap();
                let text = |span: &Span| &json[span.clone()];
                assert_eq!(text(&members.alg), "A");
                assert_eq!(text(&members.enc), "E");
                assert_eq!(text(&members.kid), "K");
                assert_eq!(text(members.aud.as_ref().unwrap()), "the shop's");
                let key = members.epk.unwrap();
                let key = [&key.kty, &key.crv, &key.x, &key.y].map(text);
                assert_eq!(key, ["EC", "C", "3", "4"]);
                let sig = members.sig.unwrap();
                assert_eq!(text(&sig.value), "S");
                let rest: Vec<_> = order.into_iter().filter(|m| *m != ALL[5]).collect();
                let mut unsigned = json.clone();
                unsigned.replace_range(sig.member, "");
                assert_eq!(unsigned, format!("{{{}}}", rest.join(",")));
            }
        }
    }

    #[test]
    fn three_members_must_be_there_and_each_once() {
        let object = |members: &[&str]| format!("{{{}}}", members.join(","));
        assert!(reads(&object(&ALL[..3])));
        for (index, missing) in ALL.into_iter().take(3).enumerate() {
            let mut members = ALL.to_vec();
            members.remove(index);
            assert!(!reads(&object(&members)), "without {missing}");
        }
        for member in ALL {
            let mut members = ALL.to_vec();
            members.push(member);
            assert!(!reads(&object(&members)), "{member} twice");
        }
    }

    #[test]
    fn takes_nothing_else() {
        let whole = format!("{{{}}}", ALL.join(","));
        assert!(reads(&whole));
        for length in 0..whole.len() {
            assert!(!reads(&whole[..length]), "{length} bytes");
        }
        for space in [" ", "\n", "\t", "\r", ",", "{", "}", "[", "null"] {
            for index in 0..=whole.len() {
                let mut other = whole.clone();
                other.insert_str(index, space);
                // Within a text a space is plain, and so are brackets and words.
                let is_in_text = whole[..index].matches('"').count() % 2 == 1;
                let is_plain = !space.bytes().any(|byte| byte < b' ');
                let may_read = is_in_text && is_plain;
                assert!(!reads(&other) || may_read, "{other}");
            }
        }
        for (from, to) in [
            (r#""E""#, r#""E\u0041""#),
            (r#""E""#, r#""\"E""#),
            (r#""E""#, "\"é\""),
            (r#""E""#, "\"\u{7f}\""),
            (r#""E""#, "1"),
            (r#""E""#, "null"),
            (r#""E""#, r#"["E"]"#),
            (r#""E""#, r#"{"E":"E"}"#),
            (r#""enc""#, r#""ENC""#),
            (r#""enc""#, r#""\u0065nc""#),
            (r#""x":"3""#, r#""x":"3","d":"5""#),
            (r#""x":"3""#, r#""x":"3","x":"3""#),
            (r#""x":"3","#, ""),
            (r#""sig":"S""#, r#""sig":"S","zip":"DEF""#),
            (r#""sig":"S""#, r#""sig":"S","crit":"sig""#),
        ] {
            assert!(whole.contains(from));
            assert!(!reads(&whole.replace(from, to)), "{to}");
        }
    }
}
