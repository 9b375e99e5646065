//! The text of a JWK Set in memory that the parent writes, and children read.
//!
//! | words | what they hold |
//! |---|---|
//! | 1 | the generation, which is odd while the text is written |
//! | 1 | bytes of the text |
//! | 2 | the fingerprint of the text |
//! | the rest | the text, and zeros |
//!
//! A reader copies the words, and looks at the generation again. A text that was replaced
//! meanwhile does not have its fingerprint.
//!
//! The text outlives the configuration in the parent: a child that was idle since the last change
//! may answer one more request after a graceful restart, and needs the keys of that change. The
//! system frees the memory when the last of these children ends, and hands it on as zeros.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use session_crypto_core::{Fingerprint, KeySet};
use zeroize::Zeroizing;

use crate::ffi::OneWay;

/// A text in a part of a mapping that several texts share.
pub(super) struct SharedText {
    memory: Arc<OneWay>,
    number: usize,
}

/// Words before the text.
const HEAD: usize = 4;

/// Words of a text, with those before it.
const WORDS: usize = HEAD + KeySet::MAX_TEXT / BYTES;

/// Bytes of a word.
const BYTES: usize = size_of::<u64>();

impl SharedText {
    /// Words of a mapping for so many texts.
    pub(super) fn words(count: usize) -> usize {
        count.saturating_mul(WORDS)
    }

    /// Takes a part of a mapping, by its number.
    pub(super) fn new(memory: Arc<OneWay>, number: usize) -> Self {
        Self { memory, number }
    }

    /// The generation of the text; it is 0 before the first [`SharedText::publish`].
    pub(super) fn generation(&self) -> u64 {
        let words = self.part().map(|part| part.generation);
        words.map_or(0, |generation| generation.load(Ordering::Acquire))
    }

    /// Replaces the text, and begins a new generation, whose number it returns.
    pub(super) fn publish(&self, text: &[u8]) -> u64 {
        let next = self.generation().saturating_add(2);
        self.write(text, next);
        next
    }

    /// Replaces the text by another one for those who have not read it yet.
    pub(super) fn rewrite(&self, text: &[u8]) {
        self.write(text, self.generation());
    }

    /// The text with its generation; `None` if it is being written.
    pub(super) fn read(&self) -> Option<(u64, Zeroizing<Vec<u8>>)> {
        let part = self.part()?;
        let generation = part.generation.load(Ordering::Acquire);
        let length = usize::try_from(part.length.load(Ordering::Relaxed)).ok()?;
        let words = length.min(KeySet::MAX_TEXT).div_ceil(BYTES);
        let mut text = Zeroizing::new(Vec::with_capacity(words.saturating_mul(BYTES)));
        for word in part.text.get(..words)? {
            text.extend_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        text.truncate(length);
        let fingerprint = part.fingerprint.each_ref();
        let fingerprint = fingerprint.map(|word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let is_whole = is_stable(generation)
            && part.generation.load(Ordering::Relaxed) == generation
            && Fingerprint::of([text.as_slice()]).words() == fingerprint;
        is_whole.then_some((generation, text))
    }

    fn write(&self, text: &[u8], generation: u64) {
        let words = self.memory.writable_words();
        let Some(part) = words.and_then(|words| self.part_of(words)) else {
            return;
        };
        let meanwhile = generation.saturating_sub(1) | 1;
        part.generation.store(meanwhile, Ordering::Relaxed);
        fence(Ordering::Release);
        let length = u64::try_from(text.len()).unwrap_or_default();
        let former = part.length.swap(length, Ordering::Relaxed);
        let words = Fingerprint::of([text]).words();
        for (slot, word) in part.fingerprint.iter().zip(words) {
            slot.store(word, Ordering::Relaxed);
        }
        let chunks = text.chunks(BYTES).map(|chunk| {
            let mut word = [0; BYTES];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            u64::from_ne_bytes(word)
        });
        let former = usize::try_from(former).unwrap_or(usize::MAX);
        let zeros = std::iter::repeat(0);
        let slots = part.text.iter();
        let used = former.max(text.len()).div_ceil(BYTES);
        for (slot, word) in slots.take(used).zip(chunks.chain(zeros)) {
            slot.store(word, Ordering::Relaxed);
        }
        part.generation.store(generation, Ordering::Release);
    }

    fn part(&self) -> Option<Part<'_>> {
        self.part_of(self.memory.words())
    }

    fn part_of<'m>(&self, words: &'m [AtomicU64]) -> Option<Part<'m>> {
        let words = words.get(Self::words(self.number)..)?.get(..WORDS)?;
        let ([generation, length, fingerprint @ ..], text) = words.split_first_chunk::<HEAD>()?;
        Some(Part {
            generation,
            length,
            fingerprint,
            text,
        })
    }
}

/// The words of one text.
struct Part<'m> {
    generation: &'m AtomicU64,
    length: &'m AtomicU64,
    fingerprint: &'m [AtomicU64; 2],
    text: &'m [AtomicU64],
}

/// Whether a text of this generation can be read.
fn is_stable(generation: u64) -> bool {
    generation % 2 == 0
}
