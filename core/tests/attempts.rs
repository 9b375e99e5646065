//! The limits on passphrases that are tried on private keys of `.htaccess` files, and
//! the payer of each attempt.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use openssl::x509::X509;
use session_crypto_core::{
    During, FileError, Identities, Keyring, OpenSslRandom, Origin, PairingError, PairingFault,
    Pairs, PassphraseList, Payer, Seed, SharedMemory, Source, SourcePosition,
};

mod common;

const NOON: u64 = 1_800_000_000;
const SECRET: &str = "secret";

/// The attempts that one section may make.
const SECTION_ATTEMPTS: usize = 32;

/// The attempts that an author may make at once. The other half of his allowance is left
/// for sealing.
const BURST: usize = 4 * SECTION_ATTEMPTS;

/// The seconds after which an author may make the attempts of one more section.
const INTERVAL: u64 = 10;

const JANE: Payer = Payer::Author(1000);
const MALLORY: Payer = Payer::Author(1001);

/// A process of a server, and a folder that is removed when the test ends.
struct Process {
    keyring: Keyring,
    folder: PathBuf,
}

impl Process {
    fn new(test: &str) -> Self {
        let name = format!("session-crypto-attempts-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let both = fs::read(common::certificate("p-256")).unwrap();
        let (certificate, key) = (X509::from_pem(&both), PKey::private_key_from_pem(&both));
        let (certificate, key) = (certificate.unwrap(), key.unwrap());
        let encrypted = key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), SECRET.as_bytes())
            .unwrap();
        fs::write(folder.join("certificate"), certificate.to_pem().unwrap()).unwrap();
        fs::write(folder.join("encrypted"), encrypted).unwrap();
        let der = key.private_key_to_pkcs8_passphrase(Cipher::aes_128_cbc(), SECRET.as_bytes());
        fs::write(folder.join("der"), der.unwrap()).unwrap();
        let mut archive = Pkcs12::builder();
        let archive = archive.pkey(&key).cert(&certificate).build2(SECRET);
        fs::write(folder.join("p12"), archive.unwrap().to_der().unwrap()).unwrap();
        fs::write(
            folder.join("plain"),
            key.private_key_to_pem_pkcs8().unwrap(),
        )
        .unwrap();
        Self {
            keyring: Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap(),
            folder,
        }
    }

    fn section(&self, key: &str, keys: usize, secrets: &[String]) -> Section<'_> {
        Section {
            process: self,
            files: (Origin::Htaccess, key.to_owned(), keys),
            secrets: (Origin::Htaccess, secrets.to_vec()),
        }
    }

    fn file(&self, name: &str, origin: Origin) -> Source {
        self.keyring.file(&self.folder.join(name), origin).unwrap()
    }

    /// Spends the whole allowance of a payer on sections.
    fn spend_allowance(&self, payer: Payer) {
        let spent = (0..100).take_while(|number| {
            let section = self.section(
                "encrypted",
                1,
                &wrong(&format!("spent {number}"), SECTION_ATTEMPTS),
            );
            !is_unpaid(&section.pair(payer, NOON))
        });
        assert!(spent.count() < 100);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A certificate, its private key in one or more copies, and passphrases.
struct Section<'p> {
    process: &'p Process,
    /// The origin of both files, the name of the key's file, and the number of copies.
    files: (Origin, String, usize),
    /// The passphrases and their origin.
    secrets: (Origin, Vec<String>),
}

type Outcome = Result<Arc<Identities>, PairingError>;

impl Section<'_> {
    /// Pairs the certificate with its key, in a request that `payer` pays for.
    fn pair(&self, payer: Payer, now: u64) -> Outcome {
        let (origin, key, keys) = &self.files;
        let certificate = self.process.file("certificate", *origin);
        let keys = vec![self.process.file(key, *origin); *keys];
        let (origin, secrets) = &self.secrets;
        let secrets = secrets.iter().map(|text| {
            let keyring = &self.process.keyring;
            keyring.passphrase(text.as_bytes(), *origin).unwrap()
        });
        let pairs = Pairs {
            certificates: &[certificate],
            keys: &keys,
            passphrases: &secrets.collect::<PassphraseList>(),
            engine: None,
            origin: *origin,
            payer,
        };
        let during = During::Request { now };
        self.process.keyring.identities(pairs, during)
    }
}

fn wrong(what: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{what} {number}"))
        .collect()
}

/// Passphrases of which the last is the right one.
fn right_last(what: &str, count: usize) -> Vec<String> {
    let secrets = wrong(what, count).into_iter().skip(1);
    secrets.chain([SECRET.to_owned()]).collect()
}

fn right_first(what: &str, count: usize) -> Vec<String> {
    let mut secrets = right_last(what, count);
    secrets.rotate_right(1);
    secrets
}

fn file_error(error: &PairingError) -> Option<FileError> {
    match error.fault {
        PairingFault::File(error) => Some(error),
        _ => None,
    }
}

fn is_unpaid(outcome: &Outcome) -> bool {
    let error = outcome.as_ref().err();
    error.is_some_and(|error| matches!(error.fault, PairingFault::Unpaid))
}

#[test]
fn all_keys_of_a_section_share_32_attempts() {
    let process = Process::new("section");
    let open =
        |keys, secrets: &[String]| process.section("encrypted", keys, secrets).pair(JANE, NOON);
    assert!(open(1, &right_last("one", 32)).is_ok());
    assert!(open(4, &right_last("four", 8)).is_ok());
    assert!(open(8, &right_first("eight", 32)).is_ok());
    let error = open(4, &right_last("four", 9)).unwrap_err();
    assert_eq!(error.position, SourcePosition::Key(3));
    assert_eq!(file_error(&error), Some(FileError::TooManyAttempts(32)));
    assert!(!error.to_string().contains(SECRET), "{error}");
}

#[test]
fn an_author_pays_for_each_attempt_until_his_allowance_is_spent() {
    let process = Process::new("rate");
    let open = |payer, number: usize, now| {
        let secrets = right_last(&format!("{payer:?} {number}"), SECTION_ATTEMPTS);
        process.section("encrypted", 1, &secrets).pair(payer, now)
    };
    for number in 0..BURST / SECTION_ATTEMPTS {
        assert!(open(MALLORY, number, NOON).is_ok(), "{number}");
    }
    for number in BURST / SECTION_ATTEMPTS..10 {
        assert!(is_unpaid(&open(MALLORY, number, NOON)), "{number}");
    }
    // Another author has an allowance of her own.
    assert!(open(JANE, 0, NOON).is_ok());
    // A section that was paid for costs nothing again.
    assert!(open(MALLORY, 0, NOON).is_ok());
    // A refusal is not kept, so a section that was refused opens later.
    let later = NOON + INTERVAL;
    assert!(open(MALLORY, 9, later).is_ok());
    assert!(is_unpaid(&open(MALLORY, 8, later)));
    assert!(open(MALLORY, 8, later + INTERVAL).is_ok());
}

#[test]
fn attempts_that_were_not_needed_are_given_back() {
    let process = Process::new("given-back");
    let open = |number: &usize| {
        let secrets = right_first(&number.to_string(), SECTION_ATTEMPTS);
        process
            .section("encrypted", 8, &secrets)
            .pair(JANE, NOON)
            .is_ok()
    };
    // Each opening costs eight attempts, if there is enough for the worst case.
    assert_eq!(
        (0..100).filter(open).count(),
        (BURST - SECTION_ATTEMPTS) / 8 + 1
    );
}

#[test]
fn failed_attempts_are_paid_for_once_and_not_made_again() {
    let process = Process::new("in-vain");
    let open = |number: usize| {
        let secrets = wrong(&number.to_string(), SECTION_ATTEMPTS);
        process
            .section("encrypted", 1, &secrets)
            .pair(MALLORY, NOON)
    };
    for number in 0..BURST / SECTION_ATTEMPTS {
        for _ in 0..3 {
            let error = open(number).unwrap_err();
            assert_eq!(file_error(&error), Some(FileError::Locked));
        }
    }
    assert!(is_unpaid(&open(BURST / SECTION_ATTEMPTS)));
}

#[test]
fn keys_that_are_not_encrypted_cost_nothing() {
    let process = Process::new("plain");
    process.spend_allowance(MALLORY);
    for number in 0..100 {
        let secrets = wrong(&number.to_string(), SECTION_ATTEMPTS);
        let section = process.section("plain", 8, &secrets);
        assert!(section.pair(MALLORY, NOON).is_ok());
    }
    // An encrypted key without a passphrase costs nothing either: the empty passphrase is
    // not tried.
    let error = process.section("encrypted", 1, &[]).pair(MALLORY, NOON);
    let error = error.unwrap_err();
    assert_eq!(file_error(&error), Some(FileError::NoPassphrase));
}

#[test]
fn files_and_passphrases_of_the_server_cost_nothing_and_have_no_limit() {
    let process = Process::new("server");
    let section = |number: usize| Section {
        process: &process,
        files: (Origin::Server, "encrypted".to_owned(), 8),
        secrets: (
            Origin::Server,
            right_last(&number.to_string(), SECTION_ATTEMPTS),
        ),
    };
    for payer in [Payer::Server, MALLORY] {
        process.spend_allowance(payer);
        for number in 0..5 {
            assert!(section(number).pair(payer, NOON).is_ok());
        }
    }
}

#[test]
fn an_author_pays_if_either_the_key_or_the_passphrases_are_his() {
    use Origin::{Htaccess, Server};
    for (files, secrets) in [(Server, Htaccess), (Htaccess, Server)] {
        let process = Process::new(&format!("mixed-{files:?}"));
        let section = |number: usize| Section {
            process: &process,
            files: (files, "encrypted".to_owned(), 1),
            secrets: (secrets, right_last(&number.to_string(), SECTION_ATTEMPTS)),
        };
        let paid = (0..10).filter(|number| section(*number).pair(MALLORY, NOON).is_ok());
        assert_eq!(paid.count(), BURST / SECTION_ATTEMPTS);
    }
}

#[test]
fn threads_that_open_the_same_key_at_once_pay_once() {
    let process = Process::new("threads");
    let section = process.section("encrypted", 1, &right_last("together", SECTION_ATTEMPTS));
    let opened: usize = std::thread::scope(|scope| {
        let open = || usize::from(section.pair(JANE, NOON).is_ok());
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(opened, 16);
}

#[test]
fn passphrases_of_an_author_cost_on_each_form_of_a_file_of_the_server() {
    let process = Process::new("forms");
    process.spend_allowance(MALLORY);
    for key in ["encrypted", "der", "p12"] {
        let section = Section {
            process: &process,
            files: (Origin::Server, key.to_owned(), 1),
            secrets: (Origin::Htaccess, right_last(key, 8)),
        };
        assert!(is_unpaid(&section.pair(MALLORY, NOON)), "{key}");
        assert!(section.pair(JANE, NOON).is_ok(), "{key}");
    }
}
