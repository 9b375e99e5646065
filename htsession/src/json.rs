//! JSON in ASCII, which no terminal takes for commands: a token and an id are another's bytes.

use std::fmt::Write;

use serde_json::Value;

/// A value on one line, with escapes for all that is not printable ASCII.
pub(crate) fn ascii(value: &Value) -> String {
    let text = value.to_string();
    let mut ascii = String::with_capacity(text.len());
    // Other characters than printable ASCII are in strings alone, where escapes may be.
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_no_characters_but_those_of_ascii_and_means_the_same() {
        let text = "joe \u{1b}[2J\u{7f}\u{9b}31m\u{eb}\u{202e}\u{1f511}\"\\";
        let json = ascii(&Value::from(text));
        assert!(
            json.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
