//! A server for devices, and a browser that it has registered.

use session_crypto_core::{
    BoundCookie, Challenge, ChallengeFor, HeapArena, KeyCookie, KeyThumbprint, Now, Proof, Refresh,
    RefreshAnswer, Registration, RegistrationAnswer, SessionEntry, SessionUsers, Standing,
    Unsealed, UserEntry,
};

use super::Section;
use super::devices::Device;

pub(crate) const NOW: u64 = super::NOW.seconds;
pub(crate) const LIFETIME: u64 = 600;

/// A server, which keeps nothing but its keys.
pub(crate) struct Server(pub(crate) Section);

impl Server {
    pub(crate) fn new() -> Self {
        Self(Section::new(&["secret"], &["aes-256-gcm"]))
    }

    pub(crate) fn seal(&self, text: &str) -> String {
        String::from_utf8(self.0.seal(text.as_bytes())).unwrap()
    }

    pub(crate) fn open<T>(&self, token: &str, read: impl Fn(&[u8]) -> Option<T>) -> Unsealed<T> {
        let now = Now {
            seconds: NOW,
            processor: 0,
        };
        let outcome = self.0.sealer().open(token.as_bytes(), now, &HeapArena);
        Unsealed::of(&outcome, read)
    }

    pub(crate) fn offer(&self, session: SessionEntry) -> String {
        self.offer_to(users(), session)
    }

    pub(crate) fn offer_to(&self, users: SessionUsers, session: SessionEntry) -> String {
        let challenge = Challenge {
            session,
            made: NOW,
            purpose: ChallengeFor::Registration(users),
        };
        self.seal(&challenge.text())
    }

    /// The answer to a registration, as a handler puts it together.
    pub(crate) fn register(&self, proof: Option<&str>, now: u64) -> RegistrationAnswer {
        self.registration(proof, now, |_| ())
    }

    /// The same, for a request that brings these key cookies.
    pub(crate) fn register_with(
        &self,
        proof: &str,
        now: u64,
        brought: impl IntoIterator<Item = KeyCookie>,
    ) -> RegistrationAnswer {
        self.request(Some(proof), now).answer(brought)
    }

    pub(crate) fn registration(
        &self,
        proof: Option<&str>,
        now: u64,
        change: impl Fn(&mut Registration<'_>),
    ) -> RegistrationAnswer {
        let mut registration = self.request(proof, now);
        change(&mut registration);
        registration.answer([])
    }

    fn request<'h>(&self, proof: Option<&'h str>, now: u64) -> Registration<'h> {
        let proof = proof.map(|proof| Proof::of_registration(proof.as_bytes()));
        let challenge = match &proof {
            Some(Ok((proof, _))) => self.open(proof.challenge(), Challenge::read),
            _ => Unsealed::Absent,
        };
        Registration {
            proof,
            challenge,
            standing: Standing::Alive,
            now,
        }
    }

    /// The answer to a refresh, as a handler puts it together.
    pub(crate) fn refresh(&self, request: &Request<'_>) -> RefreshAnswer {
        let id = request
            .id
            .and_then(|id| KeyThumbprint::parse(id.as_bytes()));
        let read = |text: &[u8]| {
            let cookie = KeyCookie::read(text);
            cookie.filter(|cookie| id.is_some_and(|id| cookie.is_of(id)))
        };
        let proof = request
            .proof
            .map(|proof| Proof::of_refresh(proof.as_bytes()));
        let challenge = match &proof {
            Some(Ok(proof)) => self.open(proof.challenge(), Challenge::read),
            _ => Unsealed::Absent,
        };
        let keys = request.keys.iter().map(|token| self.open(token, read));
        let refresh = Refresh {
            id,
            key: Unsealed::best(keys),
            standing: request.standing,
            proof,
            challenge,
            now: request.now,
            lifetime: LIFETIME,
        };
        refresh.answer()
    }
}

/// A request to the endpoint for refreshes.
#[derive(Clone, Copy)]
pub(crate) struct Request<'t> {
    pub(crate) id: Option<&'t str>,
    pub(crate) keys: &'t [&'t str],
    pub(crate) proof: Option<&'t str>,
    pub(crate) standing: Standing,
    pub(crate) now: u64,
}

impl<'t> Request<'t> {
    pub(crate) fn id(self, id: Option<&'t str>) -> Self {
        Self { id, ..self }
    }

    pub(crate) fn keys(self, keys: &'t [&'t str]) -> Self {
        Self { keys, ..self }
    }

    pub(crate) fn proof(self, proof: &'t str) -> Self {
        let proof = Some(proof);
        Self { proof, ..self }
    }

    pub(crate) fn without_proof(self) -> Self {
        let proof = None;
        Self { proof, ..self }
    }

    pub(crate) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    pub(crate) fn at(self, now: u64) -> Self {
        Self { now, ..self }
    }
}

/// A browser after its registration.
pub(crate) struct Registered {
    pub(crate) device: Device,
    pub(crate) session: SessionEntry,
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) bound: BoundCookie,
    pub(crate) next: String,
}

impl Registered {
    pub(crate) fn at(server: &Server) -> Self {
        let (device, session) = (Device::p256(), session(b'w'));
        let proof = device.registration(&server.offer(session));
        let RegistrationAnswer::Registered(registered) = server.register(Some(&proof), NOW) else {
            panic!("not registered");
        };
        Self {
            id: registered.key.key.thumbprint().to_string(),
            key: server.seal(&registered.key.text()),
            next: server.seal(&registered.next.text()),
            bound: registered.bound,
            device,
            session,
        }
    }

    /// The bound cookie of a refresh.
    pub(crate) fn refreshed(&self, server: &Server, now: u64) -> BoundCookie {
        let proof = self.device.refresh(&self.next);
        let answer = server.refresh(&Request {
            id: Some(&self.id),
            keys: &[&self.key],
            proof: Some(&proof),
            standing: Standing::Alive,
            now,
        });
        match answer {
            RefreshAnswer::Refreshed { bound, next } => {
                assert_eq!((next.made, next.purpose), (now, ChallengeFor::Refresh));
                bound
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn session(last: u8) -> SessionEntry {
    session_at(NOW, last)
}

pub(crate) fn session_at(birth: u64, last: u8) -> SessionEntry {
    let value = format!("{birth}.-_v7-_v7-_v7-_v7-_v7-{}", char::from(last));
    SessionEntry::parse(value.as_bytes()).unwrap()
}

pub(crate) fn users() -> SessionUsers {
    user("joe")
}

pub(crate) fn user(name: &str) -> SessionUsers {
    let entry = UserEntry {
        name: b"user",
        value: name.as_bytes(),
    };
    SessionUsers::new([entry]).unwrap()
}

/// The status of an answer, with the reason for programs.
pub(crate) fn status(answer: &RefreshAnswer) -> (u16, &'static str) {
    match answer {
        RefreshAnswer::Refreshed { .. } => (200, ""),
        RefreshAnswer::Ended(_) => (200, "ended"),
        RefreshAnswer::Challenge(_, reason) => (403, reason.label()),
        RefreshAnswer::Refused(reason) => (401, reason.label()),
        RefreshAnswer::Unable(reason) => (503, reason.label()),
    }
}

pub(crate) fn status_of_registration(answer: &RegistrationAnswer) -> (u16, &'static str) {
    match answer {
        RegistrationAnswer::Registered(_) => (200, ""),
        RegistrationAnswer::Refused(reason) => (400, reason.label()),
        RegistrationAnswer::Unable(reason) => (503, reason.label()),
    }
}
