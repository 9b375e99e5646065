//! The sections that requests of a server may be in together.

use crate::ffi::{Inherit, Server};

/// Each section of a server, with those that every request in it is in, in the order in
/// which httpd merges them; and requests outside of every section, if there are any.
pub(super) fn chains<'a, C: Inherit>(
    server: &'a Server<'_, C>,
) -> impl Iterator<Item = (Option<usize>, Vec<usize>)> + 'a {
    let indices = 0..server.sections.len();
    let is_everywhere = |index: &usize| {
        let section = server.sections.get(*index);
        section.is_some_and(|section| section.is_everywhere())
    };
    let everywhere: Vec<_> = indices.clone().filter(is_everywhere).collect();
    // No request is outside of a section that every request is in.
    let outside = everywhere.is_empty().then_some((None, Vec::new()));
    let sections = indices.map(move |index| (Some(index), chain(server, index, &everywhere)));
    sections.chain(outside)
}

/// The sections that every request in one section is in; `everywhere` are those that every
/// request is in.
fn chain<C: Inherit>(server: &Server<'_, C>, index: usize, everywhere: &[usize]) -> Vec<usize> {
    let inner = server.chain(index);
    let others = everywhere.iter().filter(|other| !inner.contains(other));
    let (before, after): (Vec<_>, Vec<_>) = others
        .copied()
        .partition(|other| server.is_before(*other, index));
    [before, inner, after].concat()
}
