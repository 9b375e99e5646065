//! The memory of one session, freed before the next.

use std::mem::MaybeUninit;

use bumpalo::Bump;
use session_crypto_core::{Arena, SliceWriter};

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
    type Writer = SliceWriter<'m>;

    fn bytes(&self, len: usize) -> &'m mut [MaybeUninit<u8>] {
        self.0.alloc_slice_fill_with(len, |_| MaybeUninit::uninit())
    }

    fn writer(&self, len: usize) -> SliceWriter<'m> {
        SliceWriter::new(self.0.alloc_slice_fill_copy(len.saturating_add(1), 0))
    }
}
