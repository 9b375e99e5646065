//! This module, as httpd sees it: what runs when.

use std::ffi::CStr;

use session_crypto_core::{
    Keyring, OncePerMinute, OpenSslRandom, Seed, SessionEntry, SharedMemory,
};

use crate::config::{DirConfig, Realm};
use crate::ffi::{
    self, Failed, Handler, MainServer, Module, ModuleRecord, Request, Requirement, Server,
    StatusForm,
};
use crate::message::Message;
use crate::session_crypto::SessionCrypto;
use crate::sessions::{
    Life, Session, device_page, device_values, end_sessions, hooks, long_cookies, outcome, realms,
};
use crate::state::State;
use crate::{check, clock, devices, directives, emergency, keys_ahead, revocation, status};

/// The symbol that `LoadModule session_crypto_module` looks for, the only one of
/// this library.
///
/// `<IfModule mod_session_crypto.c>` looks for the name.
#[expect(unsafe_code, reason = "LoadModule finds the symbol by its name")]
#[unsafe(no_mangle)]
static session_crypto_module: ModuleRecord<State> = ffi::module_record::<
    SessionCrypto,
    { directives::ENTRIES },
>(c"mod_session_crypto.c", &directives::TABLE);

impl Module for SessionCrypto {
    type DirConfig<'p> = DirConfig<'p>;

    type State = State;

    type Realm = Realm;

    type SessionNote = Life;

    type Findings = check::Warnings;

    fn module_record() -> &'static ModuleRecord<State> {
        &session_crypto_module
    }

    fn start(retained: [u8; 16], shared: SharedMemory) -> Result<State, Message> {
        shared.counters.begin(clock::now(), ffi::uptime());
        let keyring = Keyring::to_inherit(Seed(retained), OpenSslRandom, shared)
            .map_err(emergency::cannot_start)?;
        let cookie_warnings = OncePerMinute::new(shared.cookie_warnings);
        Ok(State::new(keyring, cookie_warnings))
    }

    fn check<'s>(
        state: &'s State,
        server: &Server<'s, DirConfig<'s>>,
        warnings: &mut check::Warnings,
    ) -> Result<(), Message> {
        check::end_sessions(state, server)?;
        state.programs.check()?;
        check::server(&state.keyring, server, warnings, clock::now())
    }

    fn before_fork<'s>(
        state: &'s State,
        server: &Server<'s, DirConfig<'s>>,
        warnings: &mut check::Warnings,
    ) -> Result<(), Message> {
        check::prepare(state, server, warnings, clock::now())
    }

    fn before_fork_once(
        state: &State,
        server: MainServer<'_>,
        warnings: &check::Warnings,
    ) -> Result<(), Message> {
        state.keyring.release_private_passphrases();
        state.key_files.share(server)?;
        keys_ahead::derive(&state.keyring, server, clock::now())?;
        warnings.say_keys(state.counters(), server);
        let settings = state.take_revocation_settings();
        let longest = warnings.longest_lifetime();
        state.set_longest_lifetime(longest);
        if let Some(revocation) = revocation::start(settings, server, longest)? {
            state.set_revocation(revocation);
        }
        Ok(())
    }

    fn from_time_to_time(state: &State, server: MainServer<'_>) {
        state.key_files.watch(&state.keyring, server);
        if let Some(revocation) = state.revocation() {
            revocation.keep();
        }
    }

    fn after_fork(state: &State) -> Result<(), Message> {
        state.keyring.after_fork();
        state
            .keyring
            .derive_again(clock::now())
            .map(|_| ())
            .map_err(|error| emergency::cannot_seal(&error))
    }

    fn realm(config: &DirConfig<'_>) -> Realm {
        config.realm()
    }

    const ENTRY: &'static CStr = SessionEntry::KEY;

    fn is_idle(state: &State, config: &DirConfig<'_>, life: &Life) -> bool {
        let is_plain = state.revocation().is_none() && !config.has_policy() && !life.has_entry();
        is_plain || !config.has_secrets()
    }

    fn encoding<'r>(
        request: Request<'r>,
        state: &'r State,
        config: &DirConfig<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::encoding(request, state, config, session)
    }

    fn encode<'r>(
        request: Request<'r>,
        state: &'r State,
        config: &DirConfig<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::encode(request, state, config, session)
    }

    fn decode<'r>(
        request: Request<'r>,
        state: &'r State,
        config: &DirConfig<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::decode(request, state, config, session);
        Ok(())
    }

    fn decoded<'r>(
        request: Request<'r>,
        state: &'r State,
        config: &DirConfig<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::decoded(request, state, config, session);
        Ok(())
    }

    fn expired<'r>(
        request: Request<'r>,
        state: &'r State,
        _: &DirConfig<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::expired(request, state, session);
        Ok(())
    }

    fn is_to_be_saved(request: Request<'_>, session: &Session<'_>) -> bool {
        hooks::is_to_be_saved(request, session)
    }

    const HANDLERS: &'static [Handler<Self>] = &[
        Handler {
            name: end_sessions::HANDLER,
            answer: end_sessions::handle,
        },
        Handler {
            name: status::HANDLER,
            answer: status::handle,
        },
        devices::LATE,
    ];

    const EARLY_HANDLER: Handler<Self> = devices::EARLY;

    fn may_answer_early(request: Request<'_>, config: &DirConfig<'_>) -> bool {
        devices::may_answer(request, config)
    }

    const REQUIREMENT: Requirement<Self> = devices::REQUIREMENT;

    fn status_section(state: &State, form: StatusForm) -> String {
        status::section(state, form)
    }

    fn session_is_read(request: Request<'_>) -> Option<&CStr> {
        let device = request.known_config::<Self>()?.device()?;
        device_values::hide(request, &device);
        device_page::instead(request, &device)
    }

    fn section_is_chosen(request: Request<'_>) {
        let config = request.known_config::<Self>();
        if let Some(device) = config.and_then(|config| config.device()) {
            device_values::hide(request, &device);
        }
    }

    fn before_sections(request: Request<'_>) {
        outcome::hand_on(request);
        realms::before_sections(request);
    }

    fn sections_are_known(request: Request<'_>) {
        realms::sections_are_known(request);
    }

    fn before_fixups(request: Request<'_>) {
        realms::before_fixups(request);
    }

    fn environment_is_set(request: Request<'_>) {
        realms::environment_is_set(request);
    }

    fn redirects_are_done(request: Request<'_>) {
        realms::redirects_are_done(request);
    }

    fn after_fixups(request: Request<'_>) {
        realms::after_fixups(request);
    }

    fn before_answer(request: Request<'_>) {
        realms::before_answer(request);
    }

    fn before_error(request: Request<'_>) {
        realms::before_error(request);
    }

    fn after_answer(request: Request<'_>, state: &State) {
        long_cookies::after_answer(request, state, clock::now());
    }
}
