//! The classic keys of the hour that a parent hands on to its children and to the next
//! configuration: which they are, and which wait for a request.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::num::NonZeroUsize;

use session_crypto_core::{
    Cost, DefaultCiphers, Digest, Engine, HeapArena, Jobs, KeyJob, Keyring, Now, OpenError,
    OpenSslRandom, Origin, PassphraseList, Priority, Refusal, Sealer, Secrets, Seed, Settings,
    SharedMemory,
};

const NOON: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const SESSION: &[u8] = b"user=joe";
const AHEAD: usize = Keyring::<OpenSslRandom>::MAX_AHEAD;
const AGAIN: usize = Keyring::<OpenSslRandom>::MAX_AGAIN;

/// A configuration with one section for each passphrase.
struct Parent {
    keyring: Keyring,
    sections: Vec<PassphraseList>,
    digest: Option<Digest>,
}

impl Parent {
    fn new(passphrases: &[&str]) -> Self {
        Self::seeded(1, passphrases)
    }

    fn seeded(seed: u8, passphrases: &[&str]) -> Self {
        let memory = SharedMemory::alone();
        let keyring = Keyring::new(Seed([seed; 16]), OpenSslRandom, memory).unwrap();
        let list = |text: &&str| {
            let passphrase = keyring.passphrase(text.as_bytes(), Origin::Server).unwrap();
            [passphrase].into_iter().collect()
        };
        let sections = passphrases.iter().map(list).collect();
        Self {
            keyring,
            sections,
            digest: None,
        }
    }

    fn numbered(count: usize) -> Self {
        let texts: Vec<_> = (0..count)
            .map(|number| format!("secret {number}"))
            .collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        Self::new(&texts)
    }

    fn digest(mut self, engine: Option<&Engine>, name: &str) -> Self {
        self.digest = Some(self.keyring.digest(engine, name).unwrap());
        self
    }

    fn settings<'p>(&'p self, section: &'p PassphraseList) -> Settings<'p> {
        let ciphers = self.keyring.default_ciphers(None, DefaultCiphers::Classic);
        Settings {
            digest: self.digest.as_ref(),
            ..Settings::new(Secrets::Passphrases(section), ciphers)
        }
    }

    fn prepare(&self, section: usize, priority: Priority) {
        let section = self.sections.get(section).unwrap();
        let made = self.keyring.prepare(self.settings(section), priority, NOON);
        assert_eq!(made.unwrap(), 0);
    }

    fn prepare_all(&self) {
        (0..self.sections.len()).for_each(|section| self.prepare(section, Priority::Named));
    }

    fn jobs(&self, now: u64) -> Vec<KeyJob> {
        self.jobs_on(now, 1).open
    }

    fn jobs_on(&self, now: u64, processors: usize) -> Jobs {
        let processors = NonZeroUsize::new(processors).unwrap();
        self.keyring.jobs(now, processors)
    }

    fn names(&self, now: u64) -> Vec<[u8; 32]> {
        self.jobs(now).iter().map(KeyJob::name).collect()
    }

    fn sealer(&self, section: usize) -> Sealer<'_> {
        let section = self.sections.get(section).unwrap();
        Sealer::new(&self.keyring, self.settings(section))
    }

    /// Seals a session in a section. Says whether a key was derived for it.
    fn derives(&self, section: usize, now: u64) -> bool {
        let sealed = self.sealer(section).seal(SESSION, at(now), &HeapArena);
        sealed.unwrap().cost != Cost::None
    }
}

fn at(seconds: u64) -> Now {
    Now {
        seconds,
        processor: 0,
    }
}

#[test]
fn a_child_has_the_keys_that_the_parent_derived() {
    let parent = Parent::numbered(3);
    parent.prepare_all();
    parent.prepare_all();
    let jobs = parent.jobs(NOON);
    assert_eq!(jobs.len(), 3);
    for job in &jobs {
        assert!(job.key().is_none() && !job.is_master() && job.is_side_by_side());
        job.derive().unwrap();
    }
    parent.keyring.after_fork();
    assert_eq!(parent.keyring.derive_again(NOON).unwrap(), 0);
    for section in 0..3 {
        assert!(!parent.derives(section, NOON));
        assert!(parent.derives(section, NOON + HOUR), "a new hour");
    }
}

#[test]
fn a_kept_key_opens_the_tokens_of_the_configuration_before() {
    let (before, after) = (Parent::new(&["secret"]), Parent::new(&["secret"]));
    before.prepare_all();
    let jobs = before.jobs(NOON);
    let job = jobs.first().unwrap();
    job.derive().unwrap();
    let token = before.sealer(0).seal(SESSION, at(NOON), &HeapArena);
    after.prepare_all();
    let jobs = after.jobs(NOON);
    let restored = jobs.first().unwrap();
    assert_eq!(restored.name(), job.name());
    restored.restore(job.key().unwrap());
    assert_eq!(restored.key(), job.key());
    let token = token.unwrap().token;
    let opened = after.sealer(0).open(token.to_bytes(), at(NOON), &HeapArena);
    let opened = opened.unwrap();
    assert_eq!(
        (opened.session.to_bytes(), opened.cost),
        (SESSION, Cost::None)
    );
}

#[test]
fn a_restored_key_is_used_and_not_derived_again() {
    let parent = Parent::new(&["secret"]);
    parent.prepare_all();
    let jobs = parent.jobs(NOON);
    jobs.first().unwrap().restore(&[7; 32]);
    assert!(!parent.derives(0, NOON));
    let other = Parent::new(&["secret"]);
    let mut refused = 0;
    // One of 256 tokens has good padding under any key.
    for _ in 0..8 {
        let token = parent.sealer(0).seal(SESSION, at(NOON), &HeapArena);
        let token = token.unwrap().token;
        match other.sealer(0).open(token.to_bytes(), at(NOON), &HeapArena) {
            Ok(opened) => assert_ne!(opened.session.to_bytes(), SESSION),
            Err(error) => {
                assert_eq!(refusal(error), Refusal::OtherAlgorithm);
                refused += 1;
            }
        }
    }
    assert!(refused > 4);
}

fn refusal(error: OpenError) -> Refusal {
    match error {
        OpenError::Refused(refusal) => refusal,
        OpenError::Library(error) => unreachable!("{error}"),
    }
}

/// A kept key that is found by its name is the right one, so everything that the key is
/// derived from is in the name.
#[test]
fn a_name_depends_on_passphrase_digest_hour_and_seed() {
    let ours = Parent::new(&["secret", "other"]);
    ours.prepare_all();
    let names = ours.names(NOON);
    assert_eq!(names.len(), 2);
    assert_ne!(names.first(), names.last());
    let same = Parent::new(&["secret", "other"]).digest(None, "SHA1");
    same.prepare_all();
    assert_eq!(same.names(NOON + 1), names, "as after a restart");
    let elsewhere = Parent::seeded(2, &["secret", "other"]);
    let sha256 = Parent::new(&["secret", "other"]).digest(None, "SHA256");
    for other in [&elsewhere, &sha256] {
        other.prepare_all();
        assert!(other.names(NOON).iter().all(|name| !names.contains(name)));
    }
    let later = ours.names(NOON + HOUR);
    assert!(later.iter().all(|name| !names.contains(name)));
}

#[test]
fn keys_above_the_limit_wait_for_their_first_request() {
    let parent = Parent::numbered(2 * AHEAD + 5);
    parent.prepare_all();
    let jobs = parent.jobs_on(NOON, 2);
    assert_eq!((jobs.open.len(), jobs.waiting), (2 * AHEAD, 5));
    let jobs = parent.jobs_on(NOON, 1);
    assert_eq!((jobs.open.len(), jobs.waiting), (AHEAD, AHEAD + 5));
    jobs.open.iter().for_each(|job| job.derive().unwrap());
    parent.keyring.after_fork();
    assert_eq!(parent.keyring.derive_again(NOON).unwrap(), 0);
    assert!(!parent.derives(AHEAD - 1, NOON));
    assert!(parent.derives(AHEAD, NOON));
    assert!(!parent.derives(AHEAD, NOON), "once");
}

#[test]
fn hosts_that_get_requests_without_a_name_come_first() {
    let parent = Parent::numbered(AHEAD + 2);
    parent.prepare_all();
    // Also if another host has the same passphrase.
    parent.prepare(AHEAD + 1, Priority::Default);
    parent.prepare(AHEAD + 1, Priority::Named);
    let jobs = parent.jobs(NOON);
    let mut last = Parent::new(&[&format!("secret {}", AHEAD + 1), "secret 0"]);
    last.prepare_all();
    let first: Vec<_> = jobs.iter().take(2).map(KeyJob::name).collect();
    assert_eq!(first, last.names(NOON));
    last = Parent::numbered(AHEAD);
    last.prepare_all();
    let dropped = last.names(NOON).pop().unwrap();
    assert!(jobs.iter().all(|job| job.name() != dropped));
}

#[test]
fn a_child_of_a_later_hour_derives_some_before_it_serves() {
    let parent = Parent::numbered(AGAIN + 2);
    parent.prepare_all();
    parent.prepare(AGAIN + 1, Priority::Default);
    parent
        .jobs(NOON)
        .iter()
        .for_each(|job| job.derive().unwrap());
    parent.keyring.after_fork();
    let later = NOON + HOUR;
    assert_eq!(parent.keyring.derive_again(later).unwrap(), AGAIN);
    assert!(!parent.derives(AGAIN + 1, later));
    assert!(!parent.derives(AGAIN - 2, later));
    assert!(parent.derives(AGAIN - 1, later));
}

/// Only one thread may use such a digest, so a key of it takes the time of all.
#[test]
fn a_digest_of_a_provider_counts_for_each_processor() {
    let parent = Parent::numbered(AHEAD + 1);
    let engine = parent.keyring.engine("provider:default", Origin::Server);
    let parent = parent.digest(Some(&engine.unwrap()), "SHA256");
    parent.prepare_all();
    for processors in [1, 4] {
        let jobs = parent.jobs_on(NOON, processors);
        assert_eq!((jobs.open.len(), jobs.waiting), (AHEAD, 1));
        assert!(jobs.open.iter().all(|job| !job.is_side_by_side()));
    }
}
