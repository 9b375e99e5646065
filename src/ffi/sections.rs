//! Reads servers and their sections out of httpd's structures.

use std::collections::HashSet;
use std::ffi::{CStr, c_char};

use super::bindings::{
    self, ap_conf_vector_t, apr_array_header_t, apr_port_t, core_dir_config, core_server_config,
    module, server_rec, session_dir_conf,
};
use super::dir_config::{self, DirSettings};
use super::line::LineRef;
use super::server::{Definition, Kind, Section, Server};
use super::session_hooks;

/// Sections inside sections inside sections that are read; deeper ones are left
/// to the request.
const DEPTH: usize = 16;

/// A section, and httpd's vector of its settings.
type Found<'s, C> = (Section<'s, C>, *const ap_conf_vector_t);

/// Hands to `each` every server and virtual host, with the settings that `ours`
/// has there: the main server, and then the virtual hosts in the order of their lines.
///
/// # Safety
///
/// `server` is the first of the servers of a configuration that has been read
/// and stays in force for `'s`. `ours` is a module whose settings are of the
/// type `C`.
pub(super) unsafe fn for_each_server<'s, C: DirSettings + 's, E>(
    ours: *const module,
    server: *const server_rec,
    mut each: impl FnMut(&Server<'s, C>) -> Result<(), E>,
) -> Result<(), E> {
    // SAFETY: the caller promises the first server, or NULL.
    let servers = unsafe { in_order(server) };
    let mut addresses = HashSet::new();
    for (index, server) in servers.iter().enumerate() {
        // SAFETY: httpd makes the default sections with the server (config.c,
        // init_server_config), and they live as long.
        let outer = unsafe { config_of::<C>(ours, server.lookup_defaults) };
        // SAFETY: the same sections.
        let has_sessions = unsafe { has_sessions(server.lookup_defaults) };
        // SAFETY: the same sections.
        let core = unsafe { core_of(server.lookup_defaults) };
        // SAFETY: the core module's settings of a section in force for 's.
        let handler = core.and_then(|core| unsafe { handler_of(core) });
        // SAFETY: a server in force for 's.
        let scheme = unsafe { text(server.server_scheme) };
        // SAFETY: the caller promises a server in force for 's, and the type of
        // its settings.
        let sections = unsafe { sections_of::<C>(ours, server) };
        // SAFETY: the caller promises a server in force for 's.
        let document_root = unsafe { document_root(server) };
        // SAFETY: the caller promises a server in force for 's.
        let defined = unsafe { definition(server) };
        let is_main = server.is_virtual == 0;
        // SAFETY: the caller promises a server in force for 's.
        let is_first = unsafe { add_addresses(&mut addresses, server) };
        let is_last = servers.len().saturating_sub(index) == 1;
        each(&Server {
            outer: outer.unwrap_or_else(C::refusing),
            has_sessions: has_sessions.unwrap_or_default(),
            handler,
            is_https: scheme == Some(b"https"),
            sections,
            stands_behind: is_main && !is_last,
            is_default: is_main || is_first,
            is_last,
            defined,
            document_root,
        })?;
    }
    Ok(())
}

/// The servers of a list: the main server, and then the virtual hosts in the order of
/// their lines.
///
/// # Safety
///
/// `server` is NULL, or the first of the servers of a configuration in force for `'s`.
unsafe fn in_order<'s>(server: *const server_rec) -> Vec<&'s server_rec> {
    let (mut servers, mut next) = (Vec::new(), server);
    // SAFETY: a server of the list, which lives for 's; NULL ends it (httpd.h).
    while let Some(server) = unsafe { next.as_ref() } {
        next = server.next;
        servers.push(server);
    }
    // httpd lists the virtual hosts in the reverse of their order (vhost.c,
    // ap_fini_vhost_config).
    if let Some((_, hosts)) = servers.split_first_mut() {
        hosts.reverse();
    }
    servers
}

/// An address of a virtual host, and its port.
type Address<'s> = (&'s [u8], apr_port_t);

/// Adds the addresses of a virtual host to those of the hosts before it. Returns whether
/// it is the first host of one of them, which gets the requests that name no host.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn add_addresses<'s>(known: &mut HashSet<Address<'s>>, server: &'s server_rec) -> bool {
    let (mut is_first, mut next) = (false, server.addrs.cast_const());
    // SAFETY: the addresses of a server in force; NULL ends the list (httpd.h).
    while let Some(address) = unsafe { next.as_ref() } {
        next = address.next;
        // SAFETY: NULL, or the address that httpd resolved for this host (vhost.c,
        // get_addresses).
        let Some(host) = (unsafe { address.host_addr.as_ref() }) else {
            continue;
        };
        let length = usize::try_from(host.ipaddr_len).unwrap_or_default();
        if host.ipaddr_ptr.is_null() {
            continue;
        }
        // SAFETY: as many bytes are there (apr_network_io.h), unchanged for 's.
        let bytes = unsafe { std::slice::from_raw_parts(host.ipaddr_ptr.cast(), length) };
        is_first |= known.insert((bytes, address.host_port));
    }
    is_first
}

/// Reads a server's sections.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`; the settings of
/// `ours` are of the type `C`.
unsafe fn sections_of<'s, C: DirSettings>(
    ours: *const module,
    server: &'s server_rec,
) -> Vec<Section<'s, C>> {
    let mut sections = Vec::new();
    // SAFETY: the caller promises a server in force.
    if let Some(core) = unsafe { core_of_server(server) } {
        for (kind, array) in [
            (Kind::Directory, core.sec_dir),
            (Kind::Location, core.sec_url),
        ] {
            // SAFETY: http_core.h promises arrays of sections, or NULL.
            unsafe { add_sections(ours, &mut sections, kind, array, None) };
        }
    }
    // SAFETY: httpd makes the default sections with the server.
    unsafe { add_nested(ours, &mut sections, server.lookup_defaults, None) };
    // The sections inside these are added at the end, where the same loop reads
    // them.
    let (mut index, mut depths) = (0_usize, Vec::new());
    while let Some((section, around)) = sections
        .get(index)
        .map(|(section, raw): &Found<'s, C>| (*raw, section.around))
    {
        let depth = around.and_then(|around| depths.get(around).copied());
        let depth = depth.map_or(0, |depth: usize| depth.saturating_add(1));
        depths.push(depth);
        if depth < DEPTH {
            // SAFETY: a section of this server, read by this loop.
            unsafe { add_nested(ours, &mut sections, section, Some(index)) };
        }
        index = index.saturating_add(1);
    }
    sections.into_iter().map(|(section, _)| section).collect()
}

/// Adds the `<Files>` and `<If>` sections that stand inside a section.
///
/// # Safety
///
/// `section` is NULL, or belongs to a configuration in force for `'s`; the
/// settings of `ours` are of the type `C`.
unsafe fn add_nested<'s, C: DirSettings>(
    ours: *const module,
    sections: &mut Vec<Found<'s, C>>,
    section: *const ap_conf_vector_t,
    around: Option<usize>,
) {
    // SAFETY: the caller promises NULL, or a section in force.
    let Some(core) = (unsafe { core_of(section) }) else {
        return;
    };
    for (kind, array) in [(Kind::Files, core.sec_file), (Kind::If, core.sec_if)] {
        // SAFETY: http_core.h promises arrays of sections, or NULL.
        unsafe { add_sections(ours, sections, kind, array, around) };
    }
}

/// Adds the sections of an array.
///
/// # Safety
///
/// `array` is NULL, or sections of a configuration in force for `'s`; the
/// settings of `ours` are of the type `C`.
unsafe fn add_sections<'s, C: DirSettings>(
    ours: *const module,
    sections: &mut Vec<Found<'s, C>>,
    kind: Kind,
    array: *const apr_array_header_t,
    around: Option<usize>,
) {
    // SAFETY: the caller promises NULL, or an array that lives for 's.
    for raw in unsafe { elements(array) } {
        // SAFETY: a section of that array, and the type of its settings is as the
        // caller promises.
        let config = unsafe { config_of::<C>(ours, *raw) };
        // SAFETY: a section of that array.
        let has_sessions = unsafe { has_sessions(*raw) };
        // SAFETY: a section of that array.
        let core = unsafe { core_of(*raw) };
        let section = Section {
            config,
            has_sessions,
            // SAFETY: the core module's settings of a section in force for 's.
            handler: core.and_then(|core| unsafe { handler_of(core) }),
            around,
            kind,
            // SAFETY: the core module's settings of a section in force for 's.
            path: core.and_then(|core| unsafe { path_of(core) }),
        };
        sections.push((section, *raw));
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
    // SAFETY: the core module has its settings in every section that it made
    // (server/core.c, `dirsection` and others).
    let core = unsafe { bindings::ap_get_core_module_config(section) };
    // SAFETY: NULL, or settings of this type (http_core.h).
    unsafe { core.cast::<core_dir_config>().as_ref() }
}

/// The core module's settings of a server.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn core_of_server(server: &server_rec) -> Option<&core_server_config> {
    // SAFETY: the core module has its settings in every server (http_core.h).
    let core = unsafe { bindings::ap_get_core_module_config(server.module_config) };
    // SAFETY: NULL, or settings of this type (http_core.h).
    unsafe { core.cast::<core_server_config>().as_ref() }
}

/// The path to which a section applies, unless it has a pattern.
///
/// # Safety
///
/// The settings are those of a section in force for their lifetime.
unsafe fn path_of(core: &core_dir_config) -> Option<&[u8]> {
    if !core.r.is_null() || core.d_is_fnmatch() != 0 || core.d.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a C string of the section's pool (http_core.h).
    let path = unsafe { CStr::from_ptr(core.d) }.to_bytes();
    path.starts_with(b"/").then_some(path)
}

/// The line of the `SetHandler` of a section, if it stands there. httpd keeps the name of
/// the handler as an expression, which only a request has a value of.
///
/// # Safety
///
/// The settings are those of a section in force for `'s`.
unsafe fn handler_of<'s>(core: &'s core_dir_config) -> Option<LineRef<'s>> {
    // SAFETY: NULL, or the expression of the line, which lives as long (core.c,
    // set_sethandler).
    let handler = unsafe { core.expr_handler.as_ref() }?;
    if handler.filename.is_null() {
        return None;
    }
    Some(LineRef {
        // SAFETY: not NULL, so the C string of the file's name (ap_expr.h).
        file: unsafe { CStr::from_ptr(handler.filename) },
        number: handler.line_number,
    })
}

/// The bytes of a C string of httpd's structures, unless it is NULL.
///
/// # Safety
///
/// `raw` is NULL, or a C string that lives for `'s`.
unsafe fn text<'s>(raw: *const c_char) -> Option<&'s [u8]> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a C string that lives for 's, as the caller promises.
    Some(unsafe { CStr::from_ptr(raw) }.to_bytes())
}

/// The value of mod_session's `Session` in a section, if it stands there.
///
/// # Safety
///
/// `section` is a section of a configuration in force.
unsafe fn has_sessions(section: *const ap_conf_vector_t) -> Option<bool> {
    let session = session_hooks::module()?;
    // SAFETY: the caller promises the section; the module is loaded.
    let raw = unsafe { bindings::ap_get_module_config(section, session.as_ptr()) };
    // SAFETY: NULL, or mod_session's settings, which are of this type
    // (mod_session.h).
    let settings = unsafe { raw.cast::<session_dir_conf>().as_ref() }?;
    (settings.enabled_set != 0).then_some(settings.enabled != 0)
}

/// A server's `DocumentRoot`, if it stands there.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn document_root(server: &server_rec) -> Option<&[u8]> {
    // SAFETY: the caller promises a server in force.
    let core = unsafe { core_of_server(server) }?;
    if core.ap_document_root.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a C string that lives as long as the server
    // (http_core.h).
    Some(unsafe { CStr::from_ptr(core.ap_document_root) }.to_bytes())
}

/// Says where a server was defined.
///
/// # Safety
///
/// The server belongs to a configuration in force for `'s`.
unsafe fn definition(server: &server_rec) -> Definition<'_> {
    let file = server.defn_name;
    // SAFETY: not NULL, so a C string that lives as long as the server (httpd.h).
    let file = (!file.is_null()).then(|| unsafe { CStr::from_ptr(file) });
    Definition {
        file,
        line: server.defn_line_number,
    }
}

/// The settings that `ours` has in a section, if one of its directives stands
/// there.
///
/// # Safety
///
/// `section` is a section of a configuration that is in force for as long as
/// `C` lives; the settings of `ours` are of that type.
unsafe fn config_of<C: DirSettings>(
    ours: *const module,
    section: *const ap_conf_vector_t,
) -> Option<C> {
    // SAFETY: the caller promises the section; `ours` is loaded.
    let raw = unsafe { bindings::ap_get_module_config(section, ours) };
    // SAFETY: not NULL, so settings that `ours` made, of the type that the caller
    // promises.
    (!raw.is_null()).then(|| unsafe { dir_config::read::<C>(raw) })
}

/// The sections of an array.
///
/// # Safety
///
/// `array` is NULL, or an array of sections that is not changed for `'s`.
unsafe fn elements<'s>(array: *const apr_array_header_t) -> &'s [*const ap_conf_vector_t] {
    // SAFETY: the caller promises NULL, or an array.
    let Some(array) = (unsafe { array.as_ref() }) else {
        return &[];
    };
    let count = usize::try_from(array.nelts).unwrap_or_default();
    if count == 0 || array.elts.is_null() {
        return &[];
    }
    // SAFETY: `nelts` pointers stand there (apr_tables.h), unchanged for 's as
    // the caller promises.
    unsafe { std::slice::from_raw_parts(array.elts.cast(), count) }
}
