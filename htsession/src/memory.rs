//! The memory of one session, freed before the next.

use std::mem::MaybeUninit;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use session_crypto_core::{Arena, Text, Writer};

/// An arena that is emptied after each session, so that a million of them need no more
/// than one.
#[derive(Default)]
pub(crate) struct Memory(Bump);

impl Memory {
    /// Frees all that was allocated.
    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }
}

impl<'m> Arena<'m> for &'m Memory {
    type Writer = MemoryWriter<'m>;

    fn bytes(&self, len: usize) -> &'m mut [MaybeUninit<u8>] {
        self.0.alloc_slice_fill_with(len, |_| MaybeUninit::uninit())
    }

    fn writer(&self, len: usize) -> MemoryWriter<'m> {
        MemoryWriter {
            text: BumpVec::with_capacity_in(len.saturating_add(1), &self.0),
            len,
        }
    }
}

/// The writer of a [`Memory`].
pub(crate) struct MemoryWriter<'m> {
    text: BumpVec<'m, u8>,
    len: usize,
}

impl<'m> Writer<'m> for MemoryWriter<'m> {
    fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]> {
        let mut room = Box::new_uninit_slice(len);
        let start = self.text.len();
        self.text.extend_from_slice(write(&mut room)?);
        self.text
            .get_mut(start..)
            .filter(|bytes| bytes.len() == len)
    }

    fn finish(mut self) -> Option<Text<'m>> {
        let is_full = self.text.len() == self.len;
        self.text.push(0);
        is_full.then(|| Text::new(self.text.into_bump_slice()))?
    }
}
