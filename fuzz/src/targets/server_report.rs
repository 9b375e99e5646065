//! The report of another server, which `htsession keys --servers` reads as JSON.
//!
//! A report that is read is written as JSON that gives the same report. No text of it becomes
//! an element of the page, or a line of its own for Prometheus.

use session_crypto_status::{advice, html, json, parse, prometheus};

/// Reads the report.
pub fn run(text: &[u8]) {
    let Ok(report) = parse(text) else {
        return;
    };
    assert!(report.keys.len() <= 512);
    let written = json(&report);
    let again = parse(written.as_bytes()).unwrap();
    assert_eq!(json(&again), written);
    for key in &report.keys {
        let _ = advice(key, &report);
    }
    let page = html(&report);
    assert!(!page.contains("<hostile"));
    assert!(prometheus(&report).lines().all(|line| {
        line.is_empty() || line.starts_with('#') || line.starts_with("session_crypto_")
    }));
}

/// A report.
pub fn seeds() -> Vec<Vec<u8>> {
    let report = r#"{"version":1,"host":"<hostile>\n","id":"a","now":1800000000,"began":1700000000,
        "longest_lifetime":2592000,"counters":{"sealed":{"jwe":1},"refused":{"tag\"\n":2}},
        "keys":[],"revocation":{"size":100,"used":1,"dropped":0}}"#;
    vec![report.as_bytes().to_vec()]
}
