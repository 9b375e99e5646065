//! One directive, one row, one handler.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Payer, Purpose, Source, SourceError};

use crate::SessionCrypto;
use crate::config::{self, DirRecord, Line, Named, Names};
use crate::ffi::{Context, Directive, Directives, Parms};
use crate::passphrases::{self, origin};
use crate::sources;

/// The directives, as httpd reads them.
pub(crate) static TABLE: Directives<ENTRIES> = Directives::new(ROWS);

/// A row each, and what ends the table.
pub(crate) const ENTRIES: usize = ROWS.len() + 1;

/// The words of a list: as many as fit into a line.
const LIST: usize = usize::MAX;

/// Passphrases of a section. Each line that adds some makes a new list, so
/// there must be an end; that of a `.htaccess` file, which is read on each
/// request and is not the administrator's, comes sooner.
const MAX_PASSPHRASES: usize = 1024;
const MAX_HTACCESS_PASSPHRASES: usize = 32;

/// Certificates of a section, and private keys: each token is for one of them,
/// and each is opened when the configuration is read.
const MAX_FILES: usize = 64;
const MAX_HTACCESS_FILES: usize = 8;

const ROWS: &[Directive<SessionCrypto>] = &[
    Directive {
        name: c"SessionCryptoPassphrase",
        help: c"secret [secret] ... - passphrases: the first encrypts new sessions, each decrypts",
        context: Context::Everywhere,
        most: LIST,
        handler: passphrase,
    },
    Directive {
        name: c"SessionCryptoPassphraseFile",
        help: c"filename - a file of passphrases: the first encrypts new sessions, each decrypts",
        context: Context::Directory,
        most: 1,
        handler: passphrase_file,
    },
    Directive {
        name: c"SessionCryptoCertificateFile",
        help: c"file-or-URI [file-or-URI] ... - certificates: new sessions are encrypted for the first, and accepted for each",
        context: Context::Everywhere,
        most: LIST,
        handler: certificate_file,
    },
    Directive {
        name: c"SessionCryptoCertificateKeyFile",
        help: c"file-or-URI [file-or-URI] ... - the private keys of the certificates, in any order",
        context: Context::Everywhere,
        most: LIST,
        handler: key_file,
    },
    Directive {
        name: c"SessionCryptoCipher",
        help: c"cipher [cipher] ... - ciphers: the first encrypts new sessions, each decrypts",
        context: Context::Everywhere,
        most: LIST,
        handler: cipher,
    },
    Directive {
        name: c"SessionCryptoDigest",
        help: c"digest - the digest that derives keys from passphrases",
        context: Context::Everywhere,
        most: 1,
        handler: digest,
    },
    Directive {
        name: c"SessionCryptoEngine",
        help: c"name - an OpenSSL engine or provider for ciphers, digests and private keys",
        context: Context::Everywhere,
        most: 1,
        handler: engine,
    },
    Directive {
        name: c"SessionCryptoPurpose",
        help: c"text - what the sessions are for: sessions with another purpose are refused",
        // In .htaccess, its author could claim the purpose of a neighbour, and
        // make sessions for it under a passphrase that both inherit.
        context: Context::Directory,
        most: 1,
        handler: purpose,
    },
    Directive {
        name: c"SessionCryptoDriver",
        help: c"openssl [engine=name] - the cryptographic library, which is always OpenSSL",
        context: Context::Server,
        most: LIST,
        handler: driver,
    },
];

fn passphrase<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    let limit = limit(parms);
    if words.len() > limit {
        // Before any of them is looked at, let alone kept.
        return Err(config::too_many("passphrases", limit));
    }
    let payer = payer(parms, record);
    let more = passphrases::from_words(parms, keyring, words)?;
    record.add_passphrases(parms.pool(), more, written(parms, payer), limit)
}

fn passphrase_file<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for file in words {
        let payer = payer(parms, record);
        let more = passphrases::from_file(parms, keyring, file)?;
        record.add_passphrases(parms.pool(), more, written(parms, payer), limit(parms))?;
    }
    Ok(())
}

fn written(parms: &Parms<'_>, payer: Payer) -> Line {
    Line {
        origin: origin(parms),
        payer,
        place: parms.place(),
    }
}

/// The payer for keys that follow from this line: one look at a `.htaccess` file
/// serves all its lines.
fn payer(parms: &Parms<'_>, record: &mut DirRecord<'_>) -> Payer {
    match record.payer() {
        Payer::Server => {
            let payer = passphrases::payer(parms);
            record.set_payer(payer);
            payer
        }
        author @ Payer::Author(_) => author,
    }
}

fn limit(parms: &Parms<'_>) -> usize {
    if parms.in_htaccess() {
        MAX_HTACCESS_PASSPHRASES
    } else {
        MAX_PASSPHRASES
    }
}

fn certificate_file<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    payer(parms, record);
    let more = read_sources(parms, keyring, words, Source::check_certificate)?;
    record.add_certificates(parms.pool(), more, &parms.place(), max_files(parms))
}

fn key_file<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    payer(parms, record);
    let more = read_sources(parms, keyring, words, Source::check_key)?;
    record.add_keys(parms.pool(), more, &parms.place(), max_files(parms))
}

fn read_sources(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
    check: impl Fn(&Source) -> Result<(), SourceError>,
) -> Result<Vec<Source>, String> {
    let limit = max_files(parms);
    if words.len() > limit {
        return Err(config::too_many("files", limit));
    }
    words
        .iter()
        .map(|word| {
            let source = sources::from_word(parms, keyring, word)?;
            check(&source).map_err(|error| format!("{} {error}", source.shown()))?;
            Ok(source)
        })
        .collect()
}

fn max_files(parms: &Parms<'_>) -> usize {
    if parms.in_htaccess() {
        MAX_HTACCESS_FILES
    } else {
        MAX_FILES
    }
}

fn cipher<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    let ciphers = names(parms, keyring, words)?;
    record.set_ciphers(parms.pool(), ciphers);
    payer(parms, record);
    record.check_purpose(keyring)
}

fn digest<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    let digest = names(parms, keyring, words)?;
    record.set_digest(parms.pool(), digest);
    payer(parms, record);
    Ok(())
}

fn names<T: Named>(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
) -> Result<Names<T>, String> {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    Names::new(keyring, words.collect(), parms.place(), origin(parms))
}

fn engine<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for word in words {
        set_engine(
            parms,
            keyring,
            record,
            "SessionCryptoEngine",
            &word.to_string_lossy(),
        )?;
    }
    Ok(())
}

fn set_engine<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    directive: &'static str,
    name: &str,
) -> Result<(), String> {
    let engine = keyring
        .engine(name, origin(parms))
        .map_err(|error| format!("'{name}': {error}"))?;
    record.set_engine(parms.pool(), engine, directive, parms.place());
    payer(parms, record);
    Ok(())
}

fn purpose<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let purpose = Purpose::new(text).map_err(|error| error.to_string())?;
        record.set_purpose(parms.pool(), purpose, parms.place());
    }
    record.check_purpose(keyring)
}

fn driver<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err("the driver is that of the whole server: \
                    move this line out of <VirtualHost> and every other section"
            .to_owned());
    }
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let name = words.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case("openssl") {
        return Err(format!(
            "there is no driver '{name}', this module always uses OpenSSL: \
             write 'SessionCryptoDriver openssl', or leave the line out"
        ));
    }
    for parameter in words {
        match parameter.split_once('=') {
            Some(("engine", name)) => {
                set_engine(parms, keyring, record, "SessionCryptoDriver", name)?;
            }
            _ => {
                return Err(format!(
                    "unknown parameter '{parameter}': write 'SessionCryptoDriver openssl' alone, \
                     or with engine=NAME"
                ));
            }
        }
    }
    Ok(())
}
