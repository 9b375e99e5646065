//! A file of passphrases.
//!
//! A file that is taken has the lines and words that httpd itself finds in it, and each line
//! has the words that APR finds in a command. httpd reads the same bytes beside the target.

use session_crypto_core::{LineError, PassphraseFile, program_arguments};
use zeroize::Zeroizing;

use crate::oracle::httpd;

/// Bytes of the longest file that is compared.
const MOST: usize = 16 * 1024;

/// Reads the file here and in httpd.
pub fn run(text: &[u8]) {
    let file = PassphraseFile::new(Zeroizing::new(text.to_vec()), 0o600);
    let Ok(file) = file else {
        return;
    };
    let lines = match file.lines() {
        Ok(lines) => lines,
        Err((_, error)) => return check_refusal(text, error),
    };
    assert!(!text.contains(&0));
    // httpd takes a byte order mark for a part of the first word.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.len() > MOST {
        return;
    }
    // httpd leaves out a last line of one backslash.
    let lines = lines.iter().filter(|line| !line.text().is_empty());
    let lines: Vec<_> = lines.collect();
    let expected = httpd::lines(text);
    let expected: Vec<_> = expected.iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.into_iter().zip(expected) {
        // httpd counts the end of a file as one more line that continues the last.
        assert!((0..=1).contains(&(i64::from(expected.number) - i64::from(line.number))));
        let comment = expected
            .words
            .iter()
            .position(|word| word.starts_with(b"#"));
        let words = &expected.words[..comment.unwrap_or(expected.words.len())];
        let found = line.words();
        assert!(found.iter().map(|word| word.as_slice()).eq(words));
        let arguments = program_arguments(line.text().to_bytes());
        assert_eq!(arguments, expected.arguments);
    }
}

/// A refusal has its cause in the text.
fn check_refusal(text: &[u8], error: LineError) {
    let has = |byte: u8| text.contains(&byte);
    assert!(match error {
        LineError::Utf16 => text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff"),
        LineError::JwkSet => text.windows(5).any(|part| part == b"\"kty\""),
        LineError::Nul => has(0),
        LineError::OpenQuote => has(b'"') || has(b'\''),
        LineError::TooLong(most) => text.len() > most,
    });
}

/// Lines with each kind of quote and end.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "",
        "\u{feff}# comment\n\n'one two' \"three\\\"four\" # not this\nlong\\\ner\n",
        "exec:/bin/program \"from program\" a\\ b\n'exec:/bin/program x'",
        "one\r\n two \\\r\nthree\\",
        "\"a\\\\\" 'b\\'c' d\"e \x0b\tf\\g\n\\\n\\\\\n\n",
        "'open",
        "{\"keys\":[{\"kty\":\"oct\"}]}",
        "a\0b",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into_iter()
    .chain([b"\xff\xfea\0".to_vec(), vec![b'x'; 8191]])
    .collect()
}
