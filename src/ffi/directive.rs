//! The table of directives, and what a handler sees of a line.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt;
use std::ptr;

use super::bindings::{self, ap_directive_t, cmd_func, cmd_parms, command_rec};
use super::config_file::{path, with_words};
use super::guard::{Entry, guard};
use super::module::Module;
use super::pool::Pool;

/// Where a directive may stand (http_config.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// In the main server's configuration only.
    Server,
    /// Server, virtual host and directory sections.
    Directory,
    /// All of these, and `.htaccess` under `AllowOverride AuthConfig`.
    Everywhere,
}

impl Context {
    const fn flags(self) -> c_int {
        match self {
            Self::Server => bindings::RSRC_CONF,
            Self::Directory => bindings::RSRC_CONF | bindings::ACCESS_CONF,
            Self::Everywhere => bindings::RSRC_CONF | bindings::OR_AUTHCFG,
        }
    }
}

/// What sets one thing in a record from the words of a line.
pub(crate) type Handler<M> = for<'p> fn(
    &Parms<'p>,
    &'p <M as Module>::State,
    &mut <M as Module>::Record<'p>,
    &[&CStr],
) -> Result<(), String>;

/// A directive: a row of the table.
pub(crate) struct Directive<M: Module> {
    /// Its name in the configuration.
    pub(crate) name: &'static CStr,
    /// `SYNTAX - DESCRIPTION`, the words after the name as in `docs/directives.md`:
    /// `httpd -L` shows this, and so does a message about a wrong number of words.
    pub(crate) help: &'static CStr,
    /// Where it may stand.
    pub(crate) context: Context,
    /// How many words it takes at most; it takes one at least.
    pub(crate) most: usize,
    /// What it does.
    pub(crate) handler: Handler<M>,
}

/// A table as httpd reads it, made from rows at compile time.
///
/// `N` is the number of rows and one, for the entry that ends the table.
pub(crate) struct Directives<const N: usize>([command_rec; N]);

// SAFETY: nobody writes to the table, and all it points to is constant.
unsafe impl<const N: usize> Sync for Directives<N> {}

impl<const N: usize> Directives<N> {
    /// Makes the table of `rows`.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "runs at compile time, where a wrong index stops the build"
    )]
    pub(crate) const fn new<M: Module>(rows: &'static [Directive<M>]) -> Self {
        assert!(
            rows.len() + 1 == N,
            "one entry a row, and one to end the table"
        );
        let mut table = [END; N];
        let mut index = 0;
        while index < rows.len() {
            let row = &rows[index];
            table[index] = command_rec {
                name: row.name.as_ptr(),
                func: cmd_func {
                    raw_args: Some(run::<M>),
                },
                cmd_data: ptr::from_ref(row).cast_mut().cast(),
                req_override: row.context.flags(),
                // Raw, because httpd's own splitting drops an empty word and
                // all that follows it, without a sound.
                args_how: bindings::RAW_ARGS,
                errmsg: row.help.as_ptr(),
            };
            index += 1;
        }
        Self(table)
    }

    pub(super) const fn as_ptr(&self) -> *const command_rec {
        self.0.as_ptr()
    }
}

const END: command_rec = command_rec {
    name: ptr::null(),
    func: cmd_func { no_args: None },
    cmd_data: ptr::null_mut(),
    req_override: 0,
    args_how: bindings::RAW_ARGS,
    errmsg: ptr::null(),
};

/// A line of the configuration, by its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    file: Option<CString>,
    line: c_int,
}

impl Place {
    /// # Safety
    ///
    /// A line of a configuration that is being read, or has been.
    pub(super) unsafe fn of(directive: &ap_directive_t) -> Self {
        let file = directive.filename;
        Self {
            // SAFETY: a C string, or NULL (util_cfgtree.h).
            file: (!file.is_null()).then(|| unsafe { CStr::from_ptr(file) }.to_owned()),
            line: directive.line_num,
        }
    }
}

/// In the words in which httpd itself names a line.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(
                formatter,
                "on line {} of {}",
                self.line,
                file.to_string_lossy()
            ),
            None => formatter.write_str("on a line without a number"),
        }
    }
}

/// A line of the configuration, while its directive is handled.
pub(crate) struct Parms<'p> {
    raw: *mut cmd_parms,
    pool: Pool<'p>,
    temporary: Pool<'p>,
    lifetime: PhantomData<&'p cmd_parms>,
}

impl<'p> Parms<'p> {
    /// # Safety
    ///
    /// `raw` and its pools live for `'p`.
    unsafe fn from_raw(raw: *mut cmd_parms) -> Option<Self> {
        // SAFETY: the caller vouches for the line.
        let line = unsafe { raw.as_ref() }?;
        // SAFETY: and for both pools.
        let pool = unsafe { Pool::from_raw(line.pool) }?;
        // SAFETY: likewise.
        let temporary = unsafe { Pool::from_raw(line.temp_pool) }?;
        Some(Self {
            raw,
            pool,
            temporary,
            lifetime: PhantomData,
        })
    }

    /// Memory that lives as long as the configuration.
    pub(crate) fn pool(&self) -> Pool<'p> {
        self.pool
    }

    /// Memory that is gone when the configuration has been read.
    pub(crate) fn temporary(&self) -> Pool<'_> {
        self.temporary
    }

    /// The line stands in a `.htaccess` file: the user's, not the
    /// administrator's, and read while a request waits.
    pub(crate) fn in_htaccess(&self) -> bool {
        // As ap_check_cmd_context tells it (server/core.c, NOT_IN_HTACCESS).
        self.pool.as_ptr() == self.temporary.as_ptr()
    }

    /// Where the line stands.
    pub(crate) fn place(&self) -> Place {
        // SAFETY: httpd sets the directive of each line (http_config.h).
        let directive = unsafe { (*self.raw).directive };
        // SAFETY: as above, or NULL.
        let Some(directive) = (unsafe { directive.as_ref() }) else {
            return Place::default();
        };
        // SAFETY: as above.
        unsafe { Place::of(directive) }
    }

    /// The number of the user who owns the file of this line; of a symbolic
    /// link, the one who made it.
    pub(crate) fn owner(&self) -> Option<u32> {
        let file = self.place().file?;
        let metadata = path(&file).symlink_metadata().ok()?;
        Some(metadata.uid())
    }

    /// The line stands in a virtual host.
    pub(crate) fn in_virtual_host(&self) -> bool {
        // SAFETY: httpd sets the server of each line (http_config.h).
        let server = unsafe { (*self.raw).server };
        // SAFETY: as above, or NULL.
        !server.is_null() && unsafe { (*server).is_virtual } != 0
    }

    /// The line stands in a directory section, or something like it.
    pub(crate) fn in_directory(&self) -> bool {
        // SAFETY: `raw` lives for 'p.
        !unsafe { (*self.raw).path }.is_null()
    }
}

/// What httpd calls for each line: `raw_args` of http_config.h.
unsafe extern "C" fn run<M: Module>(
    parms: *mut cmd_parms,
    record: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    let entry = Entry::of_server("a directive");
    let stopped = c"an internal error stopped this directive";
    guard(entry, stopped.as_ptr(), || {
        // SAFETY: httpd passes the line it is at; its pools outlive the call,
        // and `pool` the record too.
        let Some(parms) = (unsafe { Parms::from_raw(parms) }) else {
            return c"httpd passed no line".as_ptr();
        };
        // SAFETY: the command is the table's entry that brought us here.
        let command = unsafe { (*parms.raw).cmd };
        // SAFETY: whose data `Directives::new` set to a row.
        let row = unsafe { (*command).cmd_data.cast::<Directive<M>>() };
        // SAFETY: a row of a static table.
        let row: &'static Directive<M> = unsafe { &*row };
        // SAFETY: `create` of the module made this record, in this pool or
        // one that outlives it, and nobody else refers to it now.
        let Some(record) = (unsafe { record.cast::<M::Record<'_>>().as_mut() }) else {
            return c"httpd passed no record".as_ptr();
        };
        // SAFETY: this line belongs to the configuration in force, or, in a
        // .htaccess file, to a request under it.
        let Some(state) = (unsafe { M::record().state() }) else {
            return c"the module's pre_config hook did not run".as_ptr();
        };
        // SAFETY: a C string, the rest of the line.
        let arguments = unsafe { CStr::from_ptr(arguments) };
        match apply(row, &parms, state, record, arguments) {
            Ok(()) => ptr::null(),
            Err(message) => parms.pool.text(&message).as_ptr(),
        }
    })
}

fn apply<'p, M: Module>(
    row: &Directive<M>,
    parms: &Parms<'p>,
    state: &'p M::State,
    record: &mut M::Record<'p>,
    arguments: &CStr,
) -> Result<(), String> {
    let (name, help) = (row.name.to_string_lossy(), row.help.to_string_lossy());
    with_words(parms.temporary, arguments, |words| match words.len() {
        0 => Err(format!("{name} takes an argument: {help}")),
        count if count > row.most => Err(format!(
            "{name} takes {} and no more: {help}",
            if row.most == 1 {
                "one argument".to_owned()
            } else {
                format!("{} arguments", row.most)
            }
        )),
        _ => (row.handler)(parms, state, record, words)
            .map_err(|message| format!("{name}: {message}")),
    })
}
