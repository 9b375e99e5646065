//! The directives: one row and one handler each.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Origin, Payer, Purpose, Source, SourceError, times};

use crate::advice;
use crate::check::Acceptable;
use crate::config::{Algorithm, AlgorithmNames, DirConfig, EndSessionsFor};
use crate::ffi::{Context, Directive, Directives, Parms};
use crate::message::Message;
use crate::revocation::{list_in_section, read_settings};
use crate::secrets::{passphrases, sources};
use crate::session_crypto::SessionCrypto;
use crate::state::State;

/// The directives, as httpd reads them.
pub(crate) static TABLE: Directives<ENTRIES> = Directives::new(ROWS);

/// The number of rows, and one for the end of the table.
pub(crate) const ENTRIES: usize = ROWS.len() + 1;

/// The most words of a list: as many as fit into a line.
const LIST: usize = usize::MAX;

/// The most passphrases of a section. Each line that adds some makes a new list. The
/// limit of a `.htaccess` file is lower: it is read in each request, and is not the
/// administrator's.
const MAX_PASSPHRASES: usize = 1024;
const MAX_HTACCESS_PASSPHRASES: usize = 32;

/// The most certificates of a section, and the most private keys: each is opened
/// when the configuration is read.
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
        name: c"SessionCryptoKeyFile",
        help: c"file-or-program - a JWK Set: its newest key encrypts new sessions, each decrypts until its end",
        // Children may not read the file, and could not see it change.
        context: Context::Directory,
        most: 1,
        handler: set_file,
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
        name: c"SessionCryptoMaxLifetime",
        help: c"time - how long after its beginning a session ends, however it is used: 8h, 30d",
        context: Context::Everywhere,
        most: 1,
        handler: max_lifetime,
    },
    Directive {
        name: c"SessionCryptoNotBefore",
        help: c"date - sessions that began before it are refused from then on: 2026-11-26T08:00:00Z",
        context: Context::Everywhere,
        most: 1,
        handler: not_before,
    },
    Directive {
        name: c"SessionCryptoUserEntry",
        help: c"name [name] ... - the entries that name the user of a session",
        // In .htaccess, its author could keep the logouts of a neighbour, whose
        // passphrase both inherit, from being noticed.
        context: Context::Directory,
        most: LIST,
        handler: user_entry,
    },
    Directive {
        name: c"SessionCryptoEndSessionsFor",
        help: c"own|any - whose sessions the handler session-crypto-end-sessions ends",
        // In .htaccess, its author could end the sessions of a neighbour, whose
        // passphrase both inherit.
        context: Context::Directory,
        most: 1,
        handler: end_sessions_for,
    },
    Directive {
        name: c"SessionCryptoRevocation",
        help: c"on|off|url [option] ... - the list of ended sessions: on for one server, a Redis or Valkey for several",
        context: Context::Server,
        most: LIST,
        handler: revocation,
    },
    Directive {
        name: c"SessionCryptoAccept",
        help: c"code [code] ... - warnings of httpd's start that are not given here",
        context: Context::Directory,
        most: LIST,
        handler: accept,
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
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let limit = max_passphrases(parms);
    if words.len() > limit {
        // Too many are refused before any of them is read.
        return Err(advice::too_many("passphrases", limit));
    }
    note_payer(parms, config);
    let more = passphrases::from_words(parms, &state.keyring, words)?;
    config.add_passphrases(parms, more, limit)
}

fn passphrase_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    for file in words {
        let more = passphrases::from_file(parms, &state.keyring, file)?;
        config.add_passphrases(parms, more, max_passphrases(parms))?;
    }
    Ok(())
}

fn set_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let file = state.key_files.find(parms, &state.keyring, word)?;
        config.set_key_file(parms.pool(), file, parms.line());
    }
    Ok(())
}

/// Notes the payer for keys that follow from this line: one look at a `.htaccess`
/// file serves all its lines.
fn note_payer(parms: &Parms<'_>, config: &mut DirConfig<'_>) {
    if config.payer() == Payer::Server {
        config.set_payer(parms.payer());
    }
}

fn max_passphrases(parms: &Parms<'_>) -> usize {
    match parms.origin() {
        Origin::Server => MAX_PASSPHRASES,
        Origin::Htaccess => MAX_HTACCESS_PASSPHRASES,
    }
}

fn certificate_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    let more = read_sources(parms, &state.keyring, words, Source::check_certificate)?;
    config.add_certificates(parms, more, max_files(parms))
}

fn key_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    let more = read_sources(parms, &state.keyring, words, Source::check_key)?;
    config.add_private_keys(parms, more, max_files(parms))
}

fn read_sources(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
    check: impl Fn(&Source) -> Result<(), SourceError>,
) -> Result<Vec<Source>, Message> {
    let limit = max_files(parms);
    if words.len() > limit {
        return Err(advice::too_many("files", limit));
    }
    words
        .iter()
        .map(|word| {
            let source = sources::from_word(parms, keyring, word)?;
            check(&source)
                .map_err(|error| advice::source(&error, parms.origin()).after(source.shown()))?;
            Ok(source)
        })
        .collect()
}

fn max_files(parms: &Parms<'_>) -> usize {
    match parms.origin() {
        Origin::Server => MAX_FILES,
        Origin::Htaccess => MAX_HTACCESS_FILES,
    }
}

fn cipher<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let ciphers = names(parms, &state.keyring, words)?;
    config.set_ciphers(parms.pool(), ciphers);
    note_payer(parms, config);
    config.check_purpose(&state.keyring)
}

fn digest<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let digest = names(parms, &state.keyring, words)?;
    config.set_digest(parms.pool(), digest);
    note_payer(parms, config);
    Ok(())
}

fn names<A: Algorithm>(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
) -> Result<AlgorithmNames<A>, Message> {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    AlgorithmNames::new(keyring, words.collect(), parms.line(), parms.origin())
}

fn engine<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        set_engine(
            parms,
            &state.keyring,
            config,
            "SessionCryptoEngine",
            &word.to_string_lossy(),
        )?;
    }
    Ok(())
}

fn set_engine<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    config: &mut DirConfig<'p>,
    directive: &'static str,
    name: &str,
) -> Result<(), Message> {
    let engine = keyring
        .engine(name, parms.origin())
        .map_err(|error| advice::engine(&error).at(format_args!("'{name}'")))?;
    config.set_engine(parms.pool(), engine, directive, parms.line());
    note_payer(parms, config);
    Ok(())
}

fn purpose<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let purpose = Purpose::new(text).map_err(advice::purpose)?;
        config.set_purpose(parms.pool(), purpose, parms.line());
    }
    config.check_purpose(&state.keyring)
}

fn max_lifetime<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let seconds = times::lifetime(&text).map_err(|error| advice::lifetime(&text, error))?;
        config.set_lifetime(parms, seconds);
    }
    Ok(())
}

fn not_before<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let moment = times::date(&text).map_err(|error| advice::date(&text, error))?;
        config.add_not_before(parms, moment);
    }
    Ok(())
}

fn user_entry<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if words.iter().any(|word| word.is_empty()) {
        return Err(advice::empty_user_entry());
    }
    config.add_user_entries(parms, words);
    Ok(())
}

fn end_sessions_for<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let word = word.to_string_lossy();
        let value = EndSessionsFor::parse(&word).ok_or_else(|| advice::own_or_any(&word))?;
        config.set_end_sessions_for(parms.pool(), value, parms.line());
    }
    Ok(())
}

fn revocation<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    _: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err(list_in_section());
    }
    state.set_revocation_settings(read_settings(parms, words)?);
    Ok(())
}

/// Checks the codes of a line, which `check` reads where it stands.
fn accept<'p>(
    _: &Parms<'p>,
    _: &'p State,
    _: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let mut words = words.iter().map(|word| word.to_bytes());
    match words.find(|word| Acceptable::parse(word).is_none()) {
        Some(word) => Err(advice::unknown_code(
            word,
            &Acceptable::ALL.map(Acceptable::code),
        )),
        None => Ok(()),
    }
}

fn driver<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err(advice::driver_in_section());
    }
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let name = words.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case("openssl") {
        return Err(advice::no_driver(&name));
    }
    for parameter in words {
        match parameter.split_once('=') {
            Some(("engine", name)) => {
                set_engine(parms, &state.keyring, config, "SessionCryptoDriver", name)?;
            }
            _ => return Err(advice::unknown_parameter(&parameter)),
        }
    }
    Ok(())
}
