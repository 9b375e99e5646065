//! The sections of a configuration that has been read.

use super::bindings::{self, ap_conf_vector_t, apr_array_header_t, server_rec};
use super::module::{Module, record};

/// A server or virtual host, and its sections.
///
/// Sections inside sections, and `.htaccess`, are not known yet: httpd merges
/// these when a request comes.
pub(crate) struct Server<'s, M: Module> {
    /// The record outside of every section.
    pub(crate) outer: M::Record<'s>,
    /// The record of each section by itself.
    pub(crate) sections: Vec<M::Record<'s>>,
    /// The main server, where there are virtual hosts: these have inherited
    /// its record, and it may have no request of its own.
    pub(crate) stands_behind: bool,
    raw: &'s server_rec,
}

impl<'s, M: Module> Server<'s, M> {
    /// The records in force: outside of every section, and in each of them.
    pub(crate) fn records(&self) -> impl Iterator<Item = M::Record<'s>> {
        let inner = self
            .sections
            .iter()
            .map(|inner| M::merge(&self.outer, inner));
        std::iter::once(self.outer).chain(inner)
    }

    /// Where it was defined.
    pub(crate) fn place(&self) -> String {
        place(self.raw)
    }
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
        // SAFETY: a server of a configuration that has been read.
        let sections = unsafe { sections_of::<M>(server) };
        let stands_behind = server.is_virtual == 0 && !next.is_null();
        let outer = outer.unwrap_or_else(M::refusing);
        each(&Server {
            outer,
            sections,
            stands_behind,
            raw: server,
        })?;
    }
    Ok(())
}

/// The records of a server's sections, of those that have one.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn sections_of<'s, M: Module>(server: &server_rec) -> Vec<M::Record<'s>> {
    // SAFETY: the core module has its configuration in every server.
    let core = unsafe { bindings::ap_get_core_module_config(server.module_config) };
    // SAFETY: which is of this type (http_core.h).
    let Some(core) = (unsafe { core.cast::<bindings::core_server_config>().as_ref() }) else {
        return Vec::new();
    };
    let mut records = Vec::new();
    for sections in [core.sec_dir, core.sec_url] {
        // SAFETY: arrays of sections, or NULL (http_core.h).
        for section in unsafe { elements(sections) } {
            // SAFETY: a section of the array.
            records.extend(unsafe { record_of::<M>(*section) });
        }
    }
    records
}

/// Where a server was defined.
fn place(server: &server_rec) -> String {
    if server.defn_name.is_null() {
        return "in the server configuration".to_owned();
    }
    // SAFETY: a C string that lives as long as the server.
    let file = unsafe { std::ffi::CStr::from_ptr(server.defn_name) };
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
