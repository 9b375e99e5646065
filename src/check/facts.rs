//! Lines that count wherever they stand.

use std::collections::{HashMap, HashSet};

use super::cookie::{self, Attributes};
use super::logs;
use crate::ffi::config_tree::{Node, Nodes};

/// Sections inside sections that are looked into.
const DEPTH: usize = 32;

/// The meaning of such lines.
#[derive(Default)]
pub(super) struct Facts {
    /// Some section encrypts.
    pub(super) encrypts: bool,
    /// A list of ended sessions is kept, and each session has a lifetime.
    pub(super) revokes: bool,
    /// The attributes that mod_headers gives to cookies.
    pub(super) attributes: Attributes,
    /// The names of the cookies of sessions.
    cookies: HashSet<Vec<u8>>,
    /// By the nickname of each format of logs that has a secret, the part of it that does.
    formats: HashMap<Vec<u8>, String>,
}

impl Facts {
    /// Reads a configuration.
    pub(super) fn read(nodes: Nodes<'_>) -> Self {
        let mut facts = Self::default();
        for_each(nodes, 0, &mut |node| facts.add(node));
        // Formats may stand before the names of cookies.
        for_each(nodes, 0, &mut |node| facts.add_format(node));
        facts
    }

    fn add(&mut self, node: Node<'_>) {
        self.encrypts |= is_secret(node);
        if node.is("SessionCryptoRevocation") {
            let word = node.words().next().unwrap_or_default();
            self.revokes = !word.eq_ignore_ascii_case(b"off");
        } else if node.is("SessionCookieName") || node.is("SessionDBDCookieName") {
            self.cookies.insert(cookie::name(node).to_vec());
        } else {
            self.attributes.add_header(node);
        }
    }

    fn add_format(&mut self, node: Node<'_>) {
        let mut words = node.words();
        if let (true, Some(format), Some(name)) = (node.is("LogFormat"), words.next(), words.next())
        {
            match self.secret_in(&format) {
                Some(secret) => self.formats.insert(name.into_owned(), secret),
                None => self.formats.remove(&*name),
            };
        }
    }

    /// The part of a format that has a secret.
    pub(super) fn secret_in(&self, format: &[u8]) -> Option<String> {
        logs::secret_in(format, &self.cookies)
    }

    /// The part of the format of a `CustomLog` line that has a secret.
    pub(super) fn secret_in_log(&self, node: Node<'_>) -> Option<String> {
        let format = node.words().nth(1)?;
        let of_nickname = self.formats.get(&*format).cloned();
        of_nickname.or_else(|| self.secret_in(&format))
    }
}

/// Whether the line asks for encryption.
pub(super) fn is_secret(node: Node<'_>) -> bool {
    let mut secrets = SECRETS.iter();
    secrets.any(|name| node.is(name))
}

const SECRETS: [&str; 4] = [
    "SessionCryptoKeyFile",
    "SessionCryptoPassphrase",
    "SessionCryptoPassphraseFile",
    "SessionCryptoCertificateFile",
];

/// Hands each line of a configuration to `with`; `depth` sections are around these.
pub(super) fn for_each<'c>(nodes: Nodes<'c>, depth: usize, with: &mut dyn FnMut(Node<'c>)) {
    for node in nodes {
        with(node);
        if depth < DEPTH {
            for_each(node.nodes(), depth.saturating_add(1), with);
        }
    }
}
