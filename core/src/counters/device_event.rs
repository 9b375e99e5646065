//! The events about devices that are counted.

/// An event about the devices of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// A browser was asked to register a key for a new session.
    Offered,
    /// A browser has registered a key.
    Registered,
    /// A browser has proved its key again.
    Refreshed,
    /// A bound session came with its bound cookie.
    Bound,
    /// A session has become bound.
    BecameBound,
    /// A session came that is not bound.
    Unbound,
    /// A bound session came without its bound cookie, and was let in.
    Tolerated,
    /// A session was refused.
    Refused(SessionReason),
    /// A browser did not get what it asked an endpoint for.
    Denied(EndpointReason),
}

/// The number of the first reason of a refused session, and of the first reason of an
/// endpoint. Both have room for more.
const REFUSED: usize = 8;
const DENIED: usize = 16;

impl DeviceEvent {
    /// The number of the event among those about devices.
    pub(super) fn number(self) -> usize {
        match self {
            Self::Offered => 0,
            Self::Registered => 1,
            Self::Refreshed => 2,
            Self::Bound => 3,
            Self::BecameBound => 4,
            Self::Unbound => 5,
            Self::Tolerated => 6,
            Self::Refused(SessionReason(reason)) => reason.saturating_add(REFUSED),
            Self::Denied(EndpointReason(reason)) => reason.saturating_add(DENIED),
        }
    }

    /// All events.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Offered, Self::Registered, Self::Refreshed];
        all.extend([
            Self::Bound,
            Self::BecameBound,
            Self::Unbound,
            Self::Tolerated,
        ]);
        all.extend(SessionReason::all().map(Self::Refused));
        all.extend(EndpointReason::all().map(Self::Denied));
        all
    }
}

/// The reason why a session was refused: the position of its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionReason(usize);

/// The reason why a browser did not get what it asked an endpoint for: the position of its
/// label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointReason(usize);

impl SessionReason {
    /// The names of all reasons for programs, which stay the same.
    pub const LABELS: [&'static str; 5] = [
        "no_cookie",
        "cookie_ended",
        "other_device",
        "other_session",
        "not_bound",
    ];

    /// The reason with a label.
    pub(crate) fn of(label: &str) -> Self {
        Self(position(&Self::LABELS, label))
    }

    /// All reasons.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::LABELS.len()).map(Self)
    }

    /// The name of the reason for programs.
    pub fn label(self) -> &'static str {
        Self::LABELS.get(self.0).copied().unwrap_or_default()
    }
}

impl EndpointReason {
    /// The names of all reasons for programs, which stay the same. New ones come last.
    pub const LABELS: [&'static str; 29] = [
        "no_session_id",
        "no_key",
        "key_elsewhere",
        "key_failed",
        "ended",
        "standing_unknown",
        "no_proof",
        "no_challenge",
        "challenge_elsewhere",
        "challenge_failed",
        "challenge_purpose",
        "challenge_session",
        "challenge_age",
        "younger_session",
        "library",
        "proof_too_long",
        "proof_parts",
        "proof_encoding",
        "proof_not_json",
        "proof_repeated",
        "proof_type",
        "proof_extension",
        "proof_algorithm",
        "proof_no_key",
        "proof_key",
        "proof_no_challenge",
        "proof_signature",
        "not_sealed",
        "off",
    ];

    /// The values of an answer could not be sealed.
    pub const NOT_SEALED: Self = Self(27);

    /// The reason with a label.
    pub(crate) fn of(label: &str) -> Self {
        Self(position(&Self::LABELS, label))
    }

    /// All reasons.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::LABELS.len()).map(Self)
    }

    /// The name of the reason for programs.
    pub fn label(self) -> &'static str {
        Self::LABELS.get(self.0).copied().unwrap_or_default()
    }
}

/// The position of a label, which is one of these.
fn position(labels: &[&str], label: &str) -> usize {
    let found = labels.iter().position(|known| *known == label);
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_is_that_of_one_reason() {
        for reason in SessionReason::all() {
            assert_eq!(SessionReason::of(reason.label()), reason);
        }
        for reason in EndpointReason::all() {
            assert_eq!(EndpointReason::of(reason.label()), reason);
        }
        assert_eq!(EndpointReason::NOT_SEALED.label(), "not_sealed");
    }

    #[test]
    fn the_reasons_of_sessions_do_not_reach_those_of_endpoints() {
        assert!(REFUSED + SessionReason::LABELS.len() <= DENIED);
    }
}
