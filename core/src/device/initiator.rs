//! The hosts whose pages make a browser refresh.

/// Most characters of the name of a host (RFC 1035, section 2.3.4).
const MAX_HOST: usize = 253;

/// Whether a word is a host, `*.` and a domain, or `*` for all hosts.
pub fn is_initiator(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_plain);
    let domain = word.strip_prefix("*.").unwrap_or(word);
    word == "*" || (word.len() <= MAX_HOST && domain.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_host_or_stands_for_several() {
        for good in ["*", "shop.example", "*.shop.example", "a_b-c", "127.0.0.1"] {
            assert!(is_initiator(good), "{good}");
        }
        for wrong in [
            "",
            "*.",
            "**",
            "a.*",
            "*.*",
            ".a",
            "a.",
            "a..b",
            "a b",
            "a:443",
            "https://a",
            "a\"",
            "é",
            &"a".repeat(MAX_HOST + 1),
        ] {
            assert!(!is_initiator(wrong), "{wrong}");
        }
    }
}
