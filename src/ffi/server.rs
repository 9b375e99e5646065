//! A server and its sections, and which of these a request may be in together.

use std::borrow::Cow;
use std::ffi::{CStr, c_uint};
use std::fmt;

use super::dir_config::Inherit;
use super::line::{Line, LineRef};

/// A server or virtual host, and its sections.
///
/// The sections of `.htaccess` files are missing: httpd merges those when a
/// request comes.
pub(crate) struct Server<'s, C> {
    /// The settings outside of every section.
    pub(crate) outer: C,
    /// `Session On` outside of every section.
    pub(crate) has_sessions: bool,
    /// `SetHandler` outside of every section.
    pub(super) handler: Option<LineRef<'s>>,
    /// `ServerName https://...`: clients come over TLS, which may end at a proxy.
    pub(crate) is_https: bool,
    /// The sections; one that stands inside another comes after it.
    pub(crate) sections: Vec<Section<'s, C>>,
    /// It is the main server, and there are virtual hosts. These have inherited
    /// its settings, and it may have no request of its own.
    pub(crate) stands_behind: bool,
    /// Requests that name no host get here: it is the main server, or the first virtual
    /// host of an address.
    pub(crate) is_default: bool,
    /// No server comes after this one.
    pub(crate) is_last: bool,
    pub(crate) defined: Definition<'s>,
    pub(super) document_root: Option<&'s [u8]>,
}

/// The place where a server is defined; its text is file and line, in words.
pub(crate) struct Definition<'s> {
    /// The file; `None` for the main server.
    pub(super) file: Option<&'s CStr>,
    pub(super) line: c_uint,
}

impl Definition<'_> {
    /// Whether the server begins on this line; never true of the main server.
    pub(crate) fn is_on(&self, line: &Line) -> bool {
        let number = self.line;
        let own = self.file.map(|file| LineRef { file, number });
        own.is_some_and(|own| own.is(line))
    }
}

impl fmt::Display for Definition<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, Some(file)) = (self.line, self.file) else {
            return formatter.write_str("in the server configuration");
        };
        let file = file.to_string_lossy();
        write!(formatter, "in the virtual host at line {line} of {file}")
    }
}

/// A section by itself.
#[derive(Clone, Copy)]
pub(crate) struct Section<'s, C> {
    /// Its settings, if one of our directives stands there.
    pub(crate) config: Option<C>,
    /// `Session On` or `Session Off`, if either stands there.
    pub(super) has_sessions: Option<bool>,
    /// `SetHandler`, if it stands there.
    pub(super) handler: Option<LineRef<'s>>,
    /// The section that it stands in, as an index of the list.
    pub(super) around: Option<usize>,
    pub(super) kind: Kind,
    /// The path to which it applies, unless it has a pattern.
    pub(super) path: Option<&'s [u8]>,
}

/// The kinds of sections, in the order in which httpd merges them
/// (server/request.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Directory,
    Files,
    Location,
    If,
}

impl<'s, C: Inherit> Server<'s, C> {
    /// The settings in force outside of every section, and in each section that
    /// sets anything.
    pub(crate) fn configs(&self) -> impl Iterator<Item = C> {
        let inner = (0..self.sections.len()).filter_map(|index| {
            self.sections.get(index)?.config?;
            Some(self.config_of(&self.chain(index)))
        });
        std::iter::once(self.outer).chain(inner)
    }

    /// The sections that every request in one section is in, itself included, in
    /// the order in which httpd merges them.
    ///
    /// These are the sections around it, and those of the same kind with a
    /// shorter path.
    pub(crate) fn chain(&self, index: usize) -> Vec<usize> {
        let mut chain = vec![index];
        let mut outermost = index;
        while let Some(around) = self.sections.get(outermost).and_then(|held| held.around) {
            chain.push(around);
            outermost = around;
        }
        let Some(section) = self.sections.get(outermost) else {
            return chain;
        };
        // httpd merges directories by the length of their path, and locations in
        // the order of their lines.
        let rank = |index: &usize| match self.sections.get(*index) {
            Some(held) if held.kind == Kind::Directory => held.path.map_or(0, <[u8]>::len),
            _ => 0,
        };
        let mut containing: Vec<_> = (0..self.sections.len())
            .filter(|other| {
                *other == outermost
                    || self
                        .sections
                        .get(*other)
                        .is_some_and(|other| other.contains(section))
            })
            .collect();
        containing.sort_by_key(rank);
        chain.pop();
        containing.extend(chain.into_iter().rev());
        containing
    }

    /// The settings in force in a chain of sections.
    pub(crate) fn config_of(&self, chain: &[usize]) -> C {
        self.own(chain)
            .fold(self.outer, |outer, inner| C::merge(&outer, &inner))
    }

    /// The settings of each section of a chain by itself.
    pub(crate) fn own(&self, chain: &[usize]) -> impl Iterator<Item = C> {
        let sections = chain.iter().filter_map(|index| self.sections.get(*index));
        sections.filter_map(|section| section.config)
    }

    /// The settings of each section outside of a chain that a request may be in as
    /// well; `innermost` is the last section of that chain.
    pub(crate) fn others(&self, chain: &[usize], innermost: usize) -> impl Iterator<Item = C> {
        let sections = self.sections.iter().enumerate();
        sections
            .filter(move |(other, _)| !chain.contains(other) && self.can_meet(innermost, *other))
            .filter_map(|(_, section)| section.config)
    }
}

impl<'s, C> Server<'s, C> {
    /// Whether mod_session keeps sessions in a chain of sections.
    pub(crate) fn has_sessions(&self, chain: &[usize]) -> bool {
        let sections = chain.iter().filter_map(|index| self.sections.get(*index));
        sections
            .filter_map(|section| section.has_sessions)
            .last()
            .unwrap_or(self.has_sessions)
    }

    /// The locations that a request for a path is in.
    pub(crate) fn locations_of(&self, url: &[u8]) -> Vec<usize> {
        self.outermost_around(Kind::Location, url)
    }

    /// The directories that the document root is in, itself included, in the order in which
    /// httpd merges them.
    pub(crate) fn root_directories(&self) -> Vec<usize> {
        let root = self.document_root.unwrap_or(b"/");
        let root = [root, b"/"].concat();
        let mut directories = self.outermost_around(Kind::Directory, &root);
        let path = |index: &usize| self.sections.get(*index)?.path;
        directories.sort_by_key(|index| path(index).map_or(0, <[u8]>::len));
        directories
    }

    fn outermost_around(&self, kind: Kind, inner: &[u8]) -> Vec<usize> {
        let sections = (0..).zip(&self.sections);
        let around = sections.filter(|(_, section)| {
            let path = section.path.filter(|_| section.around.is_none());
            section.kind == kind && path.is_some_and(|path| is_inside(inner, path))
        });
        around.map(|(index, _)| index).collect()
    }

    /// Whether a chain of sections begins with a directory.
    pub(crate) fn is_in_directory(&self, chain: &[usize]) -> bool {
        let first = chain.first().and_then(|index| self.sections.get(*index));
        first.is_some_and(|section| section.kind == Kind::Directory)
    }

    /// The `SetHandler` that is in force in a chain of sections.
    pub(crate) fn handler(&self, chain: &[usize]) -> Option<LineRef<'s>> {
        let sections = chain.iter().filter_map(|index| self.sections.get(*index));
        let handler = sections.filter_map(|section| section.handler).last();
        handler.or(self.handler)
    }

    /// Each `SetHandler` of a section without a path, which any request may be in.
    pub(crate) fn handlers_anywhere(&self) -> impl Iterator<Item = LineRef<'s>> {
        let sections = self.sections.iter();
        let anywhere = sections.filter(|section| section.path.is_none());
        anywhere.filter_map(|section| section.handler)
    }

    /// Whether a request may be in both sections.
    pub(crate) fn can_meet(&self, one: usize, other: usize) -> bool {
        match (self.outermost(one), self.outermost(other)) {
            (Some(one), Some(other)) if one.kind == other.kind => match (one.path, other.path) {
                (Some(path), Some(other)) if one.kind.has_paths() => {
                    is_inside(path, other) || is_inside(other, path)
                }
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether a request is likely to be in both sections: directories below the
    /// document root are taken to have the URLs of their paths.
    pub(crate) fn are_likely_to_meet(&self, one: usize, other: usize) -> bool {
        let url = |index| self.url_of(self.outermost(index)?);
        self.can_meet(one, other)
            && match (url(one), url(other)) {
                (Some(one), Some(other)) => is_inside(&one, &other) || is_inside(&other, &one),
                _ => true,
            }
    }

    fn url_of(&self, section: &Section<'s, C>) -> Option<Cow<'s, [u8]>> {
        let path = section.path?;
        match section.kind {
            Kind::Location => Some(Cow::Borrowed(path)),
            Kind::Directory => {
                let below = path.strip_prefix(self.document_root?)?;
                let below = below.strip_prefix(b"/").unwrap_or(below);
                Some(Cow::Owned([b"/", below].concat()))
            }
            Kind::Files | Kind::If => None,
        }
    }

    /// Whether httpd merges the one section before the other.
    pub(crate) fn is_before(&self, one: usize, other: usize) -> bool {
        let kind = |index| self.outermost(index).map(|section| section.kind);
        (kind(one), one) < (kind(other), other)
    }

    fn outermost(&self, index: usize) -> Option<&Section<'s, C>> {
        let mut section = self.sections.get(index)?;
        while let Some(around) = section.around {
            section = self.sections.get(around)?;
        }
        Some(section)
    }
}

impl<C> Section<'_, C> {
    /// Whether every request is in it: `<Location "/">`.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.around.is_none() && self.kind == Kind::Location && self.path == Some(b"/")
    }

    /// The path of a location that has no pattern.
    pub(crate) fn location(&self) -> Option<&[u8]> {
        self.path.filter(|_| self.kind == Kind::Location)
    }

    /// Whether each request of another section is in this one, too.
    fn contains(&self, other: &Self) -> bool {
        match (self.path, other.path) {
            (Some(path), Some(inner)) => {
                self.around.is_none()
                    && other.around.is_none()
                    && self.kind == other.kind
                    && self.kind.has_paths()
                    && is_inside(inner, path)
            }
            _ => false,
        }
    }
}

impl Kind {
    /// Whether paths tell which of its sections are inside each other.
    fn has_paths(self) -> bool {
        matches!(self, Self::Directory | Self::Location)
    }
}

/// Whether one path is the other, or below it, as httpd sees it (server/request.c,
/// `ap_location_walk`); paths of directories end in a slash.
fn is_inside(path: &[u8], outer: &[u8]) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || outer.ends_with(b"/"))
}
