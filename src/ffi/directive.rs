//! The table of directives, and the parameters that a handler gets.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt;
use std::ptr;

use session_crypto_core::{Origin, Payer};

use super::bindings::{self, cmd_func, cmd_parms, command_rec};
use super::config_file::{path, with_words};
use super::guard::guard;
use super::line::Line;
use super::module::Module;
use super::pool::Pool;
use crate::message::{Code, Message};

/// The parts of a configuration in which a directive is allowed (http_config.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// The main server's configuration only.
    Server,
    /// The server's configuration, virtual hosts and directory sections.
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

/// A function that changes a section's settings as the words of a line say; its
/// error is a message about them.
pub(crate) type Handler<M> = for<'p> fn(
    &Parms<'p>,
    &'p <M as Module>::State,
    &mut <M as Module>::DirConfig<'p>,
    &[&CStr],
) -> Result<(), Message>;

/// A directive: a row of the table.
pub(crate) struct Directive<M: Module> {
    /// Its name in the configuration.
    pub(crate) name: &'static CStr,
    /// `SYNTAX - DESCRIPTION`, the words after the name as in `docs/directives.md`:
    /// `httpd -L` shows this, and so does a message about a wrong number of words.
    pub(crate) help: &'static CStr,
    /// The parts of a configuration in which it is allowed.
    pub(crate) context: Context,
    /// The most words that it takes; the least is one.
    pub(crate) most: usize,
    /// Its effect.
    pub(crate) handler: Handler<M>,
}

/// A table as httpd reads it, made from rows at compile time.
///
/// `N` is the number of rows and one, for the entry that ends the table.
pub(crate) struct Directives<const N: usize>([command_rec; N]);

// SAFETY: httpd only reads the table (http_config.h), and all it points to is
// constant.
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
                // Raw: httpd's own splitting silently drops an empty word and all
                // words after it.
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

/// The parameters of a directive: the line it stands on, and what httpd hands
/// to its handler (http_config.h, cmd_parms).
pub(crate) struct Parms<'p> {
    raw: *mut cmd_parms,
    pool: Pool<'p>,
    temporary: Pool<'p>,
    lifetime: PhantomData<&'p cmd_parms>,
}

impl<'p> Parms<'p> {
    /// # Safety
    ///
    /// `raw` is NULL, or parameters that live for `'p`, as their pools do.
    unsafe fn from_raw(raw: *mut cmd_parms) -> Option<Self> {
        // SAFETY: the caller promises NULL, or parameters that live for 'p.
        let parms = unsafe { raw.as_ref() }?;
        // SAFETY: the caller promises that this pool lives for 'p.
        let pool = unsafe { Pool::from_raw(parms.pool) }?;
        // SAFETY: the caller promises that the second pool lives as long.
        let temporary = unsafe { Pool::from_raw(parms.temp_pool) }?;
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

    /// The kind of file that the line stands in: a `.htaccess` file is its
    /// author's, not the administrator's, and is read while a request waits.
    pub(crate) fn origin(&self) -> Origin {
        // As ap_check_cmd_context tells it (server/core.c, NOT_IN_HTACCESS).
        if self.pool.as_ptr() == self.temporary.as_ptr() {
            Origin::Htaccess
        } else {
            Origin::Server
        }
    }

    /// The payer for keys that follow from this line: the owner of a `.htaccess`
    /// file, or else the server.
    ///
    /// A symbolic link is owned by the user who made it.
    pub(crate) fn payer(&self) -> Payer {
        match self.origin() {
            Origin::Server => Payer::Server,
            Origin::Htaccess => {
                let line = self.line();
                let metadata = line.file().map(|file| path(file).symlink_metadata());
                let owner = metadata.and_then(Result::ok).map(|metadata| metadata.uid());
                Payer::Author(owner.unwrap_or(UNKNOWN_OWNER))
            }
        }
    }

    /// The line that the directive stands on.
    pub(crate) fn line(&self) -> Line {
        // SAFETY: `raw` lives for 'p, as `from_raw` demands.
        let directive = unsafe { (*self.raw).directive };
        // SAFETY: NULL, or the directive that httpd handles, which it keeps until
        // the handler returns (http_config.h).
        let Some(directive) = (unsafe { directive.as_ref() }) else {
            return Line::default();
        };
        // SAFETY: the directive belongs to the configuration that is being read.
        unsafe { Line::of(directive) }
    }

    /// Whether the line stands in a virtual host.
    pub(crate) fn in_virtual_host(&self) -> bool {
        // SAFETY: `raw` lives for 'p, as `from_raw` demands.
        let server = unsafe { (*self.raw).server };
        // SAFETY: httpd sets the server of each line (http_config.h), and NULL is
        // tested first.
        !server.is_null() && unsafe { (*server).is_virtual } != 0
    }

    /// Whether the line stands in a directory section, or something like it.
    pub(crate) fn in_directory(&self) -> bool {
        // SAFETY: `raw` lives for 'p, as `from_raw` demands.
        !unsafe { (*self.raw).path }.is_null()
    }
}

/// Stands for the owner of a file whose owner cannot be found out.
const UNKNOWN_OWNER: u32 = u32::MAX;

/// The message for a line that cannot be handled, because our code has panicked or httpd has
/// not done its part. There may be no pool for another one.
pub(super) const STOPPED: &CStr = c"SC0594: an internal error stopped this directive";

/// Handles a line, as httpd calls it (`raw_args` of http_config.h); the answer
/// is NULL, or a message.
unsafe extern "C" fn run<M: Module>(
    parms: *mut cmd_parms,
    config: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    guard("a directive", STOPPED.as_ptr(), || {
        // SAFETY: httpd passes the line's parameters; its pools outlive the call,
        // and `pool` the section's settings too.
        let Some(parms) = (unsafe { Parms::from_raw(parms) }) else {
            return STOPPED.as_ptr();
        };
        // SAFETY: httpd sets the entry of the table that the line's name is in.
        let command = unsafe { (*parms.raw).cmd };
        // SAFETY: an entry of our table, whose data `Directives::new` set to a row.
        let row = unsafe { (*command).cmd_data.cast::<Directive<M>>() };
        // SAFETY: a row of a static table.
        let row: &'static Directive<M> = unsafe { &*row };
        // SAFETY: httpd passes settings that this module made for the section, in
        // this pool or one that outlives it; nobody else uses them now.
        let Some(config) = (unsafe { config.cast::<M::DirConfig<'_>>().as_mut() }) else {
            return STOPPED.as_ptr();
        };
        // SAFETY: this line belongs to the configuration in force, or, in a
        // .htaccess file, to a request under it.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return STOPPED.as_ptr();
        };
        // SAFETY: httpd passes the rest of the line, a C string.
        let arguments = unsafe { CStr::from_ptr(arguments) };
        match apply(row, &parms, state, config, arguments) {
            Ok(()) => ptr::null(),
            Err(message) => parms.pool.text(&message.to_string()).as_ptr(),
        }
    })
}

fn apply<'p, M: Module>(
    row: &Directive<M>,
    parms: &Parms<'p>,
    state: &'p M::State,
    config: &mut M::DirConfig<'p>,
    arguments: &CStr,
) -> Result<(), Message> {
    let name = || row.name.to_string_lossy();
    let help = || row.help.to_string_lossy();
    with_words(parms.temporary, arguments, |words| match words.len() {
        0 => Err(Code("SC0301").says(format!("{} takes an argument: {}", name(), help()))),
        count if count > row.most => Err(Code("SC0302").says(format!(
            "{} takes {} and no more: {}",
            name(),
            if row.most == 1 {
                "one argument".to_owned()
            } else {
                format!("{} arguments", row.most)
            },
            help(),
        ))),
        _ => (row.handler)(parms, state, config, words).map_err(|message| message.at(name())),
    })
}
