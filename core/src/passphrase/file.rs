//! A file of passphrases, read and split into lines.
//!
//! Lines are those of httpd's configuration: joined at a trailing backslash, and
//! without the white space around them (server/util.c, `ap_cfg_getline`).

use std::ffi::CStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::passphrase::words::{after_spaces, closing_quote, is_space, words};
use crate::secret::file::SecretFile;

/// A file that has been read, wiped when it is dropped.
pub struct PassphraseFile {
    content: Zeroizing<Vec<u8>>,
    mode: u32,
}

/// A line, wiped when it is dropped.
pub struct Line {
    /// Its number in the file, from 1; of a joined line, the last.
    pub number: u32,
    /// With the NUL that ends it for C.
    text: Zeroizing<Vec<u8>>,
}

/// The reason why a file cannot be read; the words go on after its name.
#[derive(Clone, Debug, Error)]
pub enum PassphraseFileError {
    /// The system refuses to read it, for this reason.
    #[error("cannot be read ({0})")]
    Unreadable(String),
    /// It is a directory.
    #[error("is a directory")]
    Directory,
    /// It is a pipe or a device.
    #[error("is not a file")]
    NotAFile,
    /// It has more than this many bytes, and more passphrases than a configuration
    /// can have.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
}

/// A mistake on a line.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LineError {
    /// The file begins with a byte order mark of UTF-16 or UTF-32.
    #[error("the file is in UTF-16")]
    Utf16,
    /// The file is a JWK Set, whose first word would be a passphrase that everybody knows.
    #[error("the file is a JWK Set")]
    JwkSet,
    /// There is a NUL byte, which no passphrase can have.
    #[error("there is a NUL byte")]
    Nul,
    /// A quote begins a word, and none ends it.
    #[error("a quote is not closed")]
    OpenQuote,
    /// The line has more than this many bytes, the most of httpd's configuration.
    #[error("the line is longer than {0} bytes")]
    TooLong(usize),
}

/// Access to a file for others than its owner; the words go on after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Exposure {
    /// Every user of the host may read it. A group may: that is what groups are for.
    #[error("may be read by every user of this host")]
    Readable,
    /// A group, or every user of the host, may write it.
    #[error("may be written by others than its owner")]
    Writable,
}

impl Exposure {
    /// The access that the mode of a file gives, and that others should not have.
    pub fn of(mode: u32) -> Option<Self> {
        if mode & 0o004 != 0 {
            Some(Self::Readable)
        } else if mode & 0o022 != 0 {
            Some(Self::Writable)
        } else {
            None
        }
    }
}

/// Room for as many passphrases as a section takes, each of a thousand bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The longest line of a configuration file, without its NUL (httpd.h,
/// `MAX_STRING_LEN`).
const MAX_LINE: usize = 8191;

/// How a file in UTF-8 may begin; it is no part of what is in it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file of at most `most` bytes that contains secrets, and nothing that would have to
/// be waited for, like a pipe. The metadata is that of the moment when it was opened.
pub(crate) fn read_secrets(
    path: &Path,
    most: u64,
) -> Result<(Metadata, Zeroizing<Vec<u8>>), PassphraseFileError> {
    let unreadable = |error: io::Error| PassphraseFileError::Unreadable(error.to_string());
    let file = SecretFile::open(path).map_err(unreadable)?;
    let metadata = file.metadata.clone();
    if metadata.is_dir() {
        return Err(PassphraseFileError::Directory);
    }
    if !metadata.is_file() {
        return Err(PassphraseFileError::NotAFile);
    }
    if metadata.size() > most {
        return Err(PassphraseFileError::TooLarge(most));
    }
    let content = file.read().map_err(unreadable)?;
    Ok((metadata, content))
}

impl PassphraseFile {
    /// Reads a file, and nothing that would have to be waited for, like a pipe.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no file.
    pub fn read(path: &Path) -> Result<Self, PassphraseFileError> {
        let (metadata, content) = read_secrets(path, MAX_FILE)?;
        let mode = metadata.mode();
        Ok(Self { content, mode })
    }

    /// Takes the content of a file that the caller has read, and its mode.
    ///
    /// # Errors
    ///
    /// It is too large.
    pub fn new(content: Zeroizing<Vec<u8>>, mode: u32) -> Result<Self, PassphraseFileError> {
        if u64::try_from(content.len()).is_ok_and(|size| size <= MAX_FILE) {
            Ok(Self { content, mode })
        } else {
            Err(PassphraseFileError::TooLarge(MAX_FILE))
        }
    }

    /// Access to the file that others should not have.
    pub fn exposure(&self) -> Option<Exposure> {
        Exposure::of(self.mode)
    }

    /// Its lines, empty ones and comments included.
    ///
    /// # Errors
    ///
    /// The first line that is a mistake: its number, and what is wrong.
    pub fn lines(&self) -> Result<Vec<Line>, (u32, LineError)> {
        let content = self.content.as_slice();
        if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
            return Err((1, LineError::Utf16));
        }
        let mut rest = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        if is_jwk_set(rest) {
            return Err((1, LineError::JwkSet));
        }
        let (mut lines, mut number) = (Vec::new(), 0_u32);
        while !rest.is_empty() {
            let room = MAX_LINE.min(rest.len()).saturating_add(1);
            let mut text = Zeroizing::new(Vec::with_capacity(room));
            let mut is_whole = false;
            while !is_whole && !rest.is_empty() {
                number = number.saturating_add(1);
                let (line, has_end, next) = split_line(rest);
                rest = next;
                if line.contains(&0) {
                    return Err((number, LineError::Nul));
                }
                if text.len().saturating_add(line.len()) > MAX_LINE {
                    return Err((number, LineError::TooLong(MAX_LINE)));
                }
                text.extend_from_slice(line);
                if has_end && text.last() == Some(&b'\r') {
                    text.pop();
                }
                is_whole = !(has_end && text.last() == Some(&b'\\'));
                if !is_whole {
                    text.pop();
                }
            }
            if has_open_quote(&text) {
                return Err((number, LineError::OpenQuote));
            }
            while text.last().is_some_and(|last| is_space(*last)) {
                text.pop();
            }
            text.push(0);
            lines.push(Line { number, text });
        }
        Ok(lines)
    }
}

impl Line {
    /// The line without the white space around it.
    pub fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(after_spaces(&self.text)).unwrap_or_default()
    }

    /// The passphrases of the line, and the programs that print one: its words, up to one
    /// that begins with `#`. An empty word is a mistake that the caller finds.
    pub fn words(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let mut words = words(self.text().to_bytes());
        let end = words.iter().position(|word| word.starts_with(b"#"));
        words.truncate(end.unwrap_or(words.len()));
        words
    }
}

/// Whether a text looks like a JWK Set: an object, with the member that each key has.
fn is_jwk_set(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.starts_with(b"{") && text.ends_with(b"}") && text.windows(5).any(|part| part == b"\"kty\"")
}

/// The first line, whether a line feed ends it, and what comes after that.
fn split_line(text: &[u8]) -> (&[u8], bool, &[u8]) {
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let line = parts.next().unwrap_or_default();
    match parts.next() {
        Some(rest) => (line, true, rest),
        None => (line, false, &[]),
    }
}

/// Whether a word begins with a quote that nothing ends, as httpd looks for
/// both (server/util.c, `ap_getword_conf`). A word that begins with `#` ends
/// the line.
fn has_open_quote(line: &[u8]) -> bool {
    let mut rest = line;
    loop {
        rest = after_spaces(rest);
        let Some((first, after)) = rest.split_first() else {
            return false;
        };
        match first {
            b'#' => return false,
            b'"' | b'\'' => {
                let Some(end) = closing_quote(after, *first) else {
                    return true;
                };
                if after.first() == Some(&b'#') {
                    return false;
                }
                rest = after.get(end.saturating_add(1)..).unwrap_or_default();
            }
            _ => {
                let end = rest.iter().position(|byte| is_space(*byte));
                rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> PassphraseFile {
        PassphraseFile {
            content: Zeroizing::new(content.to_vec()),
            mode: 0o100_600,
        }
    }

    fn lines(content: &[u8]) -> Vec<(u32, String)> {
        let lines = file(content).lines().unwrap();
        let text = |line: &Line| line.text().to_str().unwrap().to_owned();
        lines.iter().map(|line| (line.number, text(line))).collect()
    }

    fn error(content: &[u8]) -> (u32, LineError) {
        file(content).lines().map(|_| ()).unwrap_err()
    }

    #[test]
    fn joins_lines_as_httpd_does() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"one"), [(1, "one".to_owned())]);
        assert_eq!(
            lines(b"one\r\n\n two \\\nthree\r\nfour\\"),
            [
                (1, "one".to_owned()),
                (2, String::new()),
                (4, "two three".to_owned()),
                (5, "four\\".to_owned())
            ]
        );
        assert_eq!(lines(b"one\\\n"), [(1, "one".to_owned())]);
        assert_eq!(
            lines(b"\t one \x0b \n \x0c \n"),
            [(1, "one".to_owned()), (2, String::new())]
        );
    }

    #[test]
    fn ignores_a_byte_order_mark_of_utf_8() {
        assert_eq!(lines(b"\xef\xbb\xbfone\ntwo"), lines(b"one\ntwo"));
        assert_eq!(lines(b"\xef\xbb\xbf"), []);
    }

    #[test]
    fn refuses_utf_16_and_nul_bytes() {
        assert_eq!(error(b"\xff\xfeo\0n\0e\0"), (1, LineError::Utf16));
        assert_eq!(error(b"\xfe\xff\0o\0n\0e"), (1, LineError::Utf16));
        assert_eq!(error(b"\xff\xfe\0\0o\0\0\0"), (1, LineError::Utf16));
        let set = b"{\"keys\":[\n{\"kty\":\"oct\",\"k\":\"AAAA\"}\n]}";
        assert_eq!(error(set), (1, LineError::JwkSet));
        let bytes = [BYTE_ORDER_MARK, b"\n ", set, b"\n"].concat();
        assert_eq!(error(&bytes), (1, LineError::JwkSet));
        assert_eq!(error(b"o\0n\0e\0"), (1, LineError::Nul));
        assert_eq!(error(b"\0o\0n\0e"), (1, LineError::Nul));
        assert_eq!(error(b"one\ntwo\n# three\0\n"), (3, LineError::Nul));
    }

    #[test]
    fn refuses_a_quote_that_is_not_closed() {
        for open in [
            r#"""#,
            r#""one"#,
            "'one",
            r#""one\""#,
            r#"one "two"#,
            r#""one" 'two"#,
            r#""one" "two\\" "three"#,
            "\"one\\\ntwo",
        ] {
            let (_, error) = error(open.as_bytes());
            assert_eq!(error, LineError::OpenQuote, "{open}");
        }
        for closed in [
            "",
            "don't",
            r#"one"two"#,
            r#""""#,
            "'' \"\"",
            "# don't",
            "one # \"two",
            r##""# one" "two"##,
            r#""one\\""#,
            r#""one\" two""#,
            r"'one\'s'",
            r#""one's""#,
            r#""one"two"#,
            "\"one\\\ntwo\"",
        ] {
            assert!(file(closed.as_bytes()).lines().is_ok(), "{closed}");
        }
    }

    #[test]
    fn names_the_line_at_fault() {
        assert_eq!(error(b"one\n\"two\nthree"), (2, LineError::OpenQuote));
        let long = [b'x'; MAX_LINE + 1];
        assert_eq!(error(&long), (1, LineError::TooLong(MAX_LINE)));
        assert_eq!(lines(&long[1..]).len(), 1);
    }

    #[test]
    fn tells_who_may_get_at_it() {
        let exposure = |mode| {
            PassphraseFile {
                content: Zeroizing::default(),
                mode,
            }
            .exposure()
        };
        for mode in [0o400, 0o600, 0o640, 0o440, 0o700, 0o710] {
            assert_eq!(exposure(0o100_000 | mode), None, "{mode:o}");
        }
        for mode in [0o644, 0o604, 0o777] {
            assert_eq!(exposure(0o100_000 | mode), Some(Exposure::Readable));
        }
        for mode in [0o660, 0o620, 0o602] {
            assert_eq!(exposure(0o100_000 | mode), Some(Exposure::Writable));
        }
    }

    #[test]
    fn reads_files_only() {
        let error = |path: &str| {
            PassphraseFile::read(Path::new(path))
                .map(|_| ())
                .unwrap_err()
        };
        assert!(matches!(error("/"), PassphraseFileError::Directory));
        assert!(matches!(error("/dev/null"), PassphraseFileError::NotAFile));
        assert!(matches!(
            error("/nosuch"),
            PassphraseFileError::Unreadable(_)
        ));
    }

    #[test]
    fn refuses_content_that_is_too_large() {
        let of = |size: u64| {
            let content = vec![b'x'; usize::try_from(size).unwrap()];
            PassphraseFile::new(Zeroizing::new(content), 0o600).map(|_| ())
        };
        assert!(of(MAX_FILE).is_ok());
        assert!(matches!(
            of(MAX_FILE + 1),
            Err(PassphraseFileError::TooLarge(MAX_FILE))
        ));
    }
}
