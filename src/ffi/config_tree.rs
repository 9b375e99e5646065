//! The configuration as it was written: for settings that other modules keep
//! private.

use std::ffi::{CStr, c_char};

use super::bindings::{self, ap_directive_t};
use super::line::Line;

/// A directive, or a section with the directives in it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'c>(&'c ap_directive_t);

/// Hands the nodes outside of every section to `with`, from the configuration
/// that was read last.
pub(crate) fn with_nodes<R>(with: impl FnOnce(Nodes<'_>) -> R) -> R {
    // SAFETY: httpd sets the tree when it has read the configuration, and does
    // not change it while a hook of startup runs (server/main.c).
    let first = unsafe { bindings::ap_conftree };
    // SAFETY: NULL, or the first node of that tree, which stays while `with`
    // runs for the same reason.
    with(Nodes(unsafe { first.as_ref() }))
}

/// The nodes that stand side by side in one section.
#[derive(Clone, Copy)]
pub(crate) struct Nodes<'c>(Option<&'c ap_directive_t>);

impl<'c> Iterator for Nodes<'c> {
    type Item = Node<'c>;

    fn next(&mut self) -> Option<Node<'c>> {
        let node = self.0?;
        // SAFETY: util_cfgtree.h promises the next node of the same tree, or NULL.
        self.0 = unsafe { node.next.cast_const().as_ref() };
        Some(Node(node))
    }
}

impl<'c> Node<'c> {
    /// Whether it is this directive, or begins this section: `<Location`.
    pub(crate) fn is(self, name: &str) -> bool {
        // SAFETY: util_cfgtree.h promises a C string of the tree, or NULL.
        let own = unsafe { text(self.0.directive) };
        own.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The text after the directive's name.
    pub(crate) fn arguments(self) -> &'c [u8] {
        // SAFETY: util_cfgtree.h promises a C string of the tree, or NULL.
        unsafe { text(self.0.args) }
    }

    /// The nodes in this section.
    pub(crate) fn nodes(self) -> Nodes<'c> {
        // SAFETY: util_cfgtree.h promises the first node of the section, or NULL.
        Nodes(unsafe { self.0.first_child.cast_const().as_ref() })
    }

    /// The line on which it stands.
    pub(crate) fn line(self) -> Line {
        // SAFETY: the node belongs to the tree of a configuration that has been
        // read, as `with_nodes` sees to.
        unsafe { Line::of(self.0) }
    }
}

/// The bytes of a C string; none for NULL.
///
/// # Safety
///
/// `raw` is NULL, or a C string that lives for `'c`.
unsafe fn text<'c>(raw: *const c_char) -> &'c [u8] {
    if raw.is_null() {
        return &[];
    }
    // SAFETY: not NULL, so a C string that lives for 'c, as the caller promises.
    unsafe { CStr::from_ptr(raw) }.to_bytes()
}
