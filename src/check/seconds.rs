//! Numbers of seconds that mod_session reads, which ignores a unit.

use session_crypto_core::times;

use crate::ffi::config_tree::Node;

/// The number that httpd reads on a line: the digits at the beginning of its word (`atol`
/// in modules/session/mod_session.c).
pub(super) fn read(node: Node<'_>) -> i64 {
    split(&word(node)).0
}

/// The warning about a line whose text means another number than httpd reads.
pub(super) fn warning(directive: &str, example: u32, node: Node<'_>) -> Option<String> {
    let word = word(node);
    let (seconds, unit) = split(&word);
    // `60s` is what it seems to be.
    let is_understood = ["", "s", "sec", "seconds"].contains(&unit);
    if is_understood && word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let cure = match times::lifetime(&word.to_ascii_lowercase()) {
        Ok(seconds) => format!("write '{directive} {seconds}'"),
        Err(_) => format!("write a number, as '{directive} {example}'"),
    };
    Some(format!(
        "{directive} takes seconds without a unit, and '{word}' is {seconds} of them to httpd: \
         {cure}"
    ))
}

fn word(node: Node<'_>) -> String {
    let word = node.words().next().unwrap_or_default();
    String::from_utf8_lossy(&word).trim_start().to_owned()
}

/// The number at the beginning of a word, and the rest; without digits, 0.
fn split(word: &str) -> (i64, &str) {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let rest = unsigned.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = word.strip_suffix(rest).unwrap_or(word);
    (number.parse().unwrap_or_default(), rest)
}
