//! A look at a session, for hooks that have nothing to do for most sessions.

use std::ptr;

use super::bindings::{request_rec, session_rec};
use super::guard;
use super::module::Module;
use super::request::Request;
use super::session_notes::Notes;
use super::session_record;

/// A session of a request that no other one led to, with the notes on it.
pub(super) struct Quick<'r, M: Module> {
    request: Request<'r>,
    session: *mut session_rec,
    notes: &'r NotesOf<M>,
}

type NotesOf<M> = Notes<<M as Module>::Realm, <M as Module>::SessionNote>;

/// Looks at a session; `None` if it takes a view to find the notes on it.
///
/// # Safety
///
/// `r` and `z` are a request and a session as mod_session passes them to its hooks, both
/// live for `'r`, and no view of the session is in use meanwhile.
pub(super) unsafe fn look<'r, M: Module>(
    r: *mut request_rec,
    z: *mut session_rec,
) -> Option<Quick<'r, M>> {
    // SAFETY: the caller promises a request, which lives until the hook returns.
    let request = unsafe { Request::from_raw(r) }?;
    if request.has_origin() {
        return None;
    }
    // SAFETY: the slot has NULL, or the notes that `Session::begin` made in the pool of the
    // request, with the types of this module. The caller promises that no view changes them.
    let notes = unsafe {
        request
            .own_session_notes::<M>()?
            .cast::<NotesOf<M>>()
            .as_ref()
    }?;
    Some(Quick {
        request,
        session: z,
        notes,
    })
    .filter(|quick| quick.notes.record.as_ptr() == z)
}

impl<M: Module> Quick<'_, M> {
    /// Whether the text of a token came into the record, or another request asks for it
    /// than before, and the module has not looked.
    pub(super) fn is_news(&self) -> bool {
        let told = self.notes.told.get();
        self.notes.is_opened.get() || !ptr::eq(told, self.request.as_ptr())
    }

    /// Notes that the module has nothing to look at.
    pub(super) fn pass_over(&self) {
        self.notes.is_opened.set(false);
        self.notes.told.set(self.request.as_ptr());
    }

    /// Whether the module has nothing to do for the session: it keeps nothing in it, and the
    /// section wants nothing of it.
    #[inline]
    #[cfg_attr(feature = "planted-panics", track_caller)]
    pub(super) fn is_idle(&self) -> bool {
        // SAFETY: `look` demands a session that nobody changes meanwhile.
        if unsafe { session_record::has_entry(self.session, M::ENTRY) } {
            return false;
        }
        let is_idle = guard::catch(|| {
            // SAFETY: the configuration of a request is in force until its end.
            let state = unsafe { M::module_record().state() }?;
            let config = self.request.known_config::<M>()?;
            Some(M::is_idle(state, config, &self.notes.about.note))
        });
        is_idle.flatten().unwrap_or_default()
    }
}
