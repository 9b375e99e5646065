//! The sections of a configuration that has been read.

use std::borrow::Cow;
use std::ffi::CStr;

use super::bindings::{
    self, ap_conf_vector_t, apr_array_header_t, core_dir_config, server_rec, session_dir_conf,
};
use super::module::{Module, record};

/// A server or virtual host, and its sections.
///
/// `.htaccess` is not known yet: httpd merges it when a request comes.
pub(crate) struct Server<'s, M: Module> {
    /// The record outside of every section.
    pub(crate) outer: M::Record<'s>,
    /// `Session On` outside of every section.
    pub(crate) has_sessions: bool,
    /// Each section, those inside others after these.
    pub(crate) sections: Vec<Section<'s, M>>,
    /// The main server, where there are virtual hosts: these have inherited
    /// its record, and it may have no request of its own.
    pub(crate) stands_behind: bool,
    /// There is no server after this one.
    pub(crate) is_last: bool,
    document_root: Option<&'s [u8]>,
    raw: &'s server_rec,
}

/// A section by itself.
pub(crate) struct Section<'s, M: Module> {
    /// Its settings, if one of our directives stands there.
    pub(crate) record: Option<M::Record<'s>>,
    /// `Session On` or `Session Off`, if it says so.
    has_sessions: Option<bool>,
    /// The section that it stands in, by its place in the list.
    around: Option<usize>,
    kind: Kind,
    /// Where it applies, if that is a path and no pattern.
    path: Option<&'s [u8]>,
}

/// In the order in which httpd merges them (server/request.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Directory,
    Files,
    Location,
    If,
}

/// The name that mod_session has in any build.
const MOD_SESSION: &CStr = c"mod_session.c";

/// Sections inside sections inside sections that are looked at; deeper ones are
/// left to the request.
const DEPTH: usize = 16;

impl<'s, M: Module> Server<'s, M> {
    /// The records in force: outside of every section, and in each of them.
    pub(crate) fn records(&self) -> impl Iterator<Item = M::Record<'s>> {
        let inner = (0..self.sections.len()).filter_map(|index| {
            self.sections.get(index)?.record?;
            Some(self.record_of(&self.chain(index)))
        });
        std::iter::once(self.outer).chain(inner)
    }

    /// The sections that a request in one of them is in as well, whatever else
    /// it is in: in the order in which httpd merges them.
    ///
    /// These are the sections around it, and around these those of the same
    /// kind with a shorter path.
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
        // Directories go by their length, locations by their order.
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

    /// The record in force where these sections are.
    pub(crate) fn record_of(&self, chain: &[usize]) -> M::Record<'s> {
        self.own(chain)
            .fold(self.outer, |outer, inner| M::merge(&outer, &inner))
    }

    /// The settings of each of these sections by itself.
    pub(crate) fn own(&self, chain: &[usize]) -> impl Iterator<Item = M::Record<'s>> {
        let sections = chain.iter().filter_map(|index| self.sections.get(*index));
        sections.filter_map(|section| section.record)
    }

    /// Whether mod_session keeps sessions where these sections are.
    pub(crate) fn has_sessions(&self, chain: &[usize]) -> bool {
        let sections = chain.iter().filter_map(|index| self.sections.get(*index));
        sections
            .filter_map(|section| section.has_sessions)
            .last()
            .unwrap_or(self.has_sessions)
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

    /// Whether it is likely that a request is in both sections: paths of
    /// directories are taken for those of URLs below the document root.
    pub(crate) fn are_likely_to_meet(&self, one: usize, other: usize) -> bool {
        let url = |index| self.url_of(self.outermost(index)?);
        self.can_meet(one, other)
            && match (url(one), url(other)) {
                (Some(one), Some(other)) => is_inside(&one, &other) || is_inside(&other, &one),
                _ => true,
            }
    }

    fn url_of(&self, section: &Section<'s, M>) -> Option<Cow<'s, [u8]>> {
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

    fn outermost(&self, index: usize) -> Option<&Section<'s, M>> {
        let mut section = self.sections.get(index)?;
        while let Some(around) = section.around {
            section = self.sections.get(around)?;
        }
        Some(section)
    }

    /// Where it was defined.
    pub(crate) fn place(&self) -> String {
        place(self.raw)
    }
}

impl<M: Module> Section<'_, M> {
    /// Whether every request is in it: `<Location "/">`.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.around.is_none() && self.kind == Kind::Location && self.path == Some(b"/")
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
    /// Whether its sections may be inside each other by their paths.
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

/// Hands to `each` every server and virtual host.
///
/// # Safety
///
/// `server` is the first of the servers of a configuration that has been read
/// and stays in force for `'s`.
pub(super) unsafe fn for_each_server<'s, M: Module>(
    server: *const server_rec,
    mut each: impl FnMut(&Server<'s, M>) -> Result<(), String>,
) -> Result<(), String> {
    let mut next = server;
    // SAFETY: a server of the list, which ends with NULL (httpd.h).
    while let Some(server) = unsafe { next.as_ref() } {
        next = server.next;
        // SAFETY: a server has default sections, made when it was.
        let outer = unsafe { record_of::<M>(server.lookup_defaults) };
        // SAFETY: likewise.
        let has_sessions = unsafe { has_sessions(server.lookup_defaults) };
        // SAFETY: a server of a configuration that has been read.
        let sections = unsafe { sections_of::<M>(server) };
        let stands_behind = server.is_virtual == 0 && !next.is_null();
        each(&Server {
            outer: outer.unwrap_or_else(M::refusing),
            has_sessions: has_sessions.unwrap_or_default(),
            sections,
            stands_behind,
            is_last: next.is_null(),
            // SAFETY: likewise.
            document_root: unsafe { document_root(server) },
            raw: server,
        })?;
    }
    Ok(())
}

/// A server's sections.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn sections_of<'s, M: Module>(server: &'s server_rec) -> Vec<Section<'s, M>> {
    let mut sections = Vec::new();
    // SAFETY: the core module has its configuration in every server.
    let core = unsafe { bindings::ap_get_core_module_config(server.module_config) };
    // SAFETY: which is of this type (http_core.h).
    if let Some(core) = unsafe { core.cast::<bindings::core_server_config>().as_ref() } {
        for (kind, array) in [
            (Kind::Directory, core.sec_dir),
            (Kind::Location, core.sec_url),
        ] {
            // SAFETY: arrays of sections, or NULL (http_core.h).
            unsafe { add_sections(&mut sections, kind, array, None) };
        }
    }
    // SAFETY: a server has default sections, made when it was.
    unsafe { add_nested(&mut sections, server.lookup_defaults, None) };
    // Sections inside these are added at the end, and found by the same loop.
    let (mut index, mut depths) = (0_usize, Vec::new());
    while let Some((section, around)) = sections
        .get(index)
        .map(|(section, raw): &(Section<'s, M>, _)| (*raw, section.around))
    {
        let depth = around.and_then(|around| depths.get(around).copied());
        let depth = depth.map_or(0, |depth: usize| depth.saturating_add(1));
        depths.push(depth);
        if depth < DEPTH {
            // SAFETY: a section of this server.
            unsafe { add_nested(&mut sections, section, Some(index)) };
        }
        index = index.saturating_add(1);
    }
    sections.into_iter().map(|(section, _)| section).collect()
}

/// Adds what stands inside a section: `<Files>` and `<If>`.
///
/// # Safety
///
/// `section` belongs to a configuration in force for `'s`.
unsafe fn add_nested<'s, M: Module>(
    sections: &mut Vec<(Section<'s, M>, *const ap_conf_vector_t)>,
    section: *const ap_conf_vector_t,
    around: Option<usize>,
) {
    // SAFETY: the caller vouches for the section.
    let Some(core) = (unsafe { core_of(section) }) else {
        return;
    };
    for (kind, array) in [(Kind::Files, core.sec_file), (Kind::If, core.sec_if)] {
        // SAFETY: arrays of sections, or NULL (http_core.h).
        unsafe { add_sections(sections, kind, array, around) };
    }
}

/// # Safety
///
/// `array` is NULL, or sections of a configuration in force for `'s`.
unsafe fn add_sections<'s, M: Module>(
    sections: &mut Vec<(Section<'s, M>, *const ap_conf_vector_t)>,
    kind: Kind,
    array: *const apr_array_header_t,
    around: Option<usize>,
) {
    // SAFETY: the caller vouches for the array.
    for section in unsafe { elements(array) } {
        // SAFETY: a section of the array.
        let record = unsafe { record_of::<M>(*section) };
        // SAFETY: likewise.
        let has_sessions = unsafe { has_sessions(*section) };
        // SAFETY: likewise.
        let core = unsafe { core_of(*section) };
        let section_of = Section {
            record,
            has_sessions,
            around,
            kind,
            // SAFETY: likewise.
            path: core.and_then(|core| unsafe { path_of(core) }),
        };
        sections.push((section_of, *section));
    }
}

/// The core module's settings of a section.
///
/// # Safety
///
/// `section` is NULL, or belongs to a configuration in force for `'s`.
unsafe fn core_of<'s>(section: *const ap_conf_vector_t) -> Option<&'s core_dir_config> {
    if section.is_null() {
        return None;
    }
    // SAFETY: the core module has its configuration in every section that it
    // made (server/core.c, `dirsection` and others).
    let core = unsafe { bindings::ap_get_core_module_config(section) };
    // SAFETY: which is of this type (http_core.h), or NULL.
    unsafe { core.cast::<core_dir_config>().as_ref() }
}

/// Where a section applies, unless that is a pattern.
///
/// # Safety
///
/// The settings of a section in force for `'s`.
unsafe fn path_of(core: &core_dir_config) -> Option<&[u8]> {
    if !core.r.is_null() || core.d_is_fnmatch() != 0 || core.d.is_null() {
        return None;
    }
    // SAFETY: a C string of the same pool (http_core.h).
    let path = unsafe { CStr::from_ptr(core.d) }.to_bytes();
    path.starts_with(b"/").then_some(path)
}

/// The value of mod_session's `Session` in a section, if it stands there.
///
/// # Safety
///
/// `section` is a section of a configuration in force.
unsafe fn has_sessions(section: *const ap_conf_vector_t) -> Option<bool> {
    // SAFETY: a C string; the call walks the list of modules.
    let session = unsafe { bindings::ap_find_linked_module(MOD_SESSION.as_ptr()) };
    if session.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for the section; the module is loaded.
    let raw = unsafe { bindings::ap_get_module_config(section, session) };
    // SAFETY: mod_session keeps this type there (mod_session.h), or NULL.
    let settings = unsafe { raw.cast::<session_dir_conf>().as_ref() }?;
    (settings.enabled_set != 0).then_some(settings.enabled != 0)
}

/// Where a server's files are, if it says so.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn document_root(server: &server_rec) -> Option<&[u8]> {
    // SAFETY: the core module has its configuration in every server.
    let core = unsafe { bindings::ap_get_core_module_config(server.module_config) };
    // SAFETY: which is of this type (http_core.h).
    let core = unsafe { core.cast::<bindings::core_server_config>().as_ref() }?;
    if core.ap_document_root.is_null() {
        return None;
    }
    // SAFETY: a C string that lives as long as the server.
    Some(unsafe { CStr::from_ptr(core.ap_document_root) }.to_bytes())
}

/// Where a server was defined.
fn place(server: &server_rec) -> String {
    if server.defn_name.is_null() {
        return "in the server configuration".to_owned();
    }
    // SAFETY: a C string that lives as long as the server.
    let file = unsafe { CStr::from_ptr(server.defn_name) };
    let line = server.defn_line_number;
    format!(
        "in the virtual host at line {line} of {}",
        file.to_string_lossy()
    )
}

/// Our record of a section, if one of our directives stands there.
///
/// # Safety
///
/// `section` is a section of a configuration in force for `'s`.
unsafe fn record_of<'s, M: Module>(section: *const ap_conf_vector_t) -> Option<M::Record<'s>> {
    // SAFETY: the caller vouches for the section; the module is loaded.
    let raw = unsafe { bindings::ap_get_module_config(section, M::record().as_ptr()) };
    // SAFETY: our slot holds what `create` and `merge` made.
    (!raw.is_null()).then(|| unsafe { record::<M>(raw) })
}

/// # Safety
///
/// NULL, or an array of sections that is not changed for `'s`.
unsafe fn elements<'s>(array: *const apr_array_header_t) -> &'s [*const ap_conf_vector_t] {
    // SAFETY: the caller vouches for it.
    let Some(array) = (unsafe { array.as_ref() }) else {
        return &[];
    };
    let count = usize::try_from(array.nelts).unwrap_or_default();
    if count == 0 || array.elts.is_null() {
        return &[];
    }
    // SAFETY: `nelts` pointers stand there (apr_tables.h).
    unsafe { std::slice::from_raw_parts(array.elts.cast(), count) }
}
