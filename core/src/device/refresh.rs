//! The answer to a browser that proves its key again.
//!
//! A browser deletes its side of the session at any status 4xx but 403, and the user must
//! log in again. So there is one only where the matter is clear, and a 503 where this host
//! cannot judge.

use crate::device::bound_cookie::{BoundCookie, ProvedAt};
use crate::device::challenge::{Challenge, ChallengeFor};
use crate::device::key_cookie::KeyCookie;
use crate::device::proof::Proof;
use crate::device::proof_error::ProofFlaw;
use crate::device::public_key::KeyThumbprint;
use crate::device::reason::DeviceReason;
use crate::device::standing::{Standing, Unsealed};
use crate::life::entry::{DeviceId, SessionEntry};

/// Seconds for which a bound cookie counts after its end in the browser: requests are under
/// way for some time, and the clocks of servers differ.
pub const LEEWAY: u64 = 30;

/// Seconds for which a challenge is good after the bound cookie that came with it has ended:
/// a browser refreshes at its next request, and a proof that was signed in time may be
/// late.
pub const CHALLENGE_MARGIN: u64 = 300;

/// A request to the endpoint for refreshes, and what is known about it.
pub struct Refresh<'h> {
    /// The session that the browser names.
    pub id: Option<KeyThumbprint>,
    /// The key cookie. Several may come, of which one is for this session.
    pub key: Unsealed<KeyCookie>,
    /// Whether the session of the key cookie may go on.
    pub standing: Standing,
    /// The proof, if there is one.
    pub proof: Option<Result<Proof<'h>, ProofFlaw>>,
    /// The challenge of the proof.
    pub challenge: Unsealed<Challenge>,
    /// The time, in Unix seconds.
    pub now: u64,
    /// Seconds that a bound cookie lives in the browser.
    pub lifetime: u64,
}

/// The answer to a refresh.
#[derive(Debug)]
pub enum RefreshAnswer {
    /// Status 200 without a body: a bound cookie and the next challenge, both to seal.
    Refreshed {
        /// The bound cookie.
        bound: BoundCookie,
        /// The next challenge.
        next: Challenge,
    },
    /// Status 403: this challenge, to seal. The browser signs it, and comes again.
    Challenge(Challenge, DeviceReason),
    /// Status 200 and the instruction to end the session; both cookies are removed.
    Ended(KeyThumbprint),
    /// Status 401. The browser deletes its side of the session.
    Refused(DeviceReason),
    /// Status 503. The browser comes again later.
    Unable(DeviceReason),
}

/// The end of a refresh that does not give a bound cookie.
enum Stop {
    Ended(KeyThumbprint),
    Refused(DeviceReason),
    Unable(DeviceReason),
    /// The browser is to prove its key by a new challenge.
    Again(SessionEntry, DeviceReason),
}

impl Refresh<'_> {
    /// Judges the request. The signature is verified last.
    pub fn answer(self) -> RefreshAnswer {
        let (now, until) = (self.now, self.now.saturating_add(self.lifetime));
        match self.proved() {
            Ok((session, device)) => RefreshAnswer::Refreshed {
                bound: BoundCookie {
                    session,
                    device,
                    ends: until.saturating_add(LEEWAY),
                    step: ProvedAt::Refresh,
                },
                next: next(session, now),
            },
            Err(Stop::Ended(id)) => RefreshAnswer::Ended(id),
            Err(Stop::Refused(reason)) => RefreshAnswer::Refused(reason),
            Err(Stop::Unable(reason)) => RefreshAnswer::Unable(reason),
            Err(Stop::Again(session, reason)) => {
                RefreshAnswer::Challenge(next(session, now), reason)
            }
        }
    }

    /// The session whose device has proved its key, and the device.
    fn proved(self) -> Result<(SessionEntry, DeviceId), Stop> {
        // A proxy may have dropped the header.
        let id = self.id.ok_or(Stop::Unable(DeviceReason::NoSessionId))?;
        let KeyCookie { session, key, .. } = match self.key {
            Unsealed::Value(cookie) if cookie.is_of(id) => cookie,
            Unsealed::Failed => return Err(Stop::Unable(DeviceReason::KeyFailed)),
            Unsealed::Elsewhere => return Err(Stop::Unable(DeviceReason::KeyElsewhere)),
            Unsealed::Value(_) | Unsealed::Refused | Unsealed::Absent => {
                return Err(Stop::Refused(DeviceReason::NoKey));
            }
        };
        match self.standing {
            Standing::Alive => (),
            Standing::Ended => return Err(Stop::Ended(id)),
            Standing::Unknown => return Err(Stop::Unable(DeviceReason::StandingUnknown)),
        }
        let again = |reason| Stop::Again(session, reason);
        let proof = self.proof.ok_or(again(DeviceReason::NoProof))?;
        let proof = proof.map_err(|flaw| Stop::Refused(flaw.into()))?;
        let challenge = match self.challenge {
            Unsealed::Value(challenge) => challenge,
            Unsealed::Failed => return Err(Stop::Unable(DeviceReason::ChallengeFailed)),
            // Every server opens a challenge of this one.
            Unsealed::Elsewhere => return Err(again(DeviceReason::ChallengeElsewhere)),
            Unsealed::Refused | Unsealed::Absent => return Err(again(DeviceReason::NoChallenge)),
        };
        if challenge.purpose != ChallengeFor::Refresh {
            return Err(again(DeviceReason::ChallengePurpose));
        }
        if !challenge.session.is_of_same_session(&session) {
            return Err(again(DeviceReason::ChallengeSession));
        }
        if !challenge.is_fresh(self.now, self.lifetime.saturating_add(CHALLENGE_MARGIN)) {
            return Err(again(DeviceReason::ChallengeAge));
        }
        match proof.verify(&key).map_err(DeviceReason::from) {
            Ok(()) => Ok((session, key.device())),
            Err(reason @ DeviceReason::Library(_)) => Err(Stop::Unable(reason)),
            Err(reason) => Err(Stop::Refused(reason)),
        }
    }
}

fn next(session: SessionEntry, made: u64) -> Challenge {
    Challenge {
        session,
        made,
        purpose: ChallengeFor::Refresh,
    }
}
