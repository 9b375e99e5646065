//! The words of a line, as httpd splits it (server/util.c, `ap_getword_conf`).
//!
//! White space ends a word, unless a quote begins it: then the same quote ends it. A
//! backslash stands for the character after it if that is a backslash, or the quote that
//! began the word.

use zeroize::Zeroizing;

/// Splits a line into words.
pub(super) fn words(line: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let (mut words, mut rest) = (Vec::new(), after_spaces(line));
    while let Some((first, after)) = rest.split_first() {
        let (quote, word, next) = match first {
            b'"' | b'\'' => {
                let end = closing_quote(after, *first).unwrap_or(after.len());
                let (word, next) = after.split_at_checked(end).unwrap_or((after, &[]));
                (Some(*first), word, next.get(1..).unwrap_or_default())
            }
            _ => {
                let end = rest.iter().position(|byte| is_space(*byte));
                let end = end.unwrap_or(rest.len());
                let (word, next) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                (None, word, next)
            }
        };
        words.push(without_backslashes(word, quote));
        rest = after_spaces(next);
    }
    words
}

fn without_backslashes(word: &[u8], quote: Option<u8>) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(word.len()));
    let mut bytes = word.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'\\')
            .then(|| bytes.next_if(|next| *next == b'\\' || Some(*next) == quote))
            .flatten();
        plain.push(escaped.unwrap_or(byte));
    }
    plain
}

/// The position of the quote that ends a word.
pub(super) fn closing_quote(text: &[u8], quote: u8) -> Option<usize> {
    let mut bytes = text.iter().enumerate().peekable();
    while let Some((index, byte)) = bytes.next() {
        if *byte == quote {
            return Some(index);
        }
        if *byte == b'\\' {
            bytes.next_if(|(_, next)| **next == quote || **next == b'\\');
        }
    }
    None
}

pub(super) fn after_spaces(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte));
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

/// Whether a byte is white space, as `isspace` of C has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_line_as_httpd_does() {
        for (line, expected) in [
            ("", &[][..]),
            ("  ", &[]),
            ("one", &["one"]),
            (" one\ttwo\x0bthree ", &["one", "two", "three"]),
            (
                r#""one two" 'three "four"'"#,
                &["one two", "three \"four\""],
            ),
            (r#""one"two"#, &["one", "two"]),
            (r#"one"two three"#, &["one\"two", "three"]),
            (
                r#""o\"ne" 't\'wo' "thr\'ee""#,
                &["o\"ne", "t'wo", "thr\\'ee"],
            ),
            (r#"a\\b "c\\" \d \\ \"#, &["a\\b", "c\\", "\\d", "\\", "\\"]),
            (r#"a\"b"#, &["a\\\"b"]),
            (r#""" '' x"#, &["", "", "x"]),
            ("don't", &["don't"]),
        ] {
            let found = words(line.as_bytes());
            let found: Vec<_> = found.iter().map(|word| word.as_slice()).collect();
            let expected: Vec<_> = expected.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(found, expected, "{line}");
        }
    }
}
