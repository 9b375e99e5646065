//! The text of a record in the store of a farm, or an answer of the store.
//!
//! A text that is read is written again as the same text, byte for byte. An answer of any
//! bytes gives records that are such texts in it, or none.

use session_crypto_agent::fuzzing::{read_entry, read_page, write_entry};
use session_crypto_core::Record;

/// Reads the text, the answer, and an answer that has the text.
pub fn run(text: &[u8]) {
    if let Some(record) = read_entry(text) {
        assert_eq!(write_entry(&record).as_bytes(), text);
        assert!(record.before <= Record::MAX_TIME && record.until <= Record::MAX_TIME);
    }
    if let Some((cursor, records)) = read_page(text) {
        assert!(cursor.len() < text.len());
        let has = |record: &Record| {
            let entry = write_entry(record);
            text.windows(entry.len())
                .any(|part| part == entry.as_bytes())
        };
        assert!(records.iter().all(has));
    }
    let (_, records) = read_page(&answer(text)).unwrap();
    assert_eq!(records, Vec::from_iter(read_entry(text)));
}

/// An answer to ZSCAN with one member.
fn answer(member: &[u8]) -> Vec<u8> {
    let before = format!("*2\r\n$1\r\n0\r\n*2\r\n${}\r\n", member.len());
    [before.as_bytes(), member, b"\r\n$1\r\n1\r\n"].concat()
}

/// Records of both kinds, and answers.
pub fn seeds() -> Vec<Vec<u8>> {
    let record = b"s000102030405060708090a0b0c0d0e0f.1800000000.1802592000";
    let user = b"uffffffffffffffffffffffffffffffff.0.17179869183";
    vec![
        record.to_vec(),
        user.to_vec(),
        answer(record),
        b"*2\r\n$4\r\n1234\r\n*0\r\n".to_vec(),
        b"-ERR unknown command\r\n".to_vec(),
        b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n".to_vec(),
        b"%1\r\n+a\r\n,1.5\r\n".to_vec(),
    ]
}
