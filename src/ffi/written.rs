//! The servers and their sections as they were written, with all lines that stand there.
//!
//! httpd's own structures have what a line set, but not the line, and other modules keep
//! their settings to themselves. The configuration tree has every line. `.htaccess` files
//! are missing here as well, and so are sections that other modules define, without
//! `<Proxy>`.

use std::borrow::Cow;

use super::config_tree::{Node, Nodes};
use super::dir_config::Inherit;
use super::server::{Definition, Kind, Section, Server};

/// Sections inside sections that are read.
const DEPTH: usize = 16;

/// Hands to `each` every server and virtual host: the main server, and then the virtual
/// hosts in the order of their lines.
///
/// `read` changes the settings of a section as one of its lines says.
pub(crate) fn for_each_server<'c, C: Inherit>(
    nodes: Nodes<'c>,
    read: impl Fn(&mut C, Node<'c>),
    mut each: impl FnMut(&Server<'c, C>),
) {
    let main = SectionLines::read(Kind::Directory, None, nodes, &read, 0);
    let last = main.hosts.len();
    let stands_behind = !main.hosts.is_empty();
    each(&main.server(None, stands_behind, !stands_behind));
    for (number, host) in (1..).zip(&main.hosts) {
        let host = SectionLines::read(Kind::Directory, None, host.nodes(), &read, 0);
        each(&main.server(Some(&host), false, number == last));
    }
}

/// The lines of a section, or those outside of every section.
struct SectionLines<'c, C> {
    kind: Kind,
    path: Option<&'c [u8]>,
    config: C,
    has_sessions: Option<bool>,
    inner: Vec<Self>,
    hosts: Vec<Node<'c>>,
}

impl<'c, C: Inherit> SectionLines<'c, C> {
    fn read(
        kind: Kind,
        path: Option<&'c [u8]>,
        nodes: Nodes<'c>,
        read: &impl Fn(&mut C, Node<'c>),
        depth: usize,
    ) -> Self {
        let mut lines = Self {
            kind,
            path,
            config: C::default(),
            has_sessions: None,
            inner: Vec::new(),
            hosts: Vec::new(),
        };
        lines.add(nodes, read, depth);
        lines
    }

    fn add(&mut self, nodes: Nodes<'c>, read: &impl Fn(&mut C, Node<'c>), depth: usize) {
        if depth > DEPTH {
            return;
        }
        let deeper = depth.saturating_add(1);
        for node in nodes {
            if let Some((kind, path)) = section(node) {
                let inner = Self::read(kind, path, node.nodes(), read, deeper);
                self.inner.push(inner);
            } else if node.is("<VirtualHost") {
                self.hosts.push(node);
            } else if node.is("<Limit") || node.is("<LimitExcept") {
                self.add(node.nodes(), read, deeper);
            } else {
                if node.is("Session") {
                    self.has_sessions = node.flag();
                }
                read(&mut self.config, node);
            }
        }
    }

    /// Makes the main server, or a virtual host in it.
    fn server(&self, host: Option<&Self>, stands_behind: bool, is_last: bool) -> Server<'c, C> {
        let outer = host.map_or(self.config, |host| C::merge(&self.config, &host.config));
        let has_sessions = host.and_then(|host| host.has_sessions);
        let inner = host.map_or(&[][..], |host| &host.inner);
        Server {
            outer,
            has_sessions: has_sessions.or(self.has_sessions).unwrap_or_default(),
            // Their checks read httpd's own structures.
            handler: None,
            is_https: false,
            sections: sections(self.inner.iter().chain(inner)),
            stands_behind,
            is_default: host.is_none(),
            is_last,
            defined: Definition {
                file: None,
                line: 0,
            },
            // Only `are_likely_to_meet` needs it, which is not asked here.
            document_root: None,
        }
    }
}

/// Lists sections, and after them those that stand inside of them.
fn sections<'a, 'c: 'a, C: Inherit + 'a>(
    lines: impl Iterator<Item = &'a SectionLines<'c, C>>,
) -> Vec<Section<'c, C>> {
    let mut lines: Vec<_> = lines.map(|lines| (lines, None)).collect();
    let (mut sections, mut index) = (Vec::new(), 0_usize);
    while let Some((own, around)) = lines.get(index).copied() {
        lines.extend(own.inner.iter().map(|inner| (inner, Some(index))));
        sections.push(Section {
            config: Some(own.config),
            has_sessions: own.has_sessions,
            handler: None,
            around,
            kind: own.kind,
            path: own.path,
        });
        index = index.saturating_add(1);
    }
    sections
}

/// The kind and the path of a section; `None` if the node begins none that a request may
/// be in.
fn section(node: Node<'_>) -> Option<(Kind, Option<&[u8]>)> {
    let is = |names: &[&str]| names.iter().any(|name| node.is(name));
    if is(&["<Directory"]) {
        Some((Kind::Directory, path(node).filter(|path| !is_pattern(path))))
    } else if is(&["<Location"]) {
        Some((Kind::Location, path(node).filter(|path| !is_pattern(path))))
    } else if is(&["<DirectoryMatch"]) {
        Some((Kind::Directory, None))
    } else if is(&["<LocationMatch", "<Proxy", "<ProxyMatch"]) {
        Some((Kind::Location, None))
    } else if is(&["<Files", "<FilesMatch"]) {
        Some((Kind::Files, None))
    } else if is(&["<If", "<ElseIf", "<Else"]) {
        Some((Kind::If, None))
    } else {
        None
    }
}

/// The path of a section: an absolute one.
fn path(node: Node<'_>) -> Option<&[u8]> {
    let arguments = node.arguments().trim_ascii_end();
    let path = first_word(arguments.strip_suffix(b">").unwrap_or(arguments))?;
    // A directory is the same with and without a slash at its end.
    let is_root = path == b"/";
    let path = path
        .strip_suffix(b"/")
        .filter(|_| node.is("<Directory") && !is_root)
        .unwrap_or(path);
    path.starts_with(b"/").then_some(path)
}

/// The first word, if it has no backslash.
fn first_word(arguments: &[u8]) -> Option<&[u8]> {
    match super::config_tree::split_word(arguments)?.0 {
        Cow::Borrowed(word) => Some(word),
        Cow::Owned(_) => None,
    }
}

/// Whether the path is a pattern (`apr_fnmatch_test` of apr_fnmatch.h).
fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| b"*?[".contains(byte))
}
