//! The name of one key in memory that processes share.
//!
//! | words | what they hold |
//! |---|---|
//! | 1 | the claim: a number that stands for the key; 0 in a free entry |
//! | 1 | the check: a fingerprint of the name |
//! | 1 | the kind of the key |
//! | 1 | since when the key is counted, in Unix seconds |
//! | 1 | the last configuration that has the key |
//! | 1 | the last configuration that seals with it |
//! | 2 | bytes of the id, and bytes of the place |
//! | 8 | the id |
//! | 48 | the place |
//!
//! A name that is torn, because another process writes it or has died while it did, does not
//! have its check. It is written again when the key is named next.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::key::{CountedKey, SecretKind};
use crate::counters::layout::ENTRY;
use crate::fingerprint::Fingerprint;

/// One entry, whose words other processes change at any time.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'m> {
    claim: &'m AtomicU64,
    check: &'m AtomicU64,
    kind: &'m AtomicU64,
    since: &'m AtomicU64,
    configured: &'m AtomicU64,
    seals: &'m AtomicU64,
    kid_length: &'m AtomicU64,
    place_length: &'m AtomicU64,
    kid: &'m [AtomicU64],
    place: &'m [AtomicU64],
}

/// The name of a key, as an entry has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) kind: SecretKind,
    pub(crate) kid: Option<String>,
    pub(crate) place: String,
    pub(crate) since: u64,
}

/// The outcome of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The entry was free.
    New,
    /// The entry has the key already.
    Before,
    /// The entry has another key.
    Taken,
}

/// Words of a key id.
const KID: usize = 8;

/// Bytes of a word.
const BYTES: usize = size_of::<u64>();

impl<'m> Entry<'m> {
    /// Takes the words of an entry.
    pub(crate) fn new(words: &'m [AtomicU64]) -> Option<Self> {
        let words = words.first_chunk::<ENTRY>()?;
        let [
            claim,
            check,
            kind,
            since,
            configured,
            seals,
            kid_length,
            place_length,
            texts @ ..,
        ] = words;
        let (kid, place) = texts.split_at_checked(KID)?;
        Some(Self {
            claim,
            check,
            kind,
            since,
            configured,
            seals,
            kid_length,
            place_length,
            kid,
            place,
        })
    }

    /// The number of the key that has this entry; 0 if the entry is free.
    pub(crate) fn claim(&self) -> u64 {
        self.claim.load(Ordering::Acquire)
    }

    /// Takes the entry for the key with a number, unless it has another key.
    pub(crate) fn take(&self, key: u64) -> Claimed {
        match self.replace(0, key) {
            Ok(()) => Claimed::New,
            Err(other) if other == key => Claimed::Before,
            Err(_) => Claimed::Taken,
        }
    }

    /// Gives the entry of one key to another.
    ///
    /// # Errors
    ///
    /// The entry has a third key, whose number this is.
    pub(crate) fn replace(&self, former: u64, key: u64) -> Result<(), u64> {
        let claim = self.claim;
        let replaced = claim.compare_exchange(former, key, Ordering::AcqRel, Ordering::Acquire);
        replaced.map(|_| ())
    }

    /// Writes the name of the key with a number, unless it is there. The key is counted since
    /// `now` if it had no name, and keeps its id if it is named without one.
    pub(crate) fn write(&self, number: u64, key: &CountedKey<'_>, now: u64) {
        let known = self.read();
        let known_kid = known.as_ref().and_then(|known| known.kid.clone());
        let name = Name {
            kind: key.kind,
            kid: key.kid.map(str::to_owned).or(known_kid),
            place: shortened(key.place, self.place.len().saturating_mul(BYTES)),
            since: known.as_ref().map_or(now, |known| known.since),
        };
        if known.as_ref() != Some(&name) {
            self.set(number, &name);
        }
    }

    /// Writes the id of the key, if its name is there.
    pub(crate) fn write_kid(&self, kid: &str) {
        if let Some(name) = self.read() {
            let kid = Some(kid.to_owned());
            self.set(self.claim(), &Name { kid, ..name });
        }
    }

    fn set(&self, number: u64, name: &Name) {
        self.kind.store(name.kind.number(), Ordering::Relaxed);
        self.since.store(name.since, Ordering::Relaxed);
        write(self.kid, self.kid_length, name.kid());
        write(self.place, self.place_length, &name.place);
        self.check.store(name.check(number), Ordering::Relaxed);
    }

    /// The name of the key; `None` if it is torn, or not written.
    pub(crate) fn read(&self) -> Option<Name> {
        let name = Name {
            kind: SecretKind::of_number(self.kind.load(Ordering::Relaxed))?,
            kid: Some(read(self.kid, self.kid_length)).filter(|kid| !kid.is_empty()),
            place: read(self.place, self.place_length),
            since: self.since.load(Ordering::Relaxed),
        };
        let check = self.check.load(Ordering::Relaxed);
        (name.check(self.claim()) == check).then_some(name)
    }

    /// Since when the key is counted.
    pub(crate) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// The last configuration that has the key; 0 without one.
    pub(crate) fn configured(&self) -> u64 {
        self.configured.load(Ordering::Relaxed)
    }

    pub(crate) fn set_configured(&self, configuration: u64) {
        self.configured.store(configuration, Ordering::Relaxed);
    }

    /// The last configuration that seals with the key; 0 without one.
    pub(crate) fn seals(&self) -> u64 {
        self.seals.load(Ordering::Relaxed)
    }

    pub(crate) fn set_seals(&self, configuration: u64) {
        self.seals.store(configuration, Ordering::Relaxed);
    }
}

impl Name {
    fn kid(&self) -> &str {
        self.kid.as_deref().unwrap_or_default()
    }

    /// A fingerprint of the name, and of the number of its key.
    fn check(&self, number: u64) -> u64 {
        let numbers = [number, self.kind.number(), self.since];
        let numbers = numbers.map(u64::to_ne_bytes);
        let texts = [self.kid().as_bytes(), self.place.as_bytes()];
        let parts = numbers.iter().map(<[u8; 8]>::as_slice).chain(texts);
        let [check, _] = Fingerprint::of(parts).words();
        check
    }
}

/// The end of a text, with "..." before it, if the text has no room.
fn shortened(text: &str, room: usize) -> String {
    const CUT: &str = "...";
    let Some(excess) = text.len().checked_sub(room).filter(|excess| *excess > 0) else {
        return text.to_owned();
    };
    let least = excess.saturating_add(CUT.len());
    let ends = text.char_indices().map(|(start, _)| start);
    let start = ends.filter(|start| *start >= least).min();
    let end = start.and_then(|start| text.get(start..));
    [CUT, end.unwrap_or_default()].concat()
}

/// Writes a text that has room.
fn write(words: &[AtomicU64], length: &AtomicU64, text: &str) {
    let chunks = text.as_bytes().chunks(BYTES).map(|chunk| {
        let mut word = [0; BYTES];
        let bytes = word.iter_mut().zip(chunk);
        bytes.for_each(|(to, from)| *to = *from);
        u64::from_ne_bytes(word)
    });
    for (word, value) in words.iter().zip(chunks) {
        word.store(value, Ordering::Relaxed);
    }
    let count = u64::try_from(text.len()).unwrap_or_default();
    length.store(count, Ordering::Relaxed);
}

/// Reads a text, which may be torn.
fn read(words: &[AtomicU64], length: &AtomicU64) -> String {
    let length = usize::try_from(length.load(Ordering::Relaxed)).unwrap_or_default();
    let mut bytes: Vec<u8> = words
        .iter()
        .take(length.div_ceil(BYTES))
        .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
        .collect();
    bytes.truncate(length);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_memory::leaked;

    fn key<'n>(kid: Option<&'n str>, place: &'n str) -> CountedKey<'n> {
        CountedKey {
            kind: SecretKind::Set,
            identity: Fingerprint::default(),
            kid,
            place,
        }
    }

    #[test]
    fn reads_what_was_written() {
        let entry = Entry::new(leaked(ENTRY)).unwrap();
        assert_eq!(entry.take(7), Claimed::New);
        assert_eq!(entry.read(), None);
        let longest = "k".repeat(64);
        for (kid, place) in [
            (None, ""),
            (Some("2026-11"), "/etc/httpd/keys.jwks"),
            (Some(longest.as_str()), "/etc/httpd/passphrases line 3"),
        ] {
            entry.write(7, &key(kid, place), 100);
            let name = entry.read().unwrap();
            assert_eq!((name.kid.as_deref(), name.place.as_str()), (kid, place));
            assert_eq!((name.kind, name.since), (SecretKind::Set, 100));
        }
        // A key that is named without its id keeps the one that is known.
        entry.write_kid("2026-12");
        entry.write(7, &key(None, "/etc/h\u{e4}"), 100);
        let name = entry.read().unwrap();
        assert_eq!(name.kid.as_deref(), Some("2026-12"));
        assert_eq!((name.place.as_str(), name.since), ("/etc/h\u{e4}", 100));
        assert_eq!(entry.take(7), Claimed::Before);
        assert_eq!(entry.take(8), Claimed::Taken);
    }

    #[test]
    fn the_end_of_a_long_place_is_kept() {
        let entry = Entry::new(leaked(ENTRY)).unwrap();
        entry.take(7);
        for long in ["/".repeat(500), "\u{e4}".repeat(500)] {
            let long = [&long, " line 3"].concat();
            entry.write(7, &key(None, &long), 100);
            let place = entry.read().unwrap().place;
            assert!(place.len() <= 384 && place.len() > 380, "{}", place.len());
            let end = place.strip_prefix("...").unwrap();
            assert!(long.ends_with(end) && end.ends_with(" line 3"), "{place}");
        }
    }

    #[test]
    fn the_name_of_another_key_is_not_read() {
        let entry = Entry::new(leaked(ENTRY)).unwrap();
        entry.take(7);
        entry.write(7, &key(None, "former"), 100);
        assert_eq!(entry.replace(6, 8), Err(7));
        assert_eq!(entry.replace(7, 8), Ok(()));
        assert_eq!(entry.read(), None);
        entry.write(8, &key(None, "later"), 200);
        assert_eq!(entry.read().unwrap().place, "later");
    }

    #[test]
    fn readers_beside_a_writer_see_no_torn_name() {
        let words = leaked(ENTRY);
        let entry = Entry::new(words).unwrap();
        entry.take(7);
        let places = ["a".repeat(200), "b".repeat(300)];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for place in places.iter().cycle().take(20_000) {
                    entry.write(7, &key(None, place), 100);
                }
            });
            for _ in 0..20_000 {
                if let Some(name) = Entry::new(words).unwrap().read() {
                    assert!(places.contains(&name.place), "{}", name.place);
                }
            }
        });
    }
}
