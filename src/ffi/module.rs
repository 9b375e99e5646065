//! A module in safe Rust.

use std::ffi::CStr;

use session_crypto_core::SharedMemory;

use super::dir_config::DirSettings;
use super::exchange::{Exchange, Status};
use super::log::MainServer;
use super::module_record::ModuleRecord;
use super::request::Request;
use super::server::Server;
use super::session::Session;
use crate::message::Message;

/// A module, with httpd's own terms for each part.
pub(crate) trait Module: Sized + 'static {
    /// The settings of a section.
    type DirConfig<'p>: DirSettings;

    /// The data that the process keeps while a configuration is in force.
    type State: Send + Sync;

    /// Tells sections apart whose sessions must not meet.
    type Realm: Copy + PartialEq + 'static;

    /// The module's own note on the contents of a session in a realm.
    type SessionNote: Copy + Default + 'static;

    /// The results of the checks of all servers together.
    type Findings: Default;

    /// The record that httpd knows this module by.
    fn module_record() -> &'static ModuleRecord<Self::State>;

    /// Makes the state of a configuration that is about to be read.
    ///
    /// `retained` are random bytes that stay the same over graceful restarts;
    /// children inherit and share the words of `shared`.
    fn start(retained: [u8; 16], shared: SharedMemory) -> Result<Self::State, Message>;

    /// Checks a server before `httpd -t` says that its syntax is right: for
    /// mistakes that no single line shows.
    fn check<'s>(
        state: &'s Self::State,
        server: &Server<'s, Self::DirConfig<'s>>,
        findings: &mut Self::Findings,
    ) -> Result<(), Message>;

    /// Runs in the parent for each server, when the configuration that will be
    /// served has been read.
    fn before_fork<'s>(
        state: &'s Self::State,
        server: &Server<'s, Self::DirConfig<'s>>,
        findings: &mut Self::Findings,
    ) -> Result<(), Message>;

    /// Runs in the parent once, after [`Module::before_fork`] has run for every
    /// server.
    fn before_fork_once(
        state: &Self::State,
        server: MainServer<'_>,
        findings: &Self::Findings,
    ) -> Result<(), Message>;

    /// Runs in the parent every ten seconds while the configuration is in force.
    fn from_time_to_time(state: &Self::State, server: MainServer<'_>);

    /// Runs in each child, before it serves a request.
    fn after_fork(state: &Self::State) -> Result<(), Message>;

    /// The realm of a section.
    fn realm(config: &Self::DirConfig<'_>) -> Self::Realm;

    /// The name of an entry of sessions that nobody but this module reads or writes.
    const ENTRY: &'static CStr;

    /// Whether [`Module::encoding`] and [`Module::decoded`] have nothing to do for a session
    /// without [`Module::ENTRY`].
    fn is_idle(state: &Self::State, config: &Self::DirConfig<'_>, note: &Self::SessionNote)
    -> bool;

    /// Runs before mod_session makes a text of the session, which is turned into a
    /// token next.
    fn encoding<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        config: &Self::DirConfig<'r>,
        session: &mut Session<'r, Self::Realm, Self::SessionNote>,
    ) -> Result<(), Failed>;

    /// Turns a session into a token.
    fn encode<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        config: &Self::DirConfig<'r>,
        session: &mut Session<'r, Self::Realm, Self::SessionNote>,
    ) -> Result<(), Failed>;

    /// Turns a token into a session.
    fn decode<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        config: &Self::DirConfig<'r>,
        session: &mut Session<'r, Self::Realm, Self::SessionNote>,
    ) -> Result<(), Failed>;

    /// Runs when mod_session has read the text that was sealed in a token, or when a
    /// request that another one led to asks for the session.
    fn decoded<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        config: &Self::DirConfig<'r>,
        session: &mut Session<'r, Self::Realm, Self::SessionNote>,
    ) -> Result<(), Failed>;

    /// Runs when mod_session has read a session that has expired.
    fn expired<'r>(
        request: Request<'r>,
        state: &'r Self::State,
        config: &Self::DirConfig<'r>,
        session: &mut Session<'r, Self::Realm, Self::SessionNote>,
    ) -> Result<(), Failed>;

    /// Whether the stores may have a session that mod_session wants to save.
    fn is_to_be_saved(
        request: Request<'_>,
        session: &Session<'_, Self::Realm, Self::SessionNote>,
    ) -> bool;

    /// The handlers that `SetHandler` chooses.
    const HANDLERS: &'static [Handler<Self>];

    /// The handler that answers before httpd asks for the user of a request, where
    /// [`with_devices`](super::with_devices) was called.
    const EARLY_HANDLER: Handler<Self>;

    /// Whether the early handler may be meant in a section. Each request asks.
    fn may_answer_early(request: Request<'_>, config: &Self::DirConfig<'_>) -> bool;

    /// The demand on requests that `Require` knows.
    const REQUIREMENT: Requirement<Self>;

    /// The module's part of mod_status's page, in one of its forms.
    fn status_section(state: &Self::State, form: StatusForm) -> String;

    /// Runs after [`Module::environment_is_set`], and after mod_env, where
    /// [`with_devices`](super::with_devices) was called. A page in HTML takes the place of
    /// the answer.
    fn session_is_read(request: Request<'_>) -> Option<&CStr>;

    /// Runs there after [`Module::redirects_are_done`].
    fn section_is_chosen(request: Request<'_>);

    /// Runs before httpd looks for the sections of a request.
    fn before_sections(request: Request<'_>);

    /// Runs when the sections of a request are known, before other modules act
    /// on them.
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

    /// Runs when a request with a note of a long token has been answered.
    fn after_answer(request: Request<'_>, state: &Self::State);
}

/// A handler that `SetHandler` chooses by its name.
pub(crate) struct Handler<M: Module> {
    pub(crate) name: &'static CStr,
    /// Answers a request whose sections choose the handler.
    pub(crate) answer: Answer<M>,
}

/// A function that answers a request.
pub(crate) type Answer<M> = for<'r> fn(
    &mut Exchange<'r, <M as Module>::Realm, <M as Module>::SessionNote>,
    &'r <M as Module>::State,
    &<M as Module>::DirConfig<'r>,
) -> Status;

/// A demand on requests: `Require NAME ARGUMENT`.
pub(crate) struct Requirement<M: Module> {
    pub(crate) name: &'static CStr,
    /// The one argument that it has.
    pub(crate) argument: &'static CStr,
    /// The message about another argument.
    pub(crate) wrong_argument: fn() -> Message,
    /// Whether a request meets it.
    pub(crate) is_met: IsMet<M>,
}

/// A function that judges a request.
pub(crate) type IsMet<M> = for<'r> fn(
    &mut Exchange<'r, <M as Module>::Realm, <M as Module>::SessionNote>,
    &'r <M as Module>::State,
    &<M as Module>::DirConfig<'r>,
) -> bool;

/// The forms of mod_status's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusForm {
    /// HTML.
    Html,
    /// HTML without tables: `?notable`.
    HtmlWithoutTables,
    /// Lines of a name, a colon and a value: `?auto`.
    Lines,
}

/// The error of a hook that has already said in the log why it failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;
