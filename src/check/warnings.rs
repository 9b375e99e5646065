//! Warnings of what looks like a mistake, and may be meant: one line each.

use std::collections::HashSet;

use session_crypto_core::{Identities, Keyring, Keys, Settings, Validity};

use super::others;
use crate::SessionCrypto;
use crate::config::{CERTIFICATE_FILE, DirRecord, During, Flaw, IDLE_BESIDE, Mends, Passphrases};
use crate::ffi::config_tree::{self, Line, Lines};
use crate::ffi::{self, Level, Server};

/// The warnings given so far, so that none is repeated for each section and server,
/// and what the checks of all servers together need.
#[derive(Default)]
pub(crate) struct Warnings {
    said: HashSet<String>,
    /// Some section encrypts.
    encrypts: bool,
    /// Lists of passphrases, by their address, that seal or open a private key.
    used: HashSet<usize>,
    /// Lists beside a certificate that does not need them.
    idle: Vec<(usize, Flaw)>,
}

impl Warnings {
    /// Keeps in mind what is in force in a section, and what it sets by itself.
    pub(super) fn note(
        &mut self,
        keyring: &Keyring,
        record: DirRecord<'_>,
        settings: Settings<'_>,
        own: Option<DirRecord<'_>>,
    ) {
        let Some(passphrases) = record.passphrases() else {
            return;
        };
        let seals = matches!(settings.keys, Keys::Passphrases(_));
        if seals || !record.has_idle_passphrases(keyring, During::Startup) {
            self.used.insert(address(passphrases));
        } else if own.is_some_and(|own| own.sets_both()) {
            let flaw = record.idle_passphrases(IDLE_BESIDE);
            self.idle.push((address(passphrases), flaw));
        }
    }

    /// Keeps in mind that a private key elsewhere may need the passphrases of a
    /// section.
    pub(super) fn may_be_used(&mut self, record: &DirRecord<'_>) {
        self.used.extend(record.passphrases().map(address));
    }

    /// Looks for passphrases beside a certificate that are of no use anywhere.
    ///
    /// # Errors
    ///
    /// There are some.
    pub(super) fn idle_passphrases(&self) -> Result<(), String> {
        let mut idle = self.idle.iter();
        match idle.find(|(list, _)| !self.used.contains(list)) {
            Some((_, flaw)) => Err(flaw.to_string()),
            None => Ok(()),
        }
    }

    /// Warns of what is in force in a section: passphrases that can be guessed,
    /// and a certificate that others might not accept any more, though this
    /// module does.
    pub(super) fn about(&mut self, record: &DirRecord<'_>, settings: Settings<'_>, now: u64) {
        self.encrypts = true;
        if let Some(passphrases) = record.passphrases() {
            let seals = matches!(settings.keys, Keys::Passphrases(_));
            for caution in passphrases.cautions(seals) {
                self.say(caution);
            }
        }
        let Keys::Certificates(identities) = settings.keys else {
            return;
        };
        let (Some((place, name)), Some(state)) =
            (record.first_certificate(), state(identities, now))
        else {
            return;
        };
        self.say(&format!(
            "{place}: {CERTIFICATE_FILE}: the certificate in {name} {state}; sessions are sealed \
             and opened with it all the same, and a new one goes before it in the list"
        ));
    }

    /// Warns of what shows only when all sections of a server are looked at.
    pub(super) fn about_server(&mut self, keyring: &Keyring, server: &Server<'_, SessionCrypto>) {
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

    /// Warns of settings of encryption where sessions go out in clear.
    fn about_clear(&mut self, server: &Server<'_, SessionCrypto>, chain: &[usize]) {
        let record = server.record_of(chain);
        if record.has_secrets() || !server.has_sessions(chain) {
            return;
        }
        // A request may be in another section as well, which has a passphrase.
        // Outside of every section, there are requests that are in none.
        let has_secrets = |other: DirRecord<'_>| other.sets().meets(Mends::SECRETS);
        let is_elsewhere = match chain.last() {
            Some(innermost) => others(server, chain, *innermost).any(has_secrets),
            None => {
                let mut everywhere = server.sections.iter().filter(|held| held.is_everywhere());
                everywhere.any(|held| held.record.is_some_and(has_secrets))
            }
        };
        if is_elsewhere {
            return;
        }
        for (directive, place) in record.of_encryption() {
            self.say(&format!(
                "{place}: {directive} does nothing, and sessions go out in clear: 'Session On' is in \
                 force here, and no passphrase, certificate or key: write \
                 SessionCryptoPassphraseFile beside it, or take the line out"
            ));
        }
    }

    /// Warns of what a section sets and of what others do that does not go
    /// together, where a request may be in both: whether one is, the sections do
    /// not say.
    fn about_meeting(
        &mut self,
        keyring: &Keyring,
        server: &Server<'_, SessionCrypto>,
        chains: &[Vec<usize>],
        index: usize,
    ) {
        let own = |index: usize| server.sections.get(index).and_then(|held| held.record);
        let Some(one) = own(index).filter(DirRecord::may_clash) else {
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
            if let Some(warning) = server.record_of(&both).clash(keyring, &one, &with) {
                self.say(&warning);
            }
        }
    }

    /// Warns of mod_session_dbd's default, under which a redirect inside the
    /// server takes the cookie away before the session is looked for.
    pub(super) fn about_database(&mut self) {
        if self.encrypts {
            config_tree::with_lines(|lines| self.about_database_in(lines, false, 0));
        }
    }

    fn about_database_in(&mut self, lines: Lines<'_>, inherited: bool, depth: usize) {
        let set = lines.filter(|line| line.is(COOKIE_REMOVE)).last();
        let keeps = set.map_or(inherited, |line| is_off(line));
        for line in lines {
            let name = COOKIE_NAMES.iter().find(|name| line.is(name));
            if let Some(name) = name.filter(|_| !keeps) {
                self.say(&format!(
                    "{}: {name}: an internal redirect (an error document, a rewritten or a \
                     default page) loses the session: write '{COOKIE_REMOVE} Off' beside it",
                    line.place()
                ));
            }
            if depth < DEPTH {
                self.about_database_in(line.lines(), keeps, depth.saturating_add(1));
            }
        }
    }

    fn say(&mut self, warning: &str) {
        if self.said.insert(warning.to_owned()) {
            ffi::log_server(Level::Warning, warning);
        }
    }
}

const COOKIE_NAMES: &[&str] = &["SessionDBDCookieName", "SessionDBDCookieName2"];
const COOKIE_REMOVE: &str = "SessionDBDCookieRemove";

/// Sections inside sections whose lines are looked at.
const DEPTH: usize = 32;

fn is_off(line: Line<'_>) -> bool {
    line.arguments().trim_ascii().eq_ignore_ascii_case(b"off")
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
