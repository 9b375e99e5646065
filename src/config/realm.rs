//! Realms tell sections apart whose sessions must not meet.

use session_crypto_core::Fingerprint;

use super::dir_config::DirConfig;

/// The settings that a section encrypts with (passphrases, certificates, private keys, key
/// file, ciphers, digest, purpose and engine), and those by which its sessions end and get
/// new names.
///
/// Sections that are set alike share a realm, and so do all that do not encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// Sessions are in clear.
    Clear,
    /// The section's settings could not be made; no session is sealed or opened.
    Refusing,
    /// A fingerprint of each setting, or the default one if it is not set.
    Sealed([Fingerprint; SETTINGS]),
}

/// The number of settings that make a realm.
const SETTINGS: usize = 11;

/// The number of those that come first, and say what a section encrypts with.
const SEALING: usize = 8;

impl DirConfig<'_> {
    /// Whether both sections encrypt with the same settings, so that each opens what the other
    /// has sealed.
    pub(crate) fn seals_like(&self, other: &Self) -> bool {
        let sealing = |realm| match realm {
            Realm::Sealed(settings) => settings.first_chunk::<SEALING>().copied(),
            Realm::Clear | Realm::Refusing => None,
        };
        sealing(self.realm()).is_some_and(|own| Some(own) == sealing(other.realm()))
    }

    /// The realm of a section.
    pub(crate) fn realm(&self) -> Realm {
        // All fields are named, so that a new setting does not build before it is
        // decided whether it makes a realm.
        let Self {
            passphrases,
            certificates,
            private_keys,
            // Read through `key_file_line`, because it need not be in force.
            key_file: _,
            engine,
            ciphers,
            digest,
            purpose,
            lifetime,
            not_before,
            // A session that is read with some names and written with others would seem to
            // have another user.
            user_entries,
            refuses,
            // Tells who may end sessions, and lets nobody in.
            end_sessions_for: _,
            // The device of a session is asked for in each section that a request is in.
            device: _,
            // These two follow from where settings stand, not from what they are.
            passphrases_are_inner: _,
            payer: _,
        } = self;
        if *refuses {
            return Realm::Refusing;
        }
        if !self.has_secrets() {
            return Realm::Clear;
        }
        Realm::Sealed(
            [
                passphrases.map(|held| held.fingerprint),
                certificates.map(|list| list.fingerprint()),
                private_keys.map(|list| list.fingerprint()),
                self.key_file_line().map(|file| file.fingerprint),
                ciphers.map(|names| names.fingerprint()),
                digest.map(|names| names.fingerprint()),
                purpose.map(|purpose| purpose.fingerprint),
                engine.map(|engine| engine.fingerprint),
                lifetime.map(|bound| bound.fingerprint),
                not_before.map(|dates| dates.fingerprint),
                user_entries.map(|entries| entries.fingerprint),
            ]
            .map(Option::unwrap_or_default),
        )
    }
}
