//! The headers of a browser about its device: `Sec-Secure-Session-Id` and
//! `Secure-Session-Skipped`.
//!
//! A thumbprint that is read is written as in the header. A list that is read has an item for
//! each of its parts, up to 16, and none without a name.

use session_crypto_core::headers::{SkipReason, session_id, skipped};

/// Reads the header as each of both.
pub fn run(header: &[u8]) {
    if let Some(id) = session_id(header) {
        let text = id.to_string();
        let inner = header.trim_ascii();
        assert!(inner == text.as_bytes() || inner == format!("\"{text}\"").as_bytes());
    }
    let items = skipped(header);
    assert!(items.len() <= 16);
    if items.is_empty() {
        return;
    }
    assert!(header.len() <= 2048);
    let parts = parts(header);
    assert_eq!(items.len(), parts.len().min(16));
    for (item, part) in items.iter().zip(&parts) {
        let reason = match name(part) {
            b"unreachable" => SkipReason::Unreachable,
            b"server_error" => SkipReason::ServerError,
            b"quota_exceeded" => SkipReason::QuotaExceeded,
            name => {
                assert!(!name.is_empty());
                SkipReason::Other
            }
        };
        assert_eq!(item.reason, reason);
        if let Some(id) = item.id {
            let text = format!("session_identifier=\"{id}\"");
            assert!(
                part.windows(text.len())
                    .any(|known| known == text.as_bytes())
            );
        }
    }
}

/// The parts between commas that stand in no quotes.
fn parts(header: &[u8]) -> Vec<&[u8]> {
    let mut is_quoted = false;
    let parts = header.split(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    parts.map(<[u8]>::trim_ascii).collect()
}

fn name(part: &[u8]) -> &[u8] {
    let end = part.iter().position(|byte| *byte == b';');
    part[..end.unwrap_or(part.len())].trim_ascii_end()
}

/// Headers of both kinds.
pub fn seeds() -> Vec<Vec<u8>> {
    const ID: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";
    [
        ID.to_owned(),
        format!(" \"{ID}\""),
        "unreachable".to_owned(),
        format!("server_error;session_identifier=\"{ID}\" ,\tquota_exceeded; a=\"b,c\";more;b=c"),
        "signing_failed,".to_owned(),
        "a,".repeat(20),
    ]
    .map(String::into_bytes)
    .to_vec()
}
