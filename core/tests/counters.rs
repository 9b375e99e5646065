//! Sessions sealed and tokens opened are counted, by format and by key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use common::certified::{CERTIFICATES, GCM, HOUR, SESSION, at};
use common::{NOW, Section, certificate};
use session_crypto_core::{
    Counters, Event, HeapArena, KeyCounts, KeySet, Keyring, Now, OpenSslRandom, Origin,
    PassphraseList, Priority, Refusal, Sealer, SecretKind, Secrets, Seed, Settings, SharedMemory,
    TokenFormat,
};

mod common;

/// Servers whose configurations share their counters.
fn keyring(memory: SharedMemory, now: Now) -> Arc<Keyring> {
    memory.counters.begin(now.seconds, 0);
    Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, memory).unwrap())
}

fn seal(sealer: &Sealer<'_>, now: Now) -> String {
    let sealed = sealer.seal(SESSION, now, &HeapArena).unwrap();
    sealed.token.to_str().unwrap().to_owned()
}

fn open(sealer: &Sealer<'_>, token: &str, now: Now) {
    sealer.open(token.as_bytes(), now, &HeapArena).unwrap();
}

/// The sums of sealed sessions and opened tokens, in the order of all formats.
fn sums(counters: Counters) -> ([u64; 4], [u64; 4]) {
    let sealed = TokenFormat::ALL.map(|format| counters.sum(Event::Sealed(format)));
    let opened = TokenFormat::ALL.map(|format| counters.sum(Event::Opened(format)));
    (sealed, opened)
}

/// The counts of the key at a place.
fn at_place(counters: Counters, place: &str) -> KeyCounts {
    let keys = counters.keys();
    let at_place = keys.into_iter().filter(|key| key.place == place);
    let [key] = <[_; 1]>::try_from(at_place.collect::<Vec<_>>()).unwrap();
    key
}

#[test]
fn each_session_is_counted_by_its_format() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let keys = KeySet::generate(NOW.seconds, &mut OpenSslRandom).unwrap();
    let ciphers = [keyring.cipher(None, "aes-256-gcm").unwrap()];
    let secrets = Secrets::KeySet {
        keys: &keys,
        passphrases: None,
    };
    let sections = [
        Section::within(keyring.clone(), &["one"], &["aes256"]),
        Section::within(keyring.clone(), &["one"], GCM),
        Section::certified_within(keyring.clone(), &["p-256"], GCM),
    ];
    let set = Sealer::new(&keyring, Settings::new(secrets, &ciphers));
    let [classic, jwe, certificate] = &sections;
    let sealers = [classic.sealer(), jwe.sealer(), certificate.sealer(), set];
    for (count, sealer) in (1..).zip(&sealers) {
        for processor in 0..count {
            let now = at(NOW.seconds, processor);
            let token = seal(sealer, now);
            open(sealer, &token, now);
            open(sealer, &token, now);
        }
    }
    let (sealed, opened) = sums(memory.counters);
    assert_eq!(sealed, [1, 2, 3, 4]);
    assert_eq!(opened, [2, 4, 6, 8]);
}

#[test]
fn a_refused_token_is_not_opened() {
    let section = Section::new(&["one"], GCM);
    let sealer = section.sealer();
    let token = seal(&sealer, NOW);
    let mut wrong = token.into_bytes();
    let last = wrong.len() - 3;
    wrong[last] = if wrong[last] == b'A' { b'B' } else { b'A' };
    for _ in 0..2 {
        let refused = sealer.open(&wrong, NOW, &HeapArena).err().unwrap();
        assert_eq!(refused.to_string(), Refusal::Tag.to_string());
    }
    let (sealed, opened) = sums(section.keyring.counters());
    assert_eq!((sealed, opened), ([0, 1, 0, 0], [0; 4]));
}

#[test]
fn each_passphrase_is_counted_by_the_place_where_it_stands() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let old = Section::within(keyring.clone(), &["old"], &["aes256", "aes-256-gcm"]);
    let new = Section::within(keyring.clone(), &["new", "old"], &["aes-256-gcm", "aes256"]);
    for (text, place) in [
        ("new", "file line 1"),
        ("old", "file line 2"),
        ("old", "elsewhere"),
    ] {
        let passphrase = keyring.passphrase(text.as_bytes(), Origin::Server).unwrap();
        keyring.name_passphrase(&passphrase, place);
    }
    keyring
        .prepare(new.settings(), Priority::Named, NOW.seconds)
        .unwrap();
    let (old, new) = (old.sealer(), new.sealer());
    for _ in 0..3 {
        let token = seal(&old, NOW);
        open(&new, &token, at(NOW.seconds + 5, 1));
        open(&new, &seal(&new, NOW), NOW);
    }
    let [new, old] = ["file line 1", "file line 2"].map(|place| at_place(memory.counters, place));
    assert_eq!((new.sealed, new.opened), (3, 3));
    assert_eq!((old.sealed, old.opened), (3, 3));
    assert_eq!(old.last_opened, Some(NOW.seconds + 5));
    assert_eq!(new.last_opened, Some(NOW.seconds));
    assert!(new.seals && !old.seals);
    assert_eq!(memory.counters.keys().len(), 2);
}

#[test]
fn a_passphrase_keeps_its_counts_when_it_moves_to_another_line() {
    let memory = SharedMemory::alone();
    let name = |keyring: &Keyring, text: &str, place: &str| {
        let passphrase = keyring.passphrase(text.as_bytes(), Origin::Server).unwrap();
        keyring.name_passphrase(&passphrase, place);
    };
    let before = keyring(memory, NOW);
    name(&before, "old", "file line 1");
    let section = Section::within(before.clone(), &["old"], &["aes256"]);
    open(&section.sealer(), &seal(&section.sealer(), NOW), NOW);

    let after = keyring(memory, at(NOW.seconds + 60, 0));
    name(&after, "new", "file line 1");
    name(&after, "old", "file line 2");
    let [new, old] = ["file line 1", "file line 2"].map(|place| at_place(memory.counters, place));
    assert_eq!((new.opened, new.since), (0, NOW.seconds + 60));
    assert_eq!((old.opened, old.since), (1, NOW.seconds));
}

#[test]
fn the_key_id_of_a_passphrase_is_that_of_its_tokens() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let passphrase = keyring.passphrase(b"one", Origin::Server).unwrap();
    keyring.name_passphrase(&passphrase, "file line 1");
    let section = Section::within(keyring.clone(), &["one"], GCM);
    keyring
        .prepare(section.settings(), Priority::Named, NOW.seconds)
        .unwrap();
    assert_eq!(at_place(memory.counters, "file line 1").kid, None);
    for job in &keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open {
        job.derive().unwrap();
        keyring.note_key_id(job).unwrap();
    }
    let token = seal(&section.sealer(), NOW);
    let header = common::tokens::header_of(token.as_bytes());
    let kid = at_place(memory.counters, "file line 1").kid.unwrap();
    assert!(header.contains(&format!(r#""kid":"{kid}."#)), "{header}");
}

#[test]
fn a_passphrase_that_only_opens_private_keys_is_no_key_of_sessions() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    for text in ["sessions", "private"] {
        let passphrase = keyring.passphrase(text.as_bytes(), Origin::Server).unwrap();
        keyring.name_passphrase(&passphrase, text);
    }
    let section = Section::within(keyring.clone(), &["sessions"], GCM);
    keyring
        .prepare(section.settings(), Priority::Named, NOW.seconds)
        .unwrap();
    keyring.release_private_passphrases();
    let places: Vec<String> = memory
        .counters
        .keys()
        .into_iter()
        .map(|key| key.place)
        .collect();
    assert_eq!(places, ["sessions"]);
}

#[test]
fn passphrases_of_htaccess_files_are_counted_together() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    for text in ["one", "two"] {
        let passphrase = keyring
            .passphrase(text.as_bytes(), Origin::Htaccess)
            .unwrap();
        let list: PassphraseList = [passphrase].into_iter().collect();
        let ciphers = [keyring.cipher(None, "aes256").unwrap()];
        let sealer = Sealer::new(
            &keyring,
            Settings::new(Secrets::Passphrases(&list), &ciphers),
        );
        open(&sealer, &seal(&sealer, NOW), NOW);
    }
    let [together] = <[_; 1]>::try_from(memory.counters.keys()).unwrap();
    assert_eq!(together.kind, SecretKind::Htaccess);
    assert_eq!((together.sealed, together.opened), (2, 2));
}

#[test]
fn each_certificate_is_counted_by_its_thumbprint_and_file() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let section = Section::certified_within(keyring.clone(), &["p-256", "rsa-2048"], GCM);
    let old = Section::certified_within(keyring.clone(), &["rsa-2048"], GCM);
    keyring
        .prepare(section.settings(), Priority::Named, NOW.seconds)
        .unwrap();
    let token = seal(&old.sealer(), NOW);
    open(&section.sealer(), &token, NOW);
    open(&section.sealer(), &token, NOW);
    let file = |name: &str| certificate(name).display().to_string();
    let [new, old] = ["p-256", "rsa-2048"].map(|name| at_place(memory.counters, &file(name)));
    assert_eq!((new.sealed, new.opened, new.seals), (0, 0, true));
    assert_eq!((old.sealed, old.opened, old.seals), (1, 2, false));
    assert_eq!(old.kind, SecretKind::Certificate);
    let header = common::tokens::header_of(token.as_bytes());
    let kid = old.kid.unwrap();
    assert!(header.contains(&format!(r#""kid":"{kid}""#)), "{header}");
}

#[test]
fn each_key_of_a_set_is_counted_by_its_id_and_file() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let set = |keys: &[(&str, u64)]| {
        let key = |(id, begins): &(&str, u64)| {
            format!(r#"{{"kty":"oct","kid":"{id}","k":"GawgguFyGrWKav7AX4VKUg","nbf":{begins}}}"#)
        };
        let keys: Vec<String> = keys.iter().map(key).collect();
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
    };
    let ciphers = [keyring.cipher(None, "aes-256-gcm").unwrap()];
    let settings = |keys| {
        let secrets = Secrets::KeySet {
            keys,
            passphrases: None,
        };
        Settings::new(secrets, &ciphers)
    };
    let parent = set(&[("first", 100), ("second", 200)]);
    keyring.name_keys(&parent, "keys.jwks", 50);
    // A child parses the same text.
    let child = set(&[("first", 100), ("second", 200)]);
    keyring.find_keys(&child, "keys.jwks");
    let (before, after) = (at(150, 0), at(250, 1));
    let token = seal(&Sealer::new(&keyring, settings(&parent)), before);
    open(&Sealer::new(&keyring, settings(&child)), &token, after);

    let later = set(&[("second", 200), ("third", 300)]);
    keyring.name_keys(&later, "keys.jwks", 250);
    keyring.release_keys(&parent, &later);
    let counts = memory.counters.keys();
    let counts: Vec<_> = counts
        .iter()
        .map(|key| {
            let kid = key.kid.as_deref().unwrap();
            (
                kid,
                key.is_configured,
                key.since,
                key.sealed,
                key.last_opened,
            )
        })
        .collect();
    let expected = [
        ("first", false, 50, 1, Some(250)),
        ("second", true, 50, 0, None),
        ("third", true, 250, 0, None),
    ];
    assert_eq!(counts, expected);
    // A key with the same id in another file is another key.
    keyring.name_keys(&set(&[("second", 1)]), "other.jwks", 250);
    assert_eq!(memory.counters.keys().len(), 4);
}

#[test]
fn derivations_and_uses_of_private_keys_are_counted_one_by_one() {
    let memory = SharedMemory::alone();
    let keyring = keyring(memory, NOW);
    let count = |event| memory.counters.sum(event);
    let classic = Section::within(keyring.clone(), &["one"], &["aes256"]);
    let sealer = classic.sealer();
    for _ in 0..3 {
        open(&sealer, &seal(&sealer, NOW), NOW);
    }
    assert_eq!(count(Event::Derivation), 1);
    seal(&sealer, at(NOW.seconds + HOUR, 0));
    assert_eq!(count(Event::Derivation), 2);
    let jwe = Section::within(keyring.clone(), &["one", "two"], GCM);
    seal(&jwe.sealer(), NOW);
    assert_eq!(count(Event::Derivation), 4);

    assert_eq!(count(Event::PrivateKey), 0);
    for (uses, name) in (1..).zip(CERTIFICATES) {
        let section = Section::certified_within(keyring.clone(), &[name], GCM);
        for _ in 0..3 {
            open(&section.sealer(), &seal(&section.sealer(), NOW), NOW);
        }
        assert_eq!(count(Event::PrivateKey), uses, "{name}");
    }
}
