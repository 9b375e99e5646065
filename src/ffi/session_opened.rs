//! The notes of a module on a session, from the token to the answer.

use std::ffi::CStr;
use std::ptr;

use super::request::Request;
use super::session::Session;

impl<'r, K: Copy + PartialEq + 'static, N: Copy + Default + 'static> Session<'r, K, N> {
    /// Notes that mod_session reads the text of a token next, and the module has to take
    /// note of it.
    pub(crate) fn mark_opened(&mut self) {
        if let Some(notes) = self.notes() {
            notes.is_opened.set(true);
        }
    }

    /// Notes that the module is told of the session in a request; answers whether there is
    /// news for it: the text of a token, or another request than before.
    pub(super) fn note_told(&self, request: Request<'_>) -> bool {
        self.notes().is_some_and(|notes| {
            let told = notes.told.replace(request.as_ptr());
            notes.is_opened.get() || !ptr::eq(told, request.as_ptr())
        })
    }

    /// Whether mod_session has read the text of a token just now; the next call answers
    /// no.
    pub(crate) fn take_opened(&mut self) -> bool {
        self.notes().is_some_and(|notes| notes.is_opened.take())
    }

    /// The token that the request brought.
    pub(crate) fn brought(&self) -> Option<&'r CStr> {
        let brought = self.notes()?.brought;
        // SAFETY: NULL, which is tested first, or a C string that lives as long as the
        // session (`begin`).
        (!brought.is_null()).then(|| unsafe { CStr::from_ptr(brought) })
    }

    /// The module's note on the contents of the realm that asks.
    pub(crate) fn note(&self) -> N {
        self.noted().copied().unwrap_or_default()
    }

    /// The same, where it is; `None` if there is none.
    pub(crate) fn noted(&self) -> Option<&N> {
        self.notes().map(|notes| &notes.about.note)
    }

    /// Replaces the module's note on these contents.
    pub(crate) fn set_note(&mut self, note: N) {
        if let Some(notes) = self.notes_mut() {
            notes.about.note = note;
        }
    }
}
