//! Why a browser does not get what it asks for.

use thiserror::Error;

use crate::counters::device_event::EndpointReason;
use crate::device::proof_error::{ProofError, ProofFlaw};
use crate::error::LibraryError;

/// The reason why a registration or a refresh does not come to its end.
#[derive(Clone, Debug, Error)]
pub enum DeviceReason {
    /// The request does not name a session of the browser.
    #[error("the request names no session of the browser")]
    NoSessionId,
    /// No key cookie is for the session that the request names.
    #[error("the request has no key cookie for the session that it names")]
    NoKey,
    /// The key cookie is under a secret that this server does not have.
    #[error("the key cookie is under a secret that this server does not have")]
    KeyElsewhere,
    /// The host failed to open the key cookie.
    #[error("the key cookie cannot be opened now")]
    KeyFailed,
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The host cannot tell whether the session has ended.
    #[error("nobody can tell now whether the session has ended")]
    StandingUnknown,
    /// The request has no proof.
    #[error("the request has no proof")]
    NoProof,
    /// The proof is wrong.
    #[error("the proof is wrong: {0}")]
    Proof(#[from] ProofFlaw),
    /// The challenge is none of this section.
    #[error("the challenge is none of this section")]
    NoChallenge,
    /// The challenge is under a secret that this server does not have.
    #[error("the challenge is under a secret that this server does not have")]
    ChallengeElsewhere,
    /// The host failed to open the challenge.
    #[error("the challenge cannot be opened now")]
    ChallengeFailed,
    /// The challenge is for something else: a registration or a refresh.
    #[error("the challenge is for something else")]
    ChallengePurpose,
    /// The challenge is for another session.
    #[error("the challenge is for another session")]
    ChallengeSession,
    /// The challenge is too old, or from the future.
    #[error("the challenge is too old")]
    ChallengeAge,
    /// The browser has bound a younger session of the same user.
    #[error("the browser has bound a younger session of the same user")]
    YoungerSession,
    /// The host binds no sessions any more.
    #[error("sessions are bound no longer")]
    Off,
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

impl DeviceReason {
    /// The name of the reason for programs, which stays the same.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoSessionId => "no_session_id",
            Self::NoKey => "no_key",
            Self::KeyElsewhere => "key_elsewhere",
            Self::KeyFailed => "key_failed",
            Self::Ended => "ended",
            Self::StandingUnknown => "standing_unknown",
            Self::NoProof => "no_proof",
            Self::Proof(flaw) => flaw.label(),
            Self::NoChallenge => "no_challenge",
            Self::ChallengeElsewhere => "challenge_elsewhere",
            Self::ChallengeFailed => "challenge_failed",
            Self::ChallengePurpose => "challenge_purpose",
            Self::ChallengeSession => "challenge_session",
            Self::ChallengeAge => "challenge_age",
            Self::YoungerSession => "younger_session",
            Self::Off => "off",
            Self::Library(_) => "library",
        }
    }

    /// The reason, as it is counted.
    pub fn counted(&self) -> EndpointReason {
        EndpointReason::of(self.label())
    }
}

impl From<ProofError> for DeviceReason {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Refused(flaw) => flaw.into(),
            ProofError::Library(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::jwk::JwkFlaw;

    #[test]
    fn each_reason_is_counted_under_its_label() {
        let flaws = [
            ProofFlaw::TooLong,
            ProofFlaw::Parts,
            ProofFlaw::Encoding,
            ProofFlaw::NotJson,
            ProofFlaw::Repeated,
            ProofFlaw::Type,
            ProofFlaw::Extension,
            ProofFlaw::Algorithm,
            ProofFlaw::NoKey,
            ProofFlaw::Key(JwkFlaw::OffCurve),
            ProofFlaw::NoChallenge,
            ProofFlaw::Signature,
        ];
        let mut reasons = vec![
            DeviceReason::NoSessionId,
            DeviceReason::NoKey,
            DeviceReason::KeyElsewhere,
            DeviceReason::KeyFailed,
            DeviceReason::Ended,
            DeviceReason::StandingUnknown,
            DeviceReason::NoProof,
            DeviceReason::NoChallenge,
            DeviceReason::ChallengeElsewhere,
            DeviceReason::ChallengeFailed,
            DeviceReason::ChallengePurpose,
            DeviceReason::ChallengeSession,
            DeviceReason::ChallengeAge,
            DeviceReason::YoungerSession,
            DeviceReason::Off,
            DeviceReason::Library(LibraryError::because("open", "of a test")),
        ];
        reasons.extend(flaws.map(DeviceReason::Proof));
        for reason in &reasons {
            assert_eq!(reason.counted().label(), reason.label());
        }
        // All labels but that of a failure after the judgement.
        assert_eq!(reasons.len(), EndpointReason::LABELS.len() - 1);
    }
}
