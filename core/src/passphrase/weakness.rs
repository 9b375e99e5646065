//! Passphrases that an attacker could guess.

use std::fmt;

/// The reason why a passphrase can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It is shorter than `SHORTEST` bytes.
    Short,
    /// It is in manuals, or in every list of passwords.
    WellKnown,
}

impl Weakness {
    /// Looks for a weakness that needs no dictionary to be seen.
    pub fn of(passphrase: &[u8]) -> Option<Self> {
        let is_known = WELL_KNOWN
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(passphrase));
        let repeats = passphrase.windows(2).all(|pair| match pair {
            [one, other] => one == other,
            _ => true,
        });
        if is_known || (repeats && !passphrase.is_empty()) {
            Some(Self::WellKnown)
        } else if passphrase.len() < SHORTEST {
            Some(Self::Short)
        } else {
            None
        }
    }
}

/// The text continues a sentence that begins with "a passphrase".
impl fmt::Display for Weakness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(formatter, "is shorter than {SHORTEST} bytes"),
            Self::WellKnown => formatter.write_str("is one of those that are tried first"),
        }
    }
}

/// Fewest bytes of a passphrase that is strong enough against guesses at the speed of
/// MD5, if it is random and in base64 or hexadecimal (see `docs/wire-format.md`).
const SHORTEST: usize = 16;

/// Passphrases from manuals and sample configurations, and those that people write until
/// they think of something better. Upper and lower case count alike.
const WELL_KNOWN: &[&str] = &[
    "0123456789abcdef",
    "0123456789abcdef0123456789abcdef",
    "1234567890123456",
    "a passphrase with spaces",
    "change-this-passphrase",
    "change this passphrase",
    "changeme",
    "changemechangeme",
    "changethispassphrase",
    "changeit",
    "correct horse battery staple",
    "correct-horse-battery-staple",
    "correcthorsebatterystaple",
    "letmein",
    "my secret passphrase",
    "my-secret-passphrase",
    "mysecretpassphrase",
    "new",
    "old",
    "openssl rand -base64 32",
    "passphrase",
    "passphrasepassphrase",
    "password",
    "passwordpassword",
    "qwertyuiopasdfgh",
    "secret",
    "secretpassphrase",
    "secretsecretsecret",
    "session-passphrase",
    "session-passphrases",
    "supersecretpassphrase",
    "test",
    "your-secret-passphrase",
    "yoursecretpassphrase",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_well_known_passphrases() {
        for known in WELL_KNOWN {
            assert_eq!(Weakness::of(known.as_bytes()), Some(Weakness::WellKnown));
            let upper = known.to_ascii_uppercase();
            assert_eq!(Weakness::of(upper.as_bytes()), Some(Weakness::WellKnown));
        }
        for repeated in ["x", "xxxxxxxxxxxxxxxxxxxxxxxx"] {
            assert_eq!(Weakness::of(repeated.as_bytes()), Some(Weakness::WellKnown));
        }
    }

    #[test]
    fn finds_passphrases_shorter_than_sixteen_bytes() {
        assert_eq!(Weakness::of(b"kV3jq0ZcUq1n2wL"), Some(Weakness::Short));
        assert_eq!(Weakness::of(b"kV3jq0ZcUq1n2wLx"), None);
        assert_eq!(Weakness::of(b""), Some(Weakness::Short));
    }

    #[test]
    fn accepts_a_random_passphrase_and_prints_none() {
        assert_eq!(
            Weakness::of(b"7l3Yb7H9mJm0o0qO2y8d8nq0tq0o9cQkq1p0h3sQ1mY="),
            None
        );
        for weakness in [Weakness::Short, Weakness::WellKnown] {
            assert!(!weakness.to_string().contains("secret"));
        }
    }
}
