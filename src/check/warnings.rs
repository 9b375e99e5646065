//! Warnings of likely mistakes, one line each.

use std::collections::HashSet;

use session_crypto_core::{Counters, During, Identities, Keyring, Secrets, Settings, Validity};

use super::device_handler::DeviceHandlers;
use super::idle::IdleDevices;
use super::keys::SectionKeys;
use super::secrets::may_encrypt;
use crate::config::{
    CERTIFICATE_FILE, DEFAULT_LIFETIME, DirConfig, Flaw, IDLE_BESIDE, Passphrases,
};
use crate::ffi::config_tree::{self, Node, Nodes};
use crate::ffi::{self, Level, MainServer, Server};
use crate::key_files::KeyFile;
use crate::message::{Code, Message};

/// A setting needs encryption, and sessions are in clear.
const IN_CLEAR: Code = Code("SC0421");

/// The time of a certificate is over, or yet to come.
const CERTIFICATE_DATES: Code = Code("SC0425");

/// mod_session_dbd takes the cookie off the request.
const COOKIE_LOST: Code = Code("SC0430");

/// The warnings given so far, so that none is repeated for each section and server,
/// and the results that all servers are checked with together.
#[derive(Default)]
pub(crate) struct Warnings {
    said: HashSet<Message>,
    /// Some section encrypts.
    encrypts: bool,
    /// Lists of passphrases, by their address, that seal or open a private key.
    used: HashSet<usize>,
    /// Lists beside a certificate that does not need them.
    idle: Vec<(usize, Flaw)>,
    /// The longest lifetime of sessions in any section so far, in seconds.
    longest: u64,
    /// The settings of devices.
    pub(super) devices: IdleDevices,
    /// The lines that choose the handler of devices.
    pub(super) device_handlers: DeviceHandlers,
    /// The keys of sections.
    pub(super) keys: SectionKeys,
}

impl Warnings {
    /// Tells the log the ids of the keys of each section, once they are known.
    pub(crate) fn say_keys(&self, counters: Counters, server: MainServer<'_>) {
        self.keys.say(counters, server);
    }

    /// Notes the settings in force in a section, and which it sets by itself.
    pub(super) fn note(
        &mut self,
        keyring: &Keyring,
        config: DirConfig<'_>,
        settings: Settings<'_>,
        own: Option<DirConfig<'_>>,
    ) {
        let Some(passphrases) = config.passphrases() else {
            return;
        };
        let opens = !matches!(settings.secrets, Secrets::Certificates(_));
        if opens || !config.has_idle_passphrases(keyring, During::Startup) {
            self.used.insert(address(passphrases));
        } else if own.is_some_and(|own| own.has_both()) {
            let flaw = config.idle_passphrases(IDLE_BESIDE);
            self.idle.push((address(passphrases), flaw));
        }
    }

    /// Notes how long the sessions of a section may live.
    pub(super) fn note_lifetime(&mut self, lifetime: Option<u64>) {
        self.longest = self.longest.max(lifetime.unwrap_or(DEFAULT_LIFETIME));
    }

    /// The longest lifetime of sessions in any section, in seconds.
    pub(crate) fn longest_lifetime(&self) -> u64 {
        self.longest
    }

    /// Notes that a private key elsewhere may need the passphrases of a section.
    pub(super) fn may_be_used(&mut self, config: &DirConfig<'_>) {
        self.used.extend(config.passphrases().map(address));
    }

    /// Checks that all passphrases beside a certificate are of use somewhere.
    ///
    /// # Errors
    ///
    /// Some are not.
    pub(super) fn idle_passphrases(&self) -> Result<(), Message> {
        let mut idle = self.idle.iter();
        match idle.find(|(list, _)| !self.used.contains(list)) {
            Some((_, flaw)) => Err(flaw.clone().into_message()),
            None => Ok(()),
        }
    }

    /// Warns about the settings in force in a section: a key file with the wrong rights,
    /// passphrases that can be guessed, and a certificate whose time is over or yet to come.
    pub(super) fn about(&mut self, config: &DirConfig<'_>, settings: Settings<'_>, now: u64) {
        self.encrypts = true;
        if let Some(passphrases) = config.passphrases() {
            let opens = !matches!(settings.secrets, Secrets::Certificates(_));
            for warning in passphrases.warnings(opens) {
                self.say(warning);
            }
        }
        if let Some(warning) = config.key_file().and_then(KeyFile::warning) {
            self.say(warning);
        }
        let Secrets::Certificates(identities) = settings.secrets else {
            return;
        };
        let (Some((line, name)), Some(state)) =
            (config.first_certificate(), state(identities, now))
        else {
            return;
        };
        self.say(&CERTIFICATE_DATES.says(format!(
            "{line}: {CERTIFICATE_FILE}: the certificate in {name} {state}; sessions are sealed \
             and opened with it all the same, and a new one goes before it in the list"
        )));
    }

    /// Warns of mistakes that only all sections of a server together show.
    pub(super) fn about_server(&mut self, keyring: &Keyring, server: &Server<'_, DirConfig<'_>>) {
        self.about_clear(server, &[]);
        // Each pair of sections is looked at, and there may be thousands.
        let chains: Vec<_> = (0..server.sections.len())
            .map(|index| server.chain(index))
            .collect();
        for (index, chain) in chains.iter().enumerate() {
            self.about_clear(server, chain);
            self.about_meeting(keyring, server, &chains, index);
        }
    }

    /// Warns of settings that only encryption needs where sessions go out in clear.
    fn about_clear(&mut self, server: &Server<'_, DirConfig<'_>>, chain: &[usize]) {
        let config = server.config_of(chain);
        if !server.has_sessions(chain) || may_encrypt(server, chain) {
            return;
        }
        for (directive, line) in config.only_for_encryption() {
            self.say(&IN_CLEAR.says(format!(
                "{line}: {directive} does nothing, and sessions go out in clear: 'Session On' is in \
                 force here, and no passphrase, certificate or key: write SessionCryptoKeyFile or \
                 SessionCryptoPassphraseFile beside it, or take the line out"
            )));
        }
    }

    /// Warns of sections that do not go together with this one, where a request may be
    /// in both; the sections do not tell whether one is.
    fn about_meeting(
        &mut self,
        keyring: &Keyring,
        server: &Server<'_, DirConfig<'_>>,
        chains: &[Vec<usize>],
        index: usize,
    ) {
        let own = |index: usize| {
            server
                .sections
                .get(index)
                .and_then(|section| section.config)
        };
        let Some(one) = own(index).filter(DirConfig::may_clash) else {
            return;
        };
        let chain = chains.get(index).map_or(&[][..], Vec::as_slice);
        for (other, others) in chains.iter().enumerate() {
            let Some(with) = own(other).filter(|other| one.may_clash_with(other)) else {
                continue;
            };
            if chain.contains(&other)
                || others.contains(&index)
                || !server.are_likely_to_meet(index, other)
            {
                continue;
            }
            let both: Vec<_> = if server.is_before(index, other) {
                chain.iter().chain(others).copied().collect()
            } else {
                others.iter().chain(chain).copied().collect()
            };
            if let Some(warning) = server.config_of(&both).clash(keyring, &one, &with) {
                self.say(&warning);
            }
        }
    }

    /// Warns of mod_session_dbd's default, under which a redirect inside the
    /// server takes the cookie away before the session is looked for.
    pub(super) fn about_database(&mut self) {
        if self.encrypts {
            config_tree::with_nodes(|nodes| self.about_database_in(nodes, false, 0));
        }
    }

    fn about_database_in(&mut self, nodes: Nodes<'_>, inherited: bool, depth: usize) {
        let set = nodes.filter(|node| node.is(COOKIE_REMOVE)).last();
        let keeps = set.map_or(inherited, |node| is_off(node));
        for node in nodes {
            let name = COOKIE_NAMES.iter().find(|name| node.is(name));
            if let Some(name) = name.filter(|_| !keeps) {
                self.say(&COOKIE_LOST.says(format!(
                    "{}: {name}: an internal redirect (an error document, a rewritten or a \
                     default page) loses the session: write '{COOKIE_REMOVE} Off' beside it",
                    node.line()
                )));
            }
            if depth < DEPTH {
                self.about_database_in(node.nodes(), keeps, depth.saturating_add(1));
            }
        }
    }

    fn say(&mut self, warning: &Message) {
        if self.said.insert(warning.clone()) {
            ffi::log_server(Level::Warning, warning);
        }
    }
}

const COOKIE_NAMES: &[&str] = &["SessionDBDCookieName", "SessionDBDCookieName2"];
const COOKIE_REMOVE: &str = "SessionDBDCookieRemove";

/// Sections inside sections that are looked into.
const DEPTH: usize = 32;

fn is_off(node: Node<'_>) -> bool {
    node.arguments().trim_ascii().eq_ignore_ascii_case(b"off")
}

fn address(passphrases: &Passphrases) -> usize {
    std::ptr::from_ref(passphrases).addr()
}

fn state(identities: &Identities, now: u64) -> Option<&'static str> {
    match identities.validity(now) {
        Validity::Expired => Some("has expired"),
        Validity::NotYetValid => Some("is not valid yet"),
        Validity::Valid => None,
    }
}
