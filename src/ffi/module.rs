//! What a module is to httpd, and what it is to us.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use session_crypto_core::SharedMemory;

use super::bindings::{self, module};
use super::directive::Directives;
use super::entries;
use super::log::MainServer;
use super::pool::Pool;
use super::request::Request;
use super::sections::Server;
use super::session::Session;

/// A module in safe Rust; httpd's own terms for each part.
pub(crate) trait Module: Sized + 'static {
    /// What the sections of the configuration set. Plain data: what has a
    /// destructor is placed in the pool, and referred to.
    type Record<'p>: Copy + Send + Sync;

    /// What the process keeps for as long as a configuration is in force.
    type State: Send + Sync;

    /// Tells sections apart whose sessions must not meet.
    type Realm: Copy + PartialEq + 'static;

    /// What is kept from one server to the next while all of them are looked at.
    type Seen: Default;

    /// The record that httpd knows this module by.
    fn record() -> &'static Record<Self::State>;

    /// Makes the state of a configuration that is about to be read.
    ///
    /// `kept` are random bytes that stay the same over graceful restarts, and
    /// `shared` memory that children inherit and share.
    fn start(kept: [u8; 16], shared: SharedMemory) -> Result<Self::State, String>;

    /// Looks for what no line by itself is wrong about, before `httpd -t` says
    /// that all is well.
    fn check<'s>(
        state: &'s Self::State,
        server: &Server<'s, Self>,
        seen: &mut Self::Seen,
    ) -> Result<(), String>;

    /// Runs in the parent for each server, when the configuration has been
    /// read for good.
    fn before_fork<'s>(
        state: &'s Self::State,
        server: &Server<'s, Self>,
        seen: &mut Self::Seen,
    ) -> Result<(), String>;

    /// Runs in the parent after all servers, when the configuration has been
    /// read for good.
    fn before_fork_once(state: &Self::State, server: MainServer<'_>) -> Result<(), String>;

    /// Runs in each child, before it serves a request.
    fn after_fork(state: &Self::State) -> Result<(), String>;

    /// Makes the record of a section that sets nothing yet.
    fn create<'p>() -> Self::Record<'p>;

    /// Makes the record of a section, `add`, inside another, `base`.
    fn merge<'p>(base: &Self::Record<'p>, add: &Self::Record<'p>) -> Self::Record<'p>;

    /// Makes a record under which no session is sealed or opened: what stands
    /// in for a record that could not be made.
    fn refusing<'p>() -> Self::Record<'p>;

    /// The realm of a section.
    fn realm(record: &Self::Record<'_>) -> Self::Realm;

    /// Turns a session into a token.
    fn encode<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        record: &Self::Record<'r>,
        session: &mut Session<'r, Self::Realm>,
    ) -> Result<(), Failed>;

    /// Turns a token into a session.
    fn decode<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        record: &Self::Record<'r>,
        session: &mut Session<'r, Self::Realm>,
    ) -> Result<(), Failed>;

    /// Runs when mod_session has read the session.
    fn decoded<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        record: &Self::Record<'r>,
        session: &mut Session<'r, Self::Realm>,
    ) -> Result<(), Failed>;

    /// Whether a session that mod_session is about to store is to be stored.
    fn is_to_be_saved(request: Request<'_>, session: &Session<'_, Self::Realm>) -> bool;

    /// Runs before httpd looks for the sections of a request.
    fn before_sections(request: Request<'_>);

    /// Runs when the sections of a request are known, before anybody acts on them.
    fn sections_are_known(request: Request<'_>);

    /// Runs before all fixups of a request.
    fn before_fixups(request: Request<'_>);

    /// Runs when mod_session has put the session into the environment.
    fn environment_is_set(request: Request<'_>);

    /// Runs once a subrequest may have become the answer of a request.
    fn redirects_are_done(request: Request<'_>);

    /// Runs after all fixups of a request.
    fn after_fixups(request: Request<'_>);

    /// Runs when a request is about to be answered.
    fn before_answer(request: Request<'_>);

    /// Runs before the filters of an answer that is an error.
    fn before_error(request: Request<'_>);
}

/// A hook failed, and has said why in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

/// httpd's record of this module, `module` of http_config.h, and after it our
/// way to the state.
#[repr(C)]
pub struct Record<S> {
    module: UnsafeCell<module>,
    state: AtomicPtr<S>,
}

// SAFETY: httpd writes to the record while it loads the module, before any
// thread of ours runs; we never write to it. The state is Sync itself.
unsafe impl<S: Sync> Sync for Record<S> {}

impl<S: 'static> Record<S> {
    /// Describes a module to httpd (`STANDARD20_MODULE_STUFF`).
    ///
    /// `name` is the name for `<IfModule>`.
    pub(crate) const fn new<M: Module<State = S>, const N: usize>(
        name: &'static CStr,
        directives: &'static Directives<N>,
    ) -> Self {
        let module = module {
            version: bindings::MODULE_MAGIC_NUMBER_MAJOR,
            minor_version: bindings::MODULE_MAGIC_NUMBER_MINOR,
            module_index: -1,
            name: name.as_ptr(),
            dynamic_load_handle: ptr::null_mut(),
            next: ptr::null_mut(),
            magic: bindings::SESSION_CRYPTO_MAGIC_COOKIE,
            rewrite_args: None,
            create_dir_config: Some(entries::create::<M>),
            merge_dir_config: Some(entries::merge::<M>),
            create_server_config: None,
            merge_server_config: None,
            cmds: directives.as_ptr(),
            register_hooks: Some(entries::register_hooks::<M>),
            flags: 0,
        };
        Self {
            module: UnsafeCell::new(module),
            state: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) const fn as_ptr(&self) -> *const module {
        self.module.get()
    }

    /// The state of the configuration in force.
    ///
    /// # Safety
    ///
    /// The configuration stays in force for `'s`: for as long as a request,
    /// or a line of that configuration, is handled.
    pub(super) unsafe fn state<'s>(&self) -> Option<&'s S> {
        // SAFETY: NULL, or a state that lives until its pool is cleared, when
        // the pointer is NULL again; the caller sees to it that this is later.
        unsafe { self.state.load(Ordering::Acquire).as_ref() }
    }
}

/// The record behind a pointer of httpd's; of NULL, one that refuses.
///
/// # Safety
///
/// `raw` is NULL or came from `create` or `merge`, and lives for `'p`.
pub(super) unsafe fn record<'p, M: Module>(raw: *const c_void) -> M::Record<'p> {
    // SAFETY: the caller vouches for it.
    match unsafe { raw.cast::<M::Record<'p>>().as_ref() } {
        Some(record) => *record,
        None => M::refusing(),
    }
}

/// A state, while its pool lives.
struct Installed<M: Module>(M::State);

impl<M: Module> Drop for Installed<M> {
    fn drop(&mut self) {
        M::record().state.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Puts a state in force until the pool of its configuration is cleared.
pub(super) fn install<M: Module>(pool: Pool<'_>, state: M::State) {
    let installed = pool.place(Installed::<M>(state));
    let state = ptr::from_ref(&installed.0).cast_mut();
    M::record().state.store(state, Ordering::Release);
}

/// Whether the configuration is being read for the first time, to look at it
/// (`httpd -t`) or to throw it away: nothing will be served under it.
pub(crate) fn is_first_reading() -> bool {
    // SAFETY: a query without arguments.
    let phase = unsafe { bindings::ap_state_query(bindings::AP_SQ_MAIN_STATE) };
    phase == bindings::AP_SQ_MS_CREATE_PRE_CONFIG
}

// "AP24" and "AP25", the cookies of ap_mmn.h whose API this module is written for.
const _: () = assert!(
    matches!(
        bindings::SESSION_CRYPTO_MAGIC_COOKIE,
        0x4150_3234 | 0x4150_3235
    ),
    "this is neither httpd 2.4 nor httpd 2.5: build with the apxs of one"
);
