//! Certificates and private keys in every form of file, and the pairs that they make.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use common::{NOW, certificate};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use session_crypto_core::{
    DefaultCiphers, During, FileError, HeapArena, Identities, Keyring, OpenSslRandom, Origin,
    PairingError, PairingFault, Pairs, PassphraseList, Payer, Sealer, Secrets, Seed, Settings,
    SharedMemory, Source, SourceError, SourcePosition, Validity,
};

mod common;

const SECRET: &[u8] = b"correct horse";
const CERTIFICATES: [&str; 4] = ["rsa-2048", "p-256", "p-384", "p-521"];

/// A keyring, and a folder that is removed when the test ends.
struct Bench {
    keyring: Keyring,
    folder: PathBuf,
}

impl Bench {
    fn new(test: &str) -> Self {
        let name = format!("session-crypto-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self {
            keyring: Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap(),
            folder,
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Source {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        self.keyring.file(&path, Origin::Server).unwrap()
    }

    fn passphrases(&self, texts: &[&[u8]]) -> PassphraseList {
        let passphrase = |text: &&[u8]| self.keyring.passphrase(text, Origin::Server).unwrap();
        texts.iter().map(passphrase).collect()
    }

    fn pair<'s>(
        &self,
        certificates: impl IntoIterator<Item = &'s Source>,
        keys: impl IntoIterator<Item = &'s Source>,
        passphrases: &[&[u8]],
    ) -> Result<Arc<Identities>, PairingError> {
        let certificates: Vec<_> = certificates.into_iter().cloned().collect();
        let keys: Vec<_> = keys.into_iter().cloned().collect();
        let pairs = Pairs {
            certificates: &certificates,
            keys: &keys,
            passphrases: &self.passphrases(passphrases),
            engine: None,
            origin: Origin::Server,
            payer: Payer::default(),
        };
        self.keyring.identities(pairs, During::Startup)
    }

    /// Seals and opens a session, which uses the private key. Returns the token's header.
    fn use_key(&self, identities: &Identities) -> String {
        let ciphers = self.keyring.default_ciphers(None, DefaultCiphers::Jwe);
        let settings = Settings::new(Secrets::Certificates(identities), ciphers);
        let sealer = Sealer::new(&self.keyring, settings);
        let token = sealer.seal(b"user=joe", NOW, &HeapArena).unwrap().token;
        let opened = sealer.open(token.to_bytes(), NOW, &HeapArena).unwrap();
        assert_eq!(opened.session.to_bytes(), b"user=joe");
        let header = token.to_str().unwrap().split('.').next().unwrap();
        let header = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
        String::from_utf8(header).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A key and a certificate of `core/vectors`.
fn pair(name: &str) -> (PKey<Private>, X509) {
    let pem = fs::read(certificate(name)).unwrap();
    let key = PKey::private_key_from_pem(&pem).unwrap();
    (key, X509::from_pem(&pem).unwrap())
}

/// The forms of a key file that are not encrypted.
fn plain_forms(key: &PKey<Private>) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("PKCS#8", key.private_key_to_pem_pkcs8().unwrap()),
        ("PKCS#8 in DER", key.private_key_to_pkcs8().unwrap()),
        ("traditional in DER", key.private_key_to_der().unwrap()),
    ];
    forms.push(match (key.rsa(), key.ec_key()) {
        (Ok(rsa), _) => ("traditional", rsa.private_key_to_pem().unwrap()),
        (_, ec) => ("traditional", ec.unwrap().private_key_to_pem().unwrap()),
    });
    forms
}

/// The encrypted forms of a key file. PKCS#12 has the certificate as well.
fn locked_forms(key: &PKey<Private>, certificate: &X509) -> Vec<(&'static str, Vec<u8>)> {
    let aes = Cipher::aes_256_cbc();
    let secret = std::str::from_utf8(SECRET).unwrap();
    let pkcs8 = key.private_key_to_pem_pkcs8_passphrase(aes, SECRET);
    let der = key.private_key_to_pkcs8_passphrase(aes, SECRET);
    let traditional = match (key.rsa(), key.ec_key()) {
        (Ok(rsa), _) => rsa.private_key_to_pem_passphrase(aes, SECRET),
        (_, ec) => ec.unwrap().private_key_to_pem_passphrase(aes, SECRET),
    };
    vec![
        ("encrypted PKCS#8", pkcs8.unwrap()),
        ("encrypted PKCS#8 in DER", der.unwrap()),
        ("encrypted traditional", traditional.unwrap()),
        ("PKCS#12", pkcs12(Some(key), &[certificate], secret)),
    ]
}

/// A PKCS#12 file. With a key, the first certificate is the key's.
fn pkcs12(key: Option<&PKey<Private>>, certificates: &[&X509], secret: &str) -> Vec<u8> {
    let mut builder = Pkcs12::builder();
    let mut certificates = certificates.iter();
    if let Some(key) = key {
        builder.pkey(key).cert(certificates.next().unwrap());
    }
    let mut others = Stack::new().unwrap();
    for certificate in certificates {
        others.push((*certificate).clone()).unwrap();
    }
    builder.ca(others);
    builder.build2(secret).unwrap().to_der().unwrap()
}

/// A self-signed certificate of a test's own key, valid between two Unix times.
fn self_signed(key: &PKey<Private>, from: i64, to: i64) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "test.invalid").unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    let [from, to] = [from, to].map(|time| Asn1Time::from_unix(time).unwrap());
    builder.set_not_before(&from).unwrap();
    builder.set_not_after(&to).unwrap();
    let digest = match key.id() {
        Id::ED25519 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(key, digest).unwrap();
    builder.build()
}

fn on_curve(nid: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(nid).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

#[test]
fn takes_a_key_in_every_form() {
    let bench = Bench::new("forms");
    for name in CERTIFICATES {
        let (key, x509) = pair(name);
        let (pem, der) = (x509.to_pem().unwrap(), x509.to_der().unwrap());
        let certificates = [("pem", pem), ("der", der)]
            .map(|(form, bytes)| bench.file(&format!("{name} {form}"), bytes));
        for (form, bytes) in plain_forms(&key) {
            let source = bench.file(&format!("{name} {form}"), bytes);
            source.check_key().unwrap();
            for certificate in &certificates {
                certificate.check_certificate().unwrap();
                let found = bench.pair([certificate], [&source], &[]);
                bench.use_key(&found.unwrap());
            }
        }
        for (form, bytes) in locked_forms(&key, &x509) {
            let source = bench.file(&format!("{name} {form}"), bytes);
            source.check_key().unwrap();
            let pair = |secrets: &[&[u8]]| bench.pair(&certificates, [&source], secrets);
            for secrets in [&[SECRET][..], &[b"other", b"\0", b"\xff", SECRET]] {
                bench.use_key(&pair(secrets).unwrap());
            }
            let (other, longer) = (&b"other"[..], &b"correct horse "[..]);
            for secrets in [&[][..], &[other], &[other, longer]] {
                let error = pair(secrets).unwrap_err();
                assert_eq!(error.position, SourcePosition::Key(0), "{name} {form}");
                let expected = if secrets.is_empty() {
                    FileError::NoPassphrase
                } else {
                    FileError::Locked
                };
                let PairingFault::File(found) = error.fault else {
                    panic!("{name} {form}: {error}");
                };
                assert_eq!(found, expected, "{name} {form}");
            }
        }
    }
}

/// PKCS#8 under DES and MD5, which the default provider lacks: `openssl pkcs8 -topk8 -v1
/// PBE-MD5-DES -provider legacy -provider default`.
const LEGACY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGwMBsGCSqGSIb3DQEFAzAOBAhUihKtCjUDGAICCAAEgZDTgEpDbHGrEQ9QV55y
ErJgUZh3qspbgtYVotncbUrBMpwtgXAo8XVsU4Fpp9tNXyumzF4l+LuZym7Hj6oV
h/Fyp+wsG5KBIGA7rTrIds7bkROhA69JdP1ABCnjWicdhqx7lkgaKgWXiok5acPR
0WQ9x6CxaET1EivFegdTSz72pFvKkYFF17CfvKxqDrznqZw=
-----END ENCRYPTED PRIVATE KEY-----
";

#[test]
fn names_an_encryption_that_no_provider_has() {
    let bench = Bench::new("legacy");
    let (_, x509) = pair("p-256");
    let certificate = bench.file("certificate", x509.to_pem().unwrap());
    let body: String = LEGACY
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = base64_simd::STANDARD.decode_to_vec(body).unwrap();
    for (form, content) in [("pem", LEGACY.as_bytes()), ("der", &der)] {
        let key = bench.file(form, content);
        for (secrets, expected) in [
            (&[][..], FileError::NoPassphrase),
            (&[SECRET], FileError::Unsupported),
            (&[b"other"], FileError::Unsupported),
        ] {
            let error = bench.pair([&certificate], [&key], secrets).unwrap_err();
            let PairingFault::File(found) = error.fault else {
                panic!("{form}: {error}");
            };
            assert_eq!(found, expected, "{form}");
        }
    }
}

#[test]
fn takes_a_certificate_and_its_key_from_one_file() {
    let bench = Bench::new("both");
    for name in CERTIFICATES {
        let (key, x509) = pair(name);
        let [pem, key_pem] = [
            x509.to_pem().unwrap(),
            key.private_key_to_pem_pkcs8().unwrap(),
        ];
        let locked = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), SECRET);
        let text = std::str::from_utf8(SECRET).unwrap();
        for (form, content) in [
            ("key first", [key_pem.clone(), pem.clone()].concat()),
            ("key last", [pem.clone(), key_pem].concat()),
            ("locked", [pem, locked.unwrap()].concat()),
            ("PKCS#12", pkcs12(Some(&key), &[&x509], text)),
            (
                "PKCS#12 without a passphrase",
                pkcs12(Some(&key), &[&x509], ""),
            ),
        ] {
            let source = bench.file(&format!("{name} {form}"), content);
            source.check_certificate().unwrap();
            let found = bench.pair([&source], [], &[b"other", SECRET]).unwrap();
            bench.use_key(&found);
        }
    }
}

#[test]
fn takes_the_first_certificate_of_a_chain() {
    let bench = Bench::new("chain");
    let ((key, first), (_, second)) = (pair("p-256"), pair("p-384"));
    let key = bench.file("key", key.private_key_to_pem_pkcs8().unwrap());
    let [first, second] = [first, second].map(|x509| x509.to_pem().unwrap());
    let found = |name, parts: &[&[u8]]| {
        let chain = bench.file(name, parts.concat());
        bench.pair([&chain], [&key], &[])
    };
    let header = bench.use_key(&found("chain", &[&first, &second]).unwrap());
    assert!(header.contains(r#""crv":"P-256""#), "{header}");
    let header = bench.use_key(&found("text", &[b"Issuer: me\n", &first, b"\n", &second]).unwrap());
    assert!(header.contains(r#""crv":"P-256""#), "{header}");
    assert!(found("reversed", &[&second, &first]).is_err());
}

#[test]
fn finds_the_key_of_each_certificate_in_any_order() {
    let bench = Bench::new("order");
    let pairs = CERTIFICATES.map(pair);
    let keys: Vec<_> = pairs
        .iter()
        .zip(CERTIFICATES)
        .map(|((key, _), name)| {
            bench.file(
                &format!("{name}.key"),
                key.private_key_to_pem_pkcs8().unwrap(),
            )
        })
        .collect();
    let certificates: Vec<_> = pairs
        .iter()
        .zip(CERTIFICATES)
        .map(|((_, x509), name)| bench.file(name, x509.to_pem().unwrap()))
        .collect();
    let (mut reversed, mut turned) = (keys.clone(), keys.clone());
    reversed.reverse();
    turned.rotate_left(1);
    for keys in [&keys, &reversed, &turned] {
        bench.use_key(&bench.pair(&certificates, keys, &[]).unwrap());
        // Keys of no certificate do not matter.
        let two = certificates.get(1..3).unwrap();
        bench.use_key(&bench.pair(two, keys, &[]).unwrap());
    }
    let error = bench
        .pair(&certificates, keys.get(..3).unwrap(), &[])
        .unwrap_err();
    assert_eq!(error.position, SourcePosition::Certificate(3));
    assert_eq!(tried(&error), Some(3));
    let error = bench.pair(&certificates, [], &[]).unwrap_err();
    assert_eq!(error.position, SourcePosition::Certificate(0));
    assert_eq!(tried(&error), Some(0));
    let error = bench.pair(&certificates, &certificates, &[]).unwrap_err();
    assert_eq!(error.position, SourcePosition::Key(0));
    let has_none = matches!(error.fault, PairingFault::File(FileError::NoKey));
    assert!(has_none, "{error}");
}

/// The number of other private keys, if the error says that a certificate's is missing.
fn tried(error: &PairingError) -> Option<usize> {
    match &error.fault {
        PairingFault::NoPrivateKey { tried } => Some(tried.len()),
        _ => None,
    }
}

#[test]
fn a_key_in_the_file_of_a_certificate_must_be_its_key() {
    let bench = Bench::new("own");
    let ((key, _), (own, x509)) = (pair("p-384"), pair("p-256"));
    let content = [
        x509.to_pem().unwrap(),
        key.private_key_to_pem_pkcs8().unwrap(),
    ]
    .concat();
    let source = bench.file("both", content);
    let error = bench.pair([&source], [], &[]).unwrap_err();
    let is_other = matches!(error.fault, PairingFault::OtherPrivateKey);
    assert!(is_other, "{error}");
    // The right key in a file of its own is used all the same.
    let own = bench.file("key", own.private_key_to_pem_pkcs8().unwrap());
    bench.use_key(&bench.pair([&source], [&own], &[]).unwrap());
}

#[test]
fn refuses_keys_of_unusable_kinds() {
    let bench = Bench::new("unusable");
    for (name, key) in [
        (
            "RSA and 1024 bits",
            PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap(),
        ),
        ("EC on secp256k1", on_curve(Nid::SECP256K1)),
        ("EC on secp224r1", on_curve(Nid::SECP224R1)),
        ("Ed25519", PKey::generate_ed25519().unwrap()),
    ] {
        let x509 = self_signed(&key, 0, 1 << 32);
        let x509 = bench.file(name, x509.to_pem().unwrap());
        let key = bench.file(
            &format!("{name}.key"),
            key.private_key_to_pem_pkcs8().unwrap(),
        );
        for error in [x509.check_certificate(), key.check_key()] {
            let error = error.unwrap_err();
            assert!(matches!(error, SourceError::Key(_)), "{name}: {error}");
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
        let error = bench.pair([&x509], [&key], &[]).unwrap_err();
        assert_eq!(error.position, SourcePosition::Certificate(0));
        assert!(matches!(error.fault, PairingFault::Key(_)), "{error}");
    }
}

#[test]
fn says_what_is_wrong_with_a_file() {
    let bench = Bench::new("wrong");
    let (key, x509) = pair("rsa-2048");
    let (key, pem) = (
        key.private_key_to_pem_pkcs8().unwrap(),
        x509.to_pem().unwrap(),
    );
    let (middle, der) = (pem.len() / 2, x509.to_der().unwrap());
    let nothing = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    let (no_certificate, no_key) = ("no certificate in it", "no private key in it");
    let broken = "that OpenSSL cannot read";
    for (name, content, certificate, private) in [
        ("text", &b"hello"[..], Some(no_certificate), Some(no_key)),
        ("key", &key, Some(no_certificate), None),
        ("certificate", &pem, None, Some(no_key)),
        ("half", &pem[..middle], Some(broken), Some(no_key)),
        (
            "half a key",
            &key[..key.len() / 2],
            Some(no_certificate),
            Some(broken),
        ),
        (
            "half DER",
            &der[..der.len() / 2],
            Some(no_certificate),
            Some(no_key),
        ),
        ("PEM of nothing", nothing, Some(broken), Some(no_key)),
    ] {
        let source = bench.file(name, content);
        for (found, said) in [
            (source.check_certificate(), certificate),
            (source.check_key(), private),
        ] {
            match (found, said) {
                (Ok(()), None) => {}
                (Err(error), Some(said)) => {
                    assert!(error.to_string().contains(said), "{name}: {error}");
                }
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        assert!(bench.pair([&source], [&source], &[]).is_err());
    }
}

#[test]
fn takes_a_certificate_from_a_pkcs12_file_without_its_key() {
    let bench = Bench::new("alone");
    let ((key, first), (_, second)) = (pair("p-256"), pair("p-384"));
    let archive = bench.file("p12", pkcs12(None, &[&first, &second], ""));
    let key = bench.file("key", key.private_key_to_pem_pkcs8().unwrap());
    bench.use_key(&bench.pair([&archive], [&key], &[]).unwrap());
}

#[test]
fn equal_lists_are_paired_once() {
    let bench = Bench::new("memo");
    let [one, other] = ["p-256", "p-384"].map(|name| {
        let path = certificate(name);
        bench.keyring.file(&path, Origin::Server).unwrap()
    });
    let pair = |certificates: &[&Source], keys: &[&Source], secrets: &[&[u8]]| {
        let [certificates, keys] = [certificates, keys].map(|list| list.iter().copied());
        bench.pair(certificates, keys, secrets).unwrap()
    };
    let first = pair(&[&one], &[], &[]);
    assert!(Arc::ptr_eq(&first, &pair(&[&one], &[], &[])));
    for (certificates, keys, secrets) in [
        (&[&one, &other][..], &[][..], &[][..]),
        (&[&other, &one], &[], &[]),
        (&[&one], &[&other], &[]),
        (&[&one], &[&one], &[]),
        (&[&one], &[], &[SECRET]),
    ] {
        let found = pair(certificates, keys, secrets);
        assert!(!Arc::ptr_eq(&first, &found));
        assert!(Arc::ptr_eq(&found, &pair(certificates, keys, secrets)));
    }
    // All lists begin with the same certificate, and so have the same content key.
    let header = bench.use_key(&first);
    for found in [
        pair(&[&one, &other], &[], &[]),
        pair(&[&one], &[&other], &[SECRET]),
    ] {
        assert_eq!(bench.use_key(&found), header);
    }
}

#[test]
fn compares_the_dates_of_the_first_certificate() {
    let bench = Bench::new("dates");
    let key = on_curve(Nid::X9_62_PRIME256V1);
    let now = NOW.seconds;
    let time = i64::try_from(now).unwrap();
    for (name, from, to, validity) in [
        ("valid", -10, 10, Validity::Valid),
        ("expired", -20, -10, Validity::Expired),
        ("early", 10, 20, Validity::NotYetValid),
    ] {
        let at = |seconds: i64| time.saturating_add(seconds);
        let x509 = self_signed(&key, at(from), at(to)).to_pem().unwrap();
        let content = [x509, key.private_key_to_pem_pkcs8().unwrap()].concat();
        let source = bench.file(name, content);
        let valid = bench
            .keyring
            .file(&certificate("p-256"), Origin::Server)
            .unwrap();
        let found = bench
            .pair(&[source.clone(), valid.clone()], &[], &[])
            .unwrap();
        assert_eq!(found.validity(now), validity, "{name}");
        // The dates do not matter to sealing and opening.
        bench.use_key(&found);
        let found = bench.pair([&valid, &source], [], &[]).unwrap();
        assert_eq!(found.validity(now), Validity::Valid, "{name}");
    }
}

#[test]
fn prints_no_secret() {
    let bench = Bench::new("print");
    let source = bench
        .keyring
        .file(&certificate("p-256"), Origin::Server)
        .unwrap();
    let uri = bench.keyring.uri("pkcs11:object=web?pin-value=1234");
    let pairs = Pairs {
        certificates: std::slice::from_ref(&source),
        keys: &[uri],
        passphrases: &bench.passphrases(&[b"secret"]),
        engine: None,
        origin: Origin::Server,
        payer: Payer::default(),
    };
    let printed = format!("{pairs:?} {:?}", bench.pair([&source], [], &[]).unwrap());
    for secret in ["1234", "secret", "PRIVATE", "MIG"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
