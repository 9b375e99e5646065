//! The configuration as it was written: for settings that other modules keep
//! private.

use std::borrow::Cow;
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

    /// Tells the lines of a tree apart.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.0).addr()
    }

    /// The text after the directive's name.
    pub(crate) fn arguments(self) -> &'c [u8] {
        // SAFETY: util_cfgtree.h promises a C string of the tree, or NULL.
        unsafe { text(self.0.args) }
    }

    /// The value of a directive that is on or off.
    pub(crate) fn flag(self) -> Option<bool> {
        let word = self.words().next()?;
        if word.eq_ignore_ascii_case(b"on") {
            Some(true)
        } else {
            word.eq_ignore_ascii_case(b"off").then_some(false)
        }
    }

    /// The words after the directive's name, as httpd splits them.
    pub(crate) fn words(self) -> impl Iterator<Item = Cow<'c, [u8]>> {
        let mut rest = self.arguments();
        std::iter::from_fn(move || {
            let (word, after) = split_word(rest)?;
            rest = after;
            Some(word)
        })
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

/// Splits the first word off a line, without its quotes and backslashes
/// (server/util.c, `ap_getword_conf`); `None` if there is none.
pub(super) fn split_word(line: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let line = line.trim_ascii_start();
    let quote = *line.first()?;
    if quote != b'"' && quote != b'\'' {
        let end = line.iter().position(u8::is_ascii_whitespace);
        let (word, rest) = line.split_at_checked(end.unwrap_or(line.len()))?;
        return Some((without_backslashes(word, b'\\'), rest));
    }
    let body = line.get(1..)?;
    let (mut end, mut is_escaped) = (body.len(), false);
    for (at, byte) in body.iter().enumerate() {
        if is_escaped {
            is_escaped = false;
        } else if *byte == quote {
            end = at;
            break;
        } else {
            let next = body.get(at.saturating_add(1));
            is_escaped = *byte == b'\\' && next.is_some_and(|next| [quote, b'\\'].contains(next));
        }
    }
    let (word, rest) = body.split_at_checked(end)?;
    Some((
        without_backslashes(word, quote),
        rest.get(1..).unwrap_or_default(),
    ))
}

/// Takes out each backslash before another one, or before `quote`.
fn without_backslashes(word: &[u8], quote: u8) -> Cow<'_, [u8]> {
    if !word.contains(&b'\\') {
        return Cow::Borrowed(word);
    }
    let (mut bytes, mut plain) = (word.iter().peekable(), Vec::new());
    while let Some(byte) = bytes.next() {
        let next = bytes.next_if(|next| *byte == b'\\' && [quote, b'\\'].contains(next));
        plain.push(*next.unwrap_or(byte));
    }
    Cow::Owned(plain)
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
