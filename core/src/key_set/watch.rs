//! The judgement of a file that changes.
//!
//! A file that is replaced by another one counts at once. A file that is written in place
//! counts when a second look finds it as the first did, because half of it may be written. A
//! mistake waits for a second look for the same reason.
//!
//! A write in place may leave the stamp of a file as it is, within a tick of the file system's
//! clock. So the text of a file that has just changed is compared at the next look too. A file
//! that is there, and that the system fails to read, is read again at each look.

use std::io;
use std::path::Path;

use crate::fingerprint::Fingerprint;
use crate::key_set::error::KeySetError;
use crate::key_set::file::KeySetFile;
use crate::key_set::key_set::KeySet;
use crate::passphrase::file::{Exposure, PassphraseFileError};
use crate::secret::stamp::Stamp;

/// The state of the looks at a file.
#[derive(Default)]
pub struct KeySetWatch {
    /// The file at the last look that counted.
    judged: Option<Judged>,
    /// The file at the last look, if that did not count.
    suspect: Option<Sight>,
}

/// A set of keys, with the access to its file that others should not have.
pub type GoodSet = (KeySet, Option<Exposure>);

/// The reason why a file has no keys to use.
#[derive(Debug)]
pub enum KeySetFlaw {
    /// The file cannot be read.
    File(PassphraseFileError),
    /// Its text is no JWK Set with a key that seals now.
    Set(KeySetError),
}

/// A file that a path names, or the reason why there is none.
type Sight = Result<Stamp, io::ErrorKind>;

/// A file that has been judged.
#[derive(Clone, Copy)]
struct Judged {
    sight: Sight,
    /// `None` if the text could not be read.
    text: Option<Fingerprint>,
    /// The next look reads the file again: its text may have changed since, and the stamp not,
    /// or the system failed to read it.
    is_open: bool,
}

impl Judged {
    fn new(sight: Sight, text: Option<Fingerprint>, now: u64) -> Self {
        Self {
            sight,
            text,
            is_open: sight.is_ok_and(|stamp| text.is_none() || stamp.is_recent(now)),
        }
    }
}

impl KeySetWatch {
    /// Makes the state after the first reading, which began at a Unix time in seconds.
    pub fn new(file: &KeySetFile, now: u64) -> Self {
        Self {
            judged: Some(Judged::new(Ok(file.stamp), Some(fingerprint(file)), now)),
            suspect: None,
        }
    }

    /// Has the next judgement be of the file as it is, also if it has not changed.
    pub fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// Looks at a file at a Unix time in seconds; `None` if it is as it was judged before, or
    /// cannot be judged yet.
    ///
    /// # Errors
    ///
    /// The file has no keys to use.
    pub fn judgement(&mut self, path: &Path, now: u64) -> Option<Result<GoodSet, KeySetFlaw>> {
        self.judgement_of(path, now)
    }

    fn judgement_of(
        &mut self,
        file: &(impl Watched + ?Sized),
        now: u64,
    ) -> Option<Result<GoodSet, KeySetFlaw>> {
        let sight = file.sight();
        let known = self.judged.filter(|judged| judged.sight == sight);
        if known.is_some_and(|known| !known.is_open) {
            self.suspect = None;
            return None;
        }
        let is_second = known.is_some() || self.suspect == Some(sight);
        self.suspect = Some(sight);
        let is_in_place = match (self.judged.map(|judged| judged.sight), sight) {
            (Some(Ok(judged)), Ok(file)) => judged.is_same_file(&file),
            _ => false,
        };
        if is_in_place && !is_second {
            return None;
        }
        let (text, outcome) = match file.read() {
            Ok(read) => {
                if Ok(read.stamp) != sight || file.sight() != sight {
                    return None;
                }
                let keys = read.keys(now).map_err(KeySetFlaw::Set);
                let outcome = keys.map(|keys| (keys, read.exposure()));
                (Some(fingerprint(&read)), outcome)
            }
            Err(error) => (None, Err(KeySetFlaw::File(error))),
        };
        if outcome.is_err() && !is_second {
            return None;
        }
        self.judged = Some(Judged::new(sight, text, now));
        self.suspect = None;
        let is_as_known = known.is_some_and(|known| known.text == text);
        (!is_as_known).then_some(outcome)
    }
}

fn fingerprint(file: &KeySetFile) -> Fingerprint {
    Fingerprint::of([file.text.as_slice()])
}

/// A file that changes.
trait Watched {
    fn sight(&self) -> Sight;

    fn read(&self) -> Result<KeySetFile, PassphraseFileError>;
}

impl Watched for Path {
    fn sight(&self) -> Sight {
        Stamp::of_path(self).map_err(|error| error.kind())
    }

    fn read(&self) -> Result<KeySetFile, PassphraseFileError> {
        KeySetFile::read(self)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use zeroize::Zeroizing;

    use super::*;

    /// The id of the only key, and the stamp. The text of `unread` cannot be read.
    struct Fake(&'static str, Stamp);

    impl Watched for Fake {
        fn sight(&self) -> Sight {
            Ok(self.1)
        }

        fn read(&self) -> Result<KeySetFile, PassphraseFileError> {
            let text = match self.0 {
                "unread" => return Err(PassphraseFileError::Unreadable("EIO".to_owned())),
                "" => String::new(),
                kid => format!(
                    r#"{{"keys":[{{"kty":"oct","kid":"{kid}","k":"AAAAAAAAAAAAAAAAAAAAAA"}}]}}"#
                ),
            };
            Ok(KeySetFile::of_text(Zeroizing::new(text.into()), self.1))
        }
    }

    /// The looks of a test, and the id of the key that a look brings, or `wrong`.
    #[derive(Default)]
    struct Looks(KeySetWatch);

    impl Looks {
        fn at(&mut self, now: u64, file: &Fake) -> Option<String> {
            let outcome = self.0.judgement_of(file, now)?;
            Some(match outcome {
                Ok((keys, _)) => keys.keys().next().unwrap().id().to_string(),
                Err(_) => "wrong".to_owned(),
            })
        }
    }

    fn first() -> (Looks, Fake) {
        let file = Fake("one", Stamp::at(1, 100));
        (Looks(KeySetWatch::new(&file.read().unwrap(), 100)), file)
    }

    #[test]
    fn sees_a_write_that_leaves_the_stamp() {
        for text in ["two", ""] {
            let (mut looks, file) = first();
            assert_eq!(looks.at(101, &file), None);
            let expected = if text.is_empty() { "wrong" } else { text };
            let file = Fake(text, file.1);
            assert_eq!(looks.at(110, &file).as_deref(), Some(expected));
            assert_eq!(looks.at(120, &file), None, "once");
        }
    }

    #[test]
    fn says_of_each_change_once_what_it_is() {
        let (mut looks, file) = first();
        // As with a clock that is behind, the file stays recent.
        for _ in 0..3 {
            assert_eq!(looks.at(50, &file), None);
        }
        let wrong = Fake("", Stamp::at(1, 105));
        let said: Vec<_> = (0..4).map(|_| looks.at(50, &wrong)).collect();
        assert_eq!(said, [None, Some("wrong".to_owned()), None, None]);
        let right = Fake("two", Stamp::at(2, 106));
        let said: Vec<_> = (0..3).map(|_| looks.at(50, &right)).collect();
        assert_eq!(said, [Some("two".to_owned()), None, None]);
    }

    #[test]
    fn reads_a_file_no_more_when_it_is_old() {
        let (mut looks, file) = first();
        assert_eq!(looks.at(110, &file), None);
        let other = Fake("two", file.1);
        assert_eq!(looks.at(120, &other), None);
    }

    #[test]
    fn a_file_that_the_system_failed_to_read_is_read_until_it_can_be() {
        let (mut looks, _) = first();
        let unread = Fake("unread", Stamp::at(2, 200));
        let said: Vec<_> = (1..5)
            .map(|look| looks.at(200 + 10 * look, &unread))
            .collect();
        assert_eq!(said, [None, Some("wrong".to_owned()), None, None]);
        let read = Fake("two", Stamp::at(2, 200));
        let said: Vec<_> = (5..8)
            .map(|look| looks.at(200 + 10 * look, &read))
            .collect();
        assert_eq!(said, [Some("two".to_owned()), None, None]);
    }

    #[test]
    fn a_file_in_place_and_a_mistake_wait_for_a_second_look() {
        let (mut looks, _) = first();
        let in_place = Fake("two", Stamp::at(1, 200));
        assert_eq!(looks.at(210, &in_place), None);
        assert_eq!(looks.at(220, &in_place).as_deref(), Some("two"));
        let mistake = Fake("", Stamp::at(2, 300));
        assert_eq!(looks.at(310, &mistake), None);
        assert_eq!(looks.at(320, &mistake).as_deref(), Some("wrong"));
        let replaced = Fake("three", Stamp::at(3, 400));
        assert_eq!(looks.at(410, &replaced).as_deref(), Some("three"));
        looks.0.begin_anew();
        assert_eq!(looks.at(420, &replaced).as_deref(), Some("three"));
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_waits_for_another_look() {
        struct Changing(Fake, Cell<u32>);

        impl Watched for Changing {
            fn sight(&self) -> Sight {
                self.1.set(self.1.get() + 1);
                Ok(Stamp::at(2, 200 + i64::from(self.1.get())))
            }

            fn read(&self) -> Result<KeySetFile, PassphraseFileError> {
                self.0.read()
            }
        }

        let (mut looks, _) = first();
        let file = Changing(Fake("two", Stamp::at(2, 201)), Cell::new(0));
        assert!(looks.0.judgement_of(&file, 210).is_none());
        let still = Fake("two", Stamp::at(2, 203));
        assert_eq!(looks.at(220, &still).as_deref(), Some("two"));
    }
}
