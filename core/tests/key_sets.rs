//! Sessions under JWK Sets, whose keys begin and end by their dates.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use common::tokens::{header_of, part, with_part};
use session_crypto_core::{
    Cipher, HeapArena, KeyId, KeySet, Keyring, Now, OpenError, OpenSslRandom, Origin,
    PassphraseList, Priority, Purpose, Refusal, SealError, Sealer, Secrets, Seed, Settings,
    SharedMemory, UserEntry, UserId, key_id_of_token,
};

mod common;

const SESSION: &[u8] = b"user=joe&expiry=4000000000000000";

/// Server A of a farm: a keyring, a set and its ciphers. The time is an argument.
struct Server {
    keyring: Arc<Keyring>,
    keys: KeySet,
    passphrases: Option<PassphraseList>,
    ciphers: Vec<Cipher>,
    purpose: Option<Purpose>,
}

/// A key of a set: id, `nbf`, `exp`.
type Dated<'t> = (&'t str, u64, u64);

const FIRST: Dated<'_> = ("first", 100, 1_000);
const SECOND: Dated<'_> = ("second", 200, 2_000);
const THIRD: Dated<'_> = ("third", 300, 3_000);

fn set(keys: &[Dated<'_>]) -> KeySet {
    let key = |(id, begins, ends): &Dated<'_>| {
        // The key follows from the id, so that two sets have the same key.
        let k = URL_SAFE_NO_PAD.encode_to_string(format!("{id:x<32}"));
        format!(r#"{{"kty":"oct","kid":"{id}","k":"{k}","nbf":{begins},"exp":{ends}}}"#)
    };
    let keys: Vec<_> = keys.iter().map(key).collect();
    KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
}

impl Server {
    fn new(keys: &[Dated<'_>]) -> Self {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        Self {
            ciphers: vec![keyring.cipher(None, "aes-256-gcm").unwrap()],
            keyring: Arc::new(keyring),
            keys: set(keys),
            passphrases: None,
            purpose: None,
        }
    }

    fn passphrase(mut self, text: &str) -> Self {
        let passphrase = self.keyring.passphrase(text.as_bytes(), Origin::Server);
        self.passphrases = Some([passphrase.unwrap()].into_iter().collect());
        self
    }

    fn ciphers(mut self, names: &[&str]) -> Self {
        let cipher = |name: &&str| self.keyring.cipher(None, name).unwrap();
        self.ciphers = names.iter().map(cipher).collect();
        self
    }

    fn settings(&self) -> Settings<'_> {
        let secrets = Secrets::KeySet {
            keys: &self.keys,
            passphrases: self.passphrases.as_ref(),
        };
        Settings {
            purpose: self.purpose.as_ref(),
            ..Settings::new(secrets, &self.ciphers)
        }
    }

    fn sealer(&self) -> Sealer<'_> {
        Sealer::new(&self.keyring, self.settings())
    }

    fn try_seal(&self, now: u64) -> Result<Vec<u8>, SealError> {
        let sealed = self.sealer().seal(SESSION, at(now), &HeapArena)?;
        Ok(sealed.token.to_bytes().to_vec())
    }

    fn seal(&self, now: u64) -> Vec<u8> {
        self.try_seal(now).unwrap()
    }

    /// Whether the session is stale, or the reason why the token is refused.
    fn open(&self, token: &[u8], now: u64) -> Result<bool, Refusal> {
        match self.sealer().open(token, at(now), &HeapArena) {
            Ok(opened) => {
                assert_eq!(opened.session.to_bytes(), SESSION);
                Ok(opened.stale)
            }
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => unreachable!("{error}"),
        }
    }
}

fn at(seconds: u64) -> Now {
    Now {
        seconds,
        processor: 0,
    }
}

fn kid(token: &[u8]) -> String {
    let header = header_of(token);
    header
        .split(r#""kid":""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn the_key_whose_time_it_is_seals() {
    let server = Server::new(&[FIRST, SECOND, THIRD]);
    for (now, key) in [
        (100, "first"),
        (199, "first"),
        (200, "second"),
        (300, "third"),
    ] {
        assert_eq!(kid(&server.seal(now)), key, "{now}");
    }
    // The kept context of a key does not outlive its time, in either direction.
    assert_eq!(kid(&server.seal(200)), "second");
}

#[test]
fn the_header_has_the_algorithm_of_the_key_and_the_purpose() {
    let mut server = Server::new(&[FIRST]);
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"first"}"#;
    assert_eq!(header_of(&server.seal(100)), header);
    server.purpose = Some(Purpose::new("shop").unwrap());
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"first","aud":"shop"}"#;
    assert_eq!(header_of(&server.seal(100)), header);
}

#[test]
fn a_key_opens_until_it_has_ended_and_also_before_it_has_begun() {
    let server = Server::new(&[FIRST, SECOND]);
    let token = server.seal(200);
    let elsewhere = Server::new(&[FIRST, SECOND]);
    assert_eq!(elsewhere.open(&token, 150), Ok(false));
    assert_eq!(elsewhere.open(&token, 1_999), Ok(false));
    let ended = Err(Refusal::EndedSetKey);
    assert_eq!(elsewhere.open(&token, 2_000), ended);
    assert!(!Refusal::EndedSetKey.may_open_elsewhere());
}

/// Two clocks would otherwise re-seal a session in turn.
#[test]
fn only_a_token_under_an_older_key_than_the_sealing_one_is_stale() {
    let server = Server::new(&[FIRST, SECOND, THIRD]);
    let tokens = [100, 200, 300].map(|now| server.seal(now));
    let stale = |now| {
        tokens
            .each_ref()
            .map(|token| server.open(token, now).unwrap())
    };
    assert_eq!(stale(150), [false, false, false]);
    assert_eq!(stale(250), [true, false, false]);
    assert_eq!(stale(350), [true, true, false]);
    // Again, with the kept contexts.
    assert_eq!(stale(250), [true, false, false]);
    assert_eq!(stale(150), [false, false, false]);
}

#[test]
fn a_key_of_another_servers_set_is_named() {
    let token = Server::new(&[FIRST, SECOND]).seal(200);
    let late = Server::new(&[FIRST]);
    let refusal = Refusal::UnknownSetKey;
    assert_eq!(late.open(&token, 200), Err(refusal));
    assert!(refusal.may_open_elsewhere());
    assert_eq!(key_id_of_token(&token), KeyId::new("second").ok());
}

#[test]
fn without_a_key_whose_time_it_is_nothing_is_sealed_and_sessions_still_open() {
    let server = Server::new(&[FIRST, ("later", 5_000, 6_000)]).passphrase("old");
    let token = server.seal(100);
    let later = Server::new(&[("later", 5_000, 6_000)]).seal(5_000);
    assert_eq!(server.open(&token, 99), Ok(false));
    assert!(matches!(server.try_seal(99), Err(SealError::NoneSeals)));
    assert!(matches!(server.try_seal(4_000), Err(SealError::NoneSeals)));
    assert_eq!(server.open(&later, 4_000), Ok(false));
}

#[test]
fn a_key_that_has_ended_is_wiped_with_all_that_came_from_it() {
    let server = Server::new(&[FIRST, SECOND]);
    let token = server.seal(150);
    assert_eq!(server.open(&token, 150), Ok(false));
    assert!(server.open(&token, 1_000).is_err());
    // The clock goes back. The key is gone, although its dates would allow it.
    let ended = Err(Refusal::EndedSetKey);
    assert_eq!(server.open(&token, 150), ended);
    assert!(matches!(server.try_seal(150), Err(SealError::NoneSeals)));
    assert_eq!(kid(&server.seal(200)), "second");
}

#[test]
fn a_process_that_does_nothing_else_can_wipe_keys() {
    let server = Server::new(&[FIRST, SECOND]);
    let token = server.seal(150);
    assert_eq!(server.open(&token, 150), Ok(false));
    server.keyring.wipe_ended(&server.keys, 1_000);
    let ended = Err(Refusal::EndedSetKey);
    assert_eq!(server.open(&token, 150), ended);
}

#[test]
fn a_new_set_in_place_of_the_old_one_opens_the_same_tokens() {
    let mut server = Server::new(&[FIRST, SECOND]);
    let (old, new) = (server.seal(150), server.seal(250));
    server.keys = set(&[SECOND, THIRD, FIRST]);
    server.keyring.forget_replaced_keys();
    assert_eq!(server.open(&old, 250), Ok(true));
    assert_eq!(server.open(&new, 250), Ok(false));
    server.keys = set(&[THIRD]);
    assert_eq!(server.open(&new, 350), Err(Refusal::UnknownSetKey));
    // A key with the same id and other bytes is another key.
    let k = URL_SAFE_NO_PAD.encode_to_string([7; 32]);
    let text = format!(r#"{{"keys":[{{"kty":"oct","kid":"second","k":"{k}"}}]}}"#);
    server.keys = KeySet::parse(text.as_bytes()).unwrap();
    assert_eq!(server.open(&new, 350), Err(Refusal::EncryptedKey));
}

#[test]
fn tokens_of_an_hour_share_their_beginning_and_no_nonce() {
    let server = Server::new(&[("a", 0, 1 << 37)]);
    let beginning = |token: &[u8]| (part(token, 0), part(token, 1));
    let (one, two) = (server.seal(3_600), server.seal(7_199));
    assert_eq!(beginning(&one), beginning(&two));
    assert_ne!(part(&one, 2), part(&two, 2));
    let next = server.seal(7_200);
    assert_ne!(part(&next, 1), part(&one, 1));
    for token in [&one, &two, &next] {
        assert_eq!(
            Server::new(&[("a", 0, 1 << 37)]).open(token, 7_200),
            Ok(false)
        );
    }
}

#[test]
fn passphrases_beside_a_set_open_and_are_stale() {
    let names = ["aes-256-gcm", "aes256"];
    let server = Server::new(&[FIRST]).passphrase("old").ciphers(&names);
    for names in [["aes-256-gcm", "aes256"], ["aes256", "aes-256-gcm"]] {
        let old = common::Section::within(server.keyring.clone(), &["old"], &names);
        let token = old.seal(SESSION);
        assert_eq!(server.open(&token, 100), Ok(true), "{names:?}");
        // No key seals: to save the session again would lose it.
        assert_eq!(server.open(&token, 50), Ok(false), "{names:?}");
        let other = common::Section::within(server.keyring.clone(), &["other"], &names);
        assert!(server.open(&other.seal(SESSION), 100).is_err());
    }
    assert_eq!(kid(&server.seal(100)), "first");
    // The passphrase alone does not open what the set has sealed.
    let old = common::Section::within(server.keyring.clone(), &["old"], &names);
    assert_eq!(
        old.open(&server.seal(100)).map(|_| ()),
        Err(Refusal::Header)
    );
}

#[test]
fn no_session_is_sealed_with_a_passphrase_beside_a_set() {
    let server = Server::new(&[FIRST])
        .passphrase("old")
        .ciphers(&["aes256", "aes-256-gcm"]);
    assert!(matches!(server.try_seal(100), Err(SealError::NoKey)));
    let keyring = &server.keyring;
    keyring
        .prepare(server.settings(), Priority::Default, 100)
        .unwrap();
    assert_eq!(keyring.derive_again(100).unwrap(), 0, "no key of the hour");
}

#[test]
fn a_set_alone_opens_no_classic_token_and_none_of_a_passphrase() {
    let server = Server::new(&[FIRST]).ciphers(&["aes-256-gcm", "aes256"]);
    let section = |names| common::Section::within(server.keyring.clone(), &["old"], names);
    let classic = section(&["aes256"]).seal(SESSION);
    assert_eq!(server.open(&classic, 100), Err(Refusal::Format));
    let direct = section(&["aes-256-gcm"]).seal(SESSION);
    assert_eq!(server.open(&direct, 100), Err(Refusal::Header));
}

#[test]
fn another_cipher_of_the_list_opens_and_is_stale() {
    let server = |names: &[&str]| Server::new(&[FIRST]).ciphers(names);
    let token = server(&["aes-128-gcm"]).seal(100);
    let both = server(&["aes-256-gcm", "aes-128-gcm"]);
    assert_eq!(both.open(&token, 100), Ok(true));
    assert_eq!(
        server(&["aes-256-gcm"]).open(&token, 100),
        Err(Refusal::Header)
    );
}

#[test]
fn refuses_every_flipped_bit() {
    let server = Server::new(&[FIRST]);
    let token = server.seal(100);
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut flipped = token.clone();
            *flipped.get_mut(index).unwrap() ^= 1 << bit;
            // Once as the first token, and once after the right one.
            assert!(
                Server::new(&[FIRST]).open(&flipped, 100).is_err(),
                "{index} {bit}"
            );
            assert!(server.open(&flipped, 100).is_err(), "{index} {bit}");
        }
    }
    assert_eq!(server.open(&token, 100), Ok(false));
    for length in 0..token.len() {
        assert!(
            server.open(token.get(..length).unwrap(), 100).is_err(),
            "{length}"
        );
    }
}

#[test]
fn refuses_an_encrypted_key_that_is_not_base64url() {
    let server = Server::new(&[FIRST]);
    let token = server.seal(100);
    let right = part(&token, 1);
    for (wrong, refusal) in [
        (format!("{right}="), Refusal::EncryptedKey),
        (format!("+{}", right.get(1..).unwrap()), Refusal::Encoding),
        (format!("{} ", right.get(1..).unwrap()), Refusal::Encoding),
        (String::new(), Refusal::EncryptedKey),
        ("A".repeat(right.len()), Refusal::EncryptedKey),
    ] {
        let wrong = with_part(&token, 1, &wrong);
        assert_eq!(Server::new(&[FIRST]).open(&wrong, 100), Err(refusal));
    }
}

#[test]
fn users_have_an_id_under_each_key_that_has_not_ended() {
    const JOE: UserEntry<'_> = UserEntry {
        name: b"user",
        value: b"joe",
    };
    let ids = |keys: &[Dated<'_>], now| -> Vec<UserId> {
        Server::new(keys).sealer().user_ids(JOE, at(now)).unwrap()
    };
    let all = ids(&[FIRST, SECOND, THIRD], 150);
    let each = [FIRST, SECOND, THIRD].map(|key| ids(&[key], 150));
    assert_eq!(all, each.concat());
    assert_eq!(ids(&[FIRST, SECOND, THIRD], 1_000), each[1..].concat());
    assert!(ids(&[FIRST, SECOND, THIRD], 5_000).is_empty());
    // The key that opened a token has the same id, in whichever place it is.
    let server = Server::new(&[THIRD, SECOND, FIRST]).passphrase("old");
    for (now, expected) in [(100, &each[0]), (200, &each[1]), (300, &each[2])] {
        let token = server.seal(now);
        let opened = server.sealer().open(&token, at(150), &HeapArena).unwrap();
        let found = server.sealer().user_id(opened.key, JOE, at(150)).unwrap();
        assert_eq!([found].as_slice(), expected, "{now}");
    }
    // So have those of the passphrase, which follow the keys in the list.
    let names = ["aes-256-gcm", "aes256"];
    let server = server.ciphers(&names);
    for names in [["aes-256-gcm", "aes256"], ["aes256", "aes-256-gcm"]] {
        let old = common::Section::within(server.keyring.clone(), &["old"], &names);
        let token = old.seal(SESSION);
        let opened = server.sealer().open(&token, at(150), &HeapArena).unwrap();
        let found = server.sealer().user_id(opened.key, JOE, at(150)).unwrap();
        let theirs = old.sealer().user_ids(JOE, at(150)).unwrap();
        assert_eq!(theirs, [found], "{names:?}");
        assert_eq!(
            server.sealer().user_ids(JOE, at(150)).unwrap().last(),
            Some(&found)
        );
    }
}

#[test]
fn threads_that_seal_together_share_a_content_key() {
    let server = Server::new(&[FIRST]);
    let tokens: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|processor| {
                let server = &server;
                scope.spawn(move || {
                    let now = Now {
                        seconds: 150,
                        processor,
                    };
                    let sealed = server.sealer().seal(SESSION, now, &HeapArena).unwrap();
                    sealed.token.to_bytes().to_vec()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let first = tokens.first().unwrap();
    assert!(tokens.iter().all(|token| part(token, 1) == part(first, 1)));
}
