//! A key in a report, and its state.

use serde::{Deserialize, Serialize};
use session_crypto_core::{Dates, KeyCounts, SecretKind};

/// A key, or several that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The kind of the key.
    pub kind: Kind,
    /// The id of the key in tokens, if it is known.
    pub kid: Option<String>,
    /// Where the key stands: a file, or a file and a line. It is empty for several keys.
    pub place: String,
    /// The state of the key now.
    pub state: State,
    /// When the key begins to seal, in Unix seconds, if it is a key of a JWK Set that says so.
    pub nbf: Option<u64>,
    /// When the key ends, in Unix seconds, if it is a key of a JWK Set that says so.
    pub exp: Option<u64>,
    /// Since when the key is counted, in Unix seconds.
    pub since: u64,
    /// Sessions that it sealed.
    pub sealed: u64,
    /// Tokens that it opened.
    pub opened: u64,
    /// When it sealed a session last, in Unix seconds.
    pub last_sealed: Option<u64>,
    /// When it opened a token last, in Unix seconds.
    pub last_opened: Option<u64>,
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A key of a JWK Set.
    Set,
    /// A passphrase.
    Passphrase,
    /// A certificate with its private key.
    Certificate,
    /// All passphrases, certificates and keys of `.htaccess` files together.
    Htaccess,
    /// All keys together for which there is no counter of their own.
    Other,
}

/// The states of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It seals new sessions, and opens tokens.
    Seals,
    /// It opens tokens only.
    Opens,
    /// It opens tokens, and seals from its `nbf` on.
    Begins,
    /// Its `exp` has passed: it opens nothing, and still stands in its file.
    Ended,
    /// It is no longer configured, and opens nothing.
    Gone,
    /// These are several keys, of which each may do something else.
    Several,
}

impl Key {
    /// Joins the counts of a key and what its JWK Set says of it at a Unix time in seconds.
    pub(crate) fn new(counts: KeyCounts, in_set: Option<(Dates, bool)>, now: u64) -> Self {
        let kind = Kind::from(counts.kind);
        let dates = in_set.map(|(dates, _)| dates).unwrap_or_default();
        let state = match (kind, in_set) {
            (Kind::Htaccess | Kind::Other, _) => State::Several,
            (Kind::Set, Some((dates, _))) if dates.has_ended(now) => State::Ended,
            (Kind::Set, Some((dates, _))) if !dates.has_begun(now) => State::Begins,
            (Kind::Set, Some((_, true))) => State::Seals,
            (Kind::Set, Some((_, false))) => State::Opens,
            (Kind::Set, None) => State::Gone,
            _ if !counts.is_configured => State::Gone,
            _ if counts.seals => State::Seals,
            _ => State::Opens,
        };
        Self {
            kind,
            kid: counts.kid,
            place: counts.place,
            state,
            nbf: dates.not_before,
            exp: dates.expires,
            since: counts.since,
            sealed: counts.sealed,
            opened: counts.opened,
            last_sealed: counts.last_sealed,
            last_opened: counts.last_opened,
        }
    }

    /// When the key sealed or opened last, in Unix seconds.
    pub fn last_used(&self) -> Option<u64> {
        self.last_opened.max(self.last_sealed)
    }

    /// The name by which the key is called: its id, or else its place.
    pub fn name(&self) -> &str {
        match (&self.kid, self.kind) {
            (Some(kid), _) => kid,
            (None, Kind::Htaccess) => ".htaccess",
            (None, Kind::Other) => "other",
            (None, _) => &self.place,
        }
    }
}

impl Kind {
    /// The name of the kind for programs.
    pub fn label(self) -> &'static str {
        SecretKind::from(self).label()
    }

    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Set => "key of a JWK Set",
            Self::Passphrase => "passphrase",
            Self::Certificate => "certificate",
            Self::Htaccess => "all of .htaccess files",
            Self::Other => "all without a counter of their own",
        }
    }
}

impl From<SecretKind> for Kind {
    fn from(kind: SecretKind) -> Self {
        match kind {
            SecretKind::Set => Self::Set,
            SecretKind::Passphrase => Self::Passphrase,
            SecretKind::Certificate => Self::Certificate,
            SecretKind::Htaccess => Self::Htaccess,
            SecretKind::Other => Self::Other,
        }
    }
}

impl From<Kind> for SecretKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Set => Self::Set,
            Kind::Passphrase => Self::Passphrase,
            Kind::Certificate => Self::Certificate,
            Kind::Htaccess => Self::Htaccess,
            Kind::Other => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn counts(kind: SecretKind, is_configured: bool, seals: bool) -> KeyCounts {
        KeyCounts {
            counter: session_crypto_core::KeyCounter::OTHER,
            kind,
            kid: None,
            place: "/etc/keys".to_owned(),
            is_configured,
            seals,
            since: NOON - 100,
            sealed: 1,
            opened: 2,
            last_sealed: Some(NOON - 30),
            last_opened: Some(NOON - 50),
        }
    }

    fn dates(not_before: Option<u64>, expires: Option<u64>) -> Dates {
        Dates {
            not_before,
            expires,
            issued_at: None,
        }
    }

    #[test]
    fn the_dates_of_a_set_tell_the_state_of_its_keys() {
        for (in_set, state) in [
            (Some((dates(None, None), true)), State::Seals),
            (Some((dates(None, None), false)), State::Opens),
            (
                Some((dates(Some(NOON), Some(NOON + 1)), false)),
                State::Opens,
            ),
            (Some((dates(Some(NOON + 1), None), false)), State::Begins),
            (Some((dates(None, Some(NOON)), false)), State::Ended),
            (None, State::Gone),
        ] {
            let key = Key::new(counts(SecretKind::Set, true, false), in_set, NOON);
            assert_eq!(key.state, state, "{in_set:?}");
            let dates = in_set.map(|(dates, _)| dates).unwrap_or_default();
            assert_eq!((key.nbf, key.exp), (dates.not_before, dates.expires));
        }
    }

    #[test]
    fn the_configuration_tells_the_state_of_other_keys() {
        for kind in [SecretKind::Passphrase, SecretKind::Certificate] {
            for (is_configured, seals, state) in [
                (true, true, State::Seals),
                (true, false, State::Opens),
                (false, false, State::Gone),
                (false, true, State::Gone),
            ] {
                let key = Key::new(counts(kind, is_configured, seals), None, NOON);
                assert_eq!(key.state, state, "{kind:?}");
            }
        }
        for kind in [SecretKind::Htaccess, SecretKind::Other] {
            let key = Key::new(counts(kind, true, false), None, NOON);
            assert_eq!(key.state, State::Several);
        }
    }

    #[test]
    fn sealing_and_opening_are_uses() {
        let mut key = Key::new(counts(SecretKind::Passphrase, true, true), None, NOON);
        assert_eq!(key.last_used(), Some(NOON - 30));
        key.last_sealed = None;
        assert_eq!(key.last_used(), Some(NOON - 50));
        key.last_opened = None;
        assert_eq!(key.last_used(), None);
    }

    #[test]
    fn kinds_have_the_labels_of_core() {
        for kind in SecretKind::ALL {
            let kind = Kind::from(kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("{:?}", kind.label()));
        }
    }
}
