//! Sections and times that the tests of certificates share.

use super::Section;
use session_crypto_core::Now;

pub(crate) const SESSION: &[u8] = b"user=joe&pw=secret&expiry=1800000000000000";
pub(crate) const HOUR: u64 = 3600;
pub(crate) const GCM: &[&str] = &["aes-256-gcm"];
pub(crate) const CERTIFICATES: [&str; 5] = ["rsa-2048", "rsa-3072", "p-256", "p-384", "p-521"];

/// A section, with its name, for each way to encrypt content keys.
pub(crate) fn sections() -> Vec<(String, Section)> {
    let mut sections: Vec<_> = CERTIFICATES
        .iter()
        .map(|name| (name.to_string(), Section::certified(&[name], GCM)))
        .collect();
    let sha1 = Section::certified(&["rsa-2048"], GCM).digest("SHA");
    sections.push(("rsa-2048, SHA".to_owned(), sha1));
    sections
}

pub(crate) fn at(seconds: u64, processor: usize) -> Now {
    Now { seconds, processor }
}
