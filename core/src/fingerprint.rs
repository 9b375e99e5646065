//! A short value that identifies a longer one.

use openssl::sha::Sha256;

/// The first half of a SHA-256. Two values with the same fingerprint are equal, even if
/// an attacker chose them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// The fingerprint of a sequence of parts; the length of each part counts too.
    pub fn of<'t>(parts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            hash.update(&length.to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finish();
        let word = |chunk: &[u8]| {
            chunk
                .iter()
                .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte))
        };
        let mut words = digest.chunks_exact(8).map(word);
        let mut next = || words.next().unwrap_or_default();
        Self([next(), next()])
    }

    /// The fingerprint as two words.
    pub fn words(self) -> [u64; 2] {
        self.0
    }

    /// The fingerprint of a number, which is computed without a hash. It is never the
    /// default one, which stands for no value.
    pub fn of_number(number: u64) -> Self {
        Self([number, 1])
    }

    /// The fingerprint of a sequence of numbers; a single number is computed without a
    /// hash.
    pub fn of_numbers(numbers: &[u64]) -> Self {
        if let [number] = numbers {
            return Self::of_number(*number);
        }
        let bytes: Vec<u8> = numbers.iter().copied().flat_map(u64::to_be_bytes).collect();
        Self::of([bytes.as_slice()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sequences_apart_whose_concatenation_is_the_same() {
        let of = |parts: &[&str]| Fingerprint::of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        let all = [
            of(&["a", "b"]),
            of(&["ab"]),
            of(&["b", "a"]),
            of(&["ab", ""]),
            of(&[]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }

    #[test]
    fn no_number_has_the_default_fingerprint() {
        for number in [0, 1, u64::MAX] {
            assert_ne!(Fingerprint::of_number(number), Fingerprint::default());
            assert_ne!(Fingerprint::of_numbers(&[number]), Fingerprint::default());
        }
    }

    #[test]
    fn is_the_beginning_of_sha_256() {
        // SHA-256 of eight zero bytes.
        let expected = [0xaf55_70f5_a181_0b7a, 0xf78c_af4b_c70a_660f];
        assert_eq!(Fingerprint::of([&b""[..]]).0, expected);
    }
}
