//! The words of a line, as httpd splits it, and those of a command.
//!
//! httpd splits a line as follows (server/util.c, `ap_getword_conf`). White space ends a word, unless a quote begins it: then the same quote ends it. A
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

/// Splits a command into the path of a program and its arguments, as APR does it
/// (strings/apr_cpystrn.c, `apr_tokenize_to_argv`).
///
/// Spaces and tabs end a word.
/// A quote counts at the front of a word alone. A backslash before a space, a tab or a
/// quote has it belong to the word, and goes away, as any other does.
pub fn program_arguments(command: &[u8]) -> Vec<Vec<u8>> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut words = Vec::new();
    let mut bytes = command.iter().copied().peekable();
    loop {
        while bytes.next_if(is_space).is_some() {}
        if bytes.peek().is_none() {
            return words;
        }
        let quote = bytes.next_if(|byte| matches!(byte, b'"' | b'\''));
        let mut raw = Vec::new();
        while let Some(byte) = bytes.next() {
            let ends = match quote {
                Some(quote) => byte == quote,
                None => is_space(&byte),
            };
            if ends {
                break;
            }
            raw.push(byte);
            if byte == b'\\' {
                let escaped = |next: &u8| is_space(next) || matches!(next, b'"' | b'\'');
                raw.extend(bytes.next_if(escaped));
            }
        }
        words.push(without_any_backslash(&raw));
    }
}

fn without_any_backslash(word: &[u8]) -> Vec<u8> {
    let mut is_escaped = false;
    let mut plain = Vec::with_capacity(word.len());
    for byte in word {
        is_escaped = !is_escaped && *byte == b'\\';
        if !is_escaped {
            plain.push(*byte);
        }
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

    #[test]
    fn splits_a_command() {
        for (command, expected) in [
            ("", &[][..]),
            ("  a  b\tc ", &["a", "b", "c"]),
            (r#"a "b c" 'd e'"#, &["a", "b c", "d e"]),
            (r#"a\ b c\"d e\\f"#, &["a b", "c\"d", "e\\f"]),
            (r#"a"b c"d"#, &["a\"b", "c\"d"]),
            (r#""a"b"#, &["a", "b"]),
            (r#""a\"b" "open"#, &["a\"b", "open"]),
        ] {
            let found = program_arguments(command.as_bytes());
            let expected: Vec<_> = expected
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect();
            assert_eq!(found, expected, "{command}");
        }
    }
}
