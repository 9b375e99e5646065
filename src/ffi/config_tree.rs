//! The lines of a configuration as they were written, for what other modules
//! keep to themselves.

use std::ffi::{CStr, c_char};

use super::bindings::{self, ap_directive_t};
use super::directive::Place;

/// A line, or a section with the lines in it.
#[derive(Clone, Copy)]
pub(crate) struct Line<'c>(&'c ap_directive_t);

/// Hands the lines outside of every section to `with`: those of the
/// configuration that was read last.
pub(crate) fn with_lines<R>(with: impl FnOnce(Lines<'_>) -> R) -> R {
    // SAFETY: httpd sets the tree when it has read the configuration, and does
    // not change it while a hook of startup runs (server/main.c).
    let first = unsafe { bindings::ap_conftree };
    // SAFETY: NULL, or the first line of the tree.
    with(Lines(unsafe { first.as_ref() }))
}

/// Lines that stand side by side.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'c>(Option<&'c ap_directive_t>);

impl<'c> Iterator for Lines<'c> {
    type Item = Line<'c>;

    fn next(&mut self) -> Option<Line<'c>> {
        let line = self.0?;
        // SAFETY: the next line of the tree, or NULL (util_cfgtree.h).
        self.0 = unsafe { line.next.cast_const().as_ref() };
        Some(Line(line))
    }
}

impl<'c> Line<'c> {
    /// Whether it is this directive, or begins this section: `<Location`.
    pub(crate) fn is(self, name: &str) -> bool {
        // SAFETY: a C string of the tree, or NULL (util_cfgtree.h).
        let own = unsafe { text(self.0.directive) };
        own.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The text after the directive's name.
    pub(crate) fn arguments(self) -> &'c [u8] {
        // SAFETY: as above.
        unsafe { text(self.0.args) }
    }

    /// The lines in this section.
    pub(crate) fn lines(self) -> Lines<'c> {
        // SAFETY: the first line of the section, or NULL (util_cfgtree.h).
        Lines(unsafe { self.0.first_child.cast_const().as_ref() })
    }

    /// Where it stands.
    pub(crate) fn place(self) -> Place {
        // SAFETY: a line of the tree.
        unsafe { Place::of(self.0) }
    }
}

/// # Safety
///
/// NULL, or a C string that lives for `'c`.
unsafe fn text<'c>(raw: *const c_char) -> &'c [u8] {
    if raw.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(raw) }.to_bytes()
}
