//! The answer to a browser that registers a key.
//!
//! A registration needs no session: browsers leave its cookie out if the login came from
//! another site. The challenge says whose session it is, and only those who got the session
//! have one. It is opened before anything is verified.

use crate::device::bound_cookie::{BoundCookie, ProvedAt};
use crate::device::challenge::{Challenge, ChallengeFor};
use crate::device::key_cookie::KeyCookie;
use crate::device::proof::Proof;
use crate::device::proof_error::ProofFlaw;
use crate::device::public_key::DeviceKey;
use crate::device::reason::DeviceReason;
use crate::device::refresh::LEEWAY;
use crate::device::standing::{Standing, Unsealed};
use crate::device::users::SessionUsers;
use crate::life::entry::SessionEntry;

/// Seconds in which a browser may register a key after it was offered.
pub const REGISTRATION_WINDOW: u64 = 300;

/// Seconds that a bound cookie of a registration lives in the browser. A browser refreshes a
/// cookie that has less than two minutes left at the very next request, so this one shows at
/// once whether refreshes come through.
pub const REGISTERED_LIFETIME: u64 = 60;

/// A request to the endpoint for registrations, and what is known about it.
pub struct Registration<'h> {
    /// The proof, if there is one, and the key that it registers.
    pub proof: Option<Result<(Proof<'h>, DeviceKey), ProofFlaw>>,
    /// The challenge of the proof.
    pub challenge: Unsealed<Challenge>,
    /// Whether the session of the challenge may go on.
    pub standing: Standing,
    /// The time, in Unix seconds.
    pub now: u64,
}

/// The answer to a registration.
#[derive(Debug)]
pub enum RegistrationAnswer {
    /// Status 200: the instructions, both cookies, and the next challenge.
    Registered(Box<Registered>),
    /// Status 400. The browser forgets the matter until it is offered again.
    Refused(DeviceReason),
    /// Status 503.
    Unable(DeviceReason),
}

/// The cookies and the challenge for a browser that has registered a key.
#[derive(Debug)]
pub struct Registered {
    /// The key cookie, to seal.
    pub key: KeyCookie,
    /// The bound cookie, to seal. The browser keeps it for [`REGISTERED_LIFETIME`].
    pub bound: BoundCookie,
    /// The next challenge, to seal.
    pub next: Challenge,
}

impl Registration<'_> {
    /// Judges the request, which brings these key cookies. None of them is opened before the
    /// challenge is known to be good; the signature is verified last.
    pub fn answer(self, brought: impl IntoIterator<Item = KeyCookie>) -> RegistrationAnswer {
        match self.registered(brought) {
            Ok(registered) => RegistrationAnswer::Registered(Box::new(registered)),
            Err(
                reason @ (DeviceReason::ChallengeFailed
                | DeviceReason::ChallengeElsewhere
                | DeviceReason::StandingUnknown
                | DeviceReason::Library(_)),
            ) => RegistrationAnswer::Unable(reason),
            Err(reason) => RegistrationAnswer::Refused(reason),
        }
    }

    fn registered(
        self,
        brought: impl IntoIterator<Item = KeyCookie>,
    ) -> Result<Registered, DeviceReason> {
        let (proof, key) = self.proof.ok_or(DeviceReason::NoProof)??;
        let challenge = match self.challenge {
            Unsealed::Value(challenge) => challenge,
            Unsealed::Failed => return Err(DeviceReason::ChallengeFailed),
            Unsealed::Elsewhere => return Err(DeviceReason::ChallengeElsewhere),
            Unsealed::Refused | Unsealed::Absent => return Err(DeviceReason::NoChallenge),
        };
        if !challenge.is_fresh(self.now, REGISTRATION_WINDOW) {
            return Err(DeviceReason::ChallengeAge);
        }
        let ChallengeFor::Registration(users) = challenge.purpose else {
            return Err(DeviceReason::ChallengePurpose);
        };
        match self.standing {
            Standing::Alive => (),
            Standing::Ended => return Err(DeviceReason::Ended),
            Standing::Unknown => return Err(DeviceReason::StandingUnknown),
        }
        let (session, device) = (challenge.session, key.device());
        let mut brought = brought.into_iter();
        if brought.any(|cookie| takes_precedence(&cookie, &session, &users)) {
            return Err(DeviceReason::YoungerSession);
        }
        proof.verify(&key)?;
        let until = self.now.saturating_add(REGISTERED_LIFETIME);
        Ok(Registered {
            key: KeyCookie {
                session,
                users,
                key,
            },
            bound: BoundCookie {
                session,
                device,
                ends: until.saturating_add(LEEWAY),
                step: ProvedAt::Registration,
            },
            next: Challenge {
                session,
                made: self.now,
                purpose: ChallengeFor::Refresh,
            },
        })
    }
}

/// Whether a browser has a key for a session that began after this one. The registrations of
/// two logins may come in reverse order, and the later answer would take the cookies of the
/// session that the browser goes on with.
///
/// A neighbour host can put its own key cookie into the browser (`Domain=`, which
/// `__Secure-` permits). It would keep a victim's session unbound if its user did not
/// matter. So the users have to be the same, and a session without one counts for nothing.
fn takes_precedence(cookie: &KeyCookie, session: &SessionEntry, users: &SessionUsers) -> bool {
    cookie.session.birth() > session.birth() && cookie.users.are_same_person(users)
}
