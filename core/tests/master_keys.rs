//! The derivations of JWE master keys: their times, their processes and their limits.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use common::Section;
use session_crypto_core::{
    Cipher, Cost, Digest, HeapArena, KeyJob, Keyring, Now, OpenError, OpenSslRandom, Origin,
    PassphraseList, Payer, Priority, Refusal, SealError, Sealer, Secrets, Seed, Settings,
    SharedMemory,
};

mod common;

const NOON: u64 = 1_800_000_000;
const SESSION: &[u8] = b"user=joe";

/// The derivations that one author may cause at once, and the seconds between more.
const EACH: (usize, u64) = (8, 10);

/// The derivations that all authors together may cause at once, and the seconds between
/// more.
const ALL: (usize, u64) = (16, 5);

/// A process of a server.
struct Process {
    keyring: Keyring,
    ciphers: Vec<Cipher>,
    digest: Digest,
}

impl Process {
    fn new(memory: SharedMemory) -> Self {
        Self::seeded(1, memory)
    }

    fn seeded(seed: u8, memory: SharedMemory) -> Self {
        let keyring = Keyring::new(Seed([seed; 16]), OpenSslRandom, memory).unwrap();
        let ciphers = vec![keyring.cipher(None, "aes-256-gcm").unwrap()];
        let digest = keyring.digest(None, "SHA256").unwrap();
        Self {
            keyring,
            ciphers,
            digest,
        }
    }

    fn list(&self, texts: &[String], payer: Payer) -> PassphraseList {
        let origin = match payer {
            Payer::Server => Origin::Server,
            Payer::Author(_) => Origin::Htaccess,
        };
        texts
            .iter()
            .map(|text| self.keyring.passphrase(text.as_bytes(), origin).unwrap())
            .collect()
    }

    fn settings<'p>(&'p self, list: &'p PassphraseList) -> Settings<'p> {
        Settings {
            digest: Some(&self.digest),
            ..Settings::new(Secrets::Passphrases(list), &self.ciphers)
        }
    }

    /// The jobs of a configuration with one section.
    fn jobs(&self, list: &PassphraseList) -> Vec<KeyJob> {
        let settings = self.settings(list);
        self.keyring
            .prepare(settings, Priority::Named, NOON)
            .unwrap();
        self.keyring.jobs(NOON, NonZeroUsize::MIN).open
    }

    fn sealer<'p>(&'p self, list: &'p PassphraseList) -> Sealer<'p> {
        Sealer::new(&self.keyring, self.settings(list))
    }

    /// Seals a session. Says whether a key was derived for it.
    fn seal(&self, text: &str, payer: Payer, now: u64) -> Result<bool, SealError> {
        let list = self.list(&[text.to_owned()], payer);
        let sealer = self.sealer(&list).paid_by(payer);
        let sealed = sealer.seal(SESSION, at(now), &HeapArena)?;
        Ok(sealed.cost != Cost::None)
    }

    /// Opens a token. Says whether a key was derived for it.
    fn open(
        &self,
        (list, payer): (&PassphraseList, Payer),
        token: &[u8],
        now: u64,
    ) -> Result<bool, Refusal> {
        match self
            .sealer(list)
            .paid_by(payer)
            .open(token, at(now), &HeapArena)
        {
            Ok(opened) => Ok(opened.cost != Cost::None),
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => unreachable!("{error}"),
        }
    }

    /// The number of these passphrases whose master key this process has or another has
    /// published. They seal even when the payer's allowance is spent.
    fn derived(&self, texts: &[String], payer: Payer, now: u64) -> usize {
        texts
            .iter()
            .filter(|text| matches!(self.seal(text, payer, now), Ok(false)))
            .count()
    }

    /// Spends the whole allowance of a payer.
    fn spend_allowance(&self, payer: Payer, now: u64) {
        let spent = (0..100).find(|number| {
            let text = format!("spends {payer:?} {now} {number}");
            self.seal(&text, payer, now).is_err()
        });
        assert!(spent.is_some());
    }
}

fn at(seconds: u64) -> Now {
    Now {
        seconds,
        processor: 0,
    }
}

fn texts(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("passphrase {number}"))
        .collect()
}

/// A token with a key id that no section of these tests has.
fn junk() -> Vec<u8> {
    Section::new(&["another passphrase"], &["aes-256-gcm"]).seal(SESSION)
}

const JANE: Payer = Payer::Author(1000);
const MALLORY: Payer = Payer::Author(1001);

#[test]
fn an_unknown_key_id_derives_nothing_if_the_parent_derived_all_master_keys() {
    let process = Process::new(SharedMemory::alone());
    let list = process.list(&texts(20), Payer::Server);
    let jobs = process.jobs(&list);
    assert_eq!(jobs.len(), 20);
    for job in &jobs {
        job.restore(&job.name());
    }
    process.keyring.after_fork();
    // The restored keys are wrong for these passphrases. A token that opens, or a seal
    // that reports a derivation, would show a key derived anew.
    let junk = junk();
    for _ in 0..100 {
        assert_eq!(
            process.open((&list, Payer::Server), &junk, NOON),
            Err(Refusal::UnknownKey)
        );
    }
    for text in texts(20) {
        assert!(!process.seal(&text, Payer::Server, NOON).unwrap());
    }
}

#[test]
fn a_job_is_noted_once_and_its_name_depends_on_passphrase_digest_and_seed() {
    let process = Process::new(SharedMemory::alone());
    let again = Process::new(SharedMemory::alone());
    let elsewhere = Process::seeded(2, SharedMemory::alone());
    let names = |process: &Process, texts: &[String]| -> Vec<[u8; 32]> {
        let list = process.list(texts, Payer::Server);
        let settings = process.settings(&list);
        process
            .keyring
            .prepare(settings, Priority::Named, NOON)
            .unwrap();
        let jobs = process.jobs(&list);
        assert!(process.jobs(&list).is_empty());
        jobs.iter().map(KeyJob::name).collect()
    };
    let ours = names(&process, &texts(3));
    assert_eq!(ours.len(), 3);
    assert_eq!(ours, names(&again, &texts(3)), "as after a restart");
    let theirs = names(&elsewhere, &texts(3));
    assert!(theirs.iter().all(|name| !ours.contains(name)));
    let mut other = Process::new(SharedMemory::alone());
    other.digest = other.keyring.digest(None, "SHA512").unwrap();
    let others = names(&other, &texts(3));
    assert!(others.iter().all(|name| !ours.contains(name)));
}

#[test]
fn a_restored_key_opens_the_tokens_sealed_before_a_restart() {
    let before = Process::new(SharedMemory::alone());
    let list = before.list(&texts(1), Payer::Server);
    let jobs = before.jobs(&list);
    let job = jobs.first().unwrap();
    assert!(job.key().is_none());
    job.derive().unwrap();
    let kept = *job.key().unwrap();
    let token = before
        .sealer(&list)
        .seal(SESSION, at(NOON), &HeapArena)
        .unwrap();
    let after = Process::new(SharedMemory::alone());
    let list = after.list(&texts(1), Payer::Server);
    let jobs = after.jobs(&list);
    jobs.first().unwrap().restore(&kept);
    assert_eq!(
        after.open((&list, Payer::Server), token.token.to_bytes(), NOON),
        Ok(false)
    );
}

#[test]
fn a_process_finds_the_key_that_another_derived() {
    let memory = SharedMemory::alone();
    let (one, other) = (Process::new(memory), Process::new(memory));
    assert!(one.seal("secret", JANE, NOON).unwrap());
    assert!(!one.seal("secret", JANE, NOON).unwrap());
    assert!(!other.seal("secret", JANE, NOON).unwrap());
}

#[test]
fn processes_and_threads_that_need_a_key_at_once_derive_it_once() {
    let memory = SharedMemory::alone();
    let processes = [Process::new(memory), Process::new(memory)].map(Arc::new);
    let derived: usize = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8_usize)
            .map(|number| {
                let process = processes.get(number % 2).unwrap().clone();
                scope.spawn(move || {
                    let sealed = process.seal("secret", JANE, NOON).unwrap();
                    usize::from(sealed)
                })
            })
            .collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).sum()
    });
    // Both processes may look for the key before either has claimed it.
    assert!((1..=2).contains(&derived), "{derived}");
}

#[test]
fn unknown_tokens_derive_the_keys_of_htaccess_once_and_at_the_rate_of_its_author() {
    let process = Process::new(SharedMemory::alone());
    let (texts, junk) = (texts(32), junk());
    let open = |now| {
        let list = process.list(&texts, MALLORY);
        assert_eq!(
            process.open((&list, MALLORY), &junk, now),
            Err(Refusal::UnknownKey)
        );
    };
    open(NOON);
    let (burst, interval) = EACH;
    for _ in 0..50 {
        open(NOON);
    }
    // Opening leaves half of the burst for sealing.
    process.spend_allowance(MALLORY, NOON);
    assert_eq!(process.derived(&texts, MALLORY, NOON), burst / 2);
    // The burst is whole again, so its half is spent on new keys: none is derived twice.
    let later = NOON + interval * 8;
    for _ in 0..50 {
        open(later);
    }
    process.spend_allowance(MALLORY, later);
    assert_eq!(process.derived(&texts, MALLORY, later), burst);
}

#[test]
fn tokens_of_previous_passphrases_open_after_deriving_their_key() {
    let process = Process::new(SharedMemory::alone());
    let texts = texts(4);
    let of = |text: &String| Section::new(&[text.as_str()], &["aes-256-gcm"]).seal(SESSION);
    let tokens: Vec<_> = texts.iter().map(of).collect();
    let open = |token: usize| {
        let list = process.list(&texts, JANE);
        process.open((&list, JANE), tokens.get(token).unwrap(), NOON)
    };
    assert_eq!(open(1), Ok(true));
    assert_eq!(open(0), Ok(false));
    assert_eq!(open(3), Ok(true));
}

#[test]
fn an_author_who_changes_his_passphrases_has_half_of_the_allowance_of_all() {
    let process = Process::new(SharedMemory::alone());
    let (all, each) = (ALL.0, EACH.0);
    let seal = |payer, number| process.seal(&format!("{payer:?} {number}"), payer, NOON);
    let sealed = |payer| {
        (0..100)
            .filter(|number| seal(payer, *number).is_ok())
            .count()
    };
    assert_eq!(sealed(MALLORY), each);
    assert!(matches!(seal(MALLORY, 200), Err(SealError::TooManyKeys)));
    assert_eq!(sealed(JANE), all - each);
    assert_eq!(sealed(Payer::Server), 0);
    // The keys that he paid for stay his.
    assert!(!seal(MALLORY, 0).unwrap());
    assert!(process.seal("again", MALLORY, NOON + EACH.1).is_ok());
    assert!(process.seal("and again", MALLORY, NOON + EACH.1).is_err());
}

#[test]
fn an_author_who_sets_a_digest_over_passphrases_of_the_server_pays_himself() {
    let process = Process::new(SharedMemory::alone());
    let seal = |text: &String, payer| {
        let list = process.list(std::slice::from_ref(text), Payer::Server);
        let sealer = process.sealer(&list).paid_by(payer);
        sealer.seal(SESSION, at(NOON), &HeapArena).is_ok()
    };
    let texts = texts(10);
    let sealed = texts.iter().filter(|text| seal(text, Payer::Author(7)));
    assert_eq!(sealed.count(), EACH.0);
    assert!(seal(&"another".to_owned(), Payer::Server));
}

#[test]
fn the_error_of_a_spent_allowance_reveals_no_passphrase() {
    let process = Process::new(SharedMemory::alone());
    process.spend_allowance(MALLORY, NOON);
    let error = process.seal("S3cr3t", MALLORY, NOON).unwrap_err();
    assert!(matches!(error, SealError::TooManyKeys), "{error}");
    assert!(!error.to_string().contains("S3cr3t"), "{error}");
}
