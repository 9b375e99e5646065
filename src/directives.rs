//! One directive, one row, one handler.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Purpose};

use crate::SessionCrypto;
use crate::config::{self, DirRecord};
use crate::ffi::{Context, Directive, Directives, Parms};
use crate::passphrases;

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

const ROWS: &[Directive<SessionCrypto>] = &[
    Directive {
        name: c"SessionCryptoPassphrase",
        help: c"passphrases, or exec:program: the first seals sessions, all open them",
        context: Context::Everywhere,
        most: LIST,
        handler: passphrase,
    },
    Directive {
        name: c"SessionCryptoPassphraseFile",
        help: c"a file of passphrases: the first seals sessions, all open them",
        context: Context::Directory,
        most: 1,
        handler: passphrase_file,
    },
    Directive {
        name: c"SessionCryptoCipher",
        help: c"ciphers: the first seals sessions, all open them",
        context: Context::Everywhere,
        most: LIST,
        handler: cipher,
    },
    Directive {
        name: c"SessionCryptoDigest",
        help: c"the digest that derives keys from passphrases",
        context: Context::Everywhere,
        most: 1,
        handler: digest,
    },
    Directive {
        name: c"SessionCryptoPurpose",
        help: c"what the sessions are for: those of another purpose are refused",
        context: Context::Everywhere,
        most: 1,
        handler: purpose,
    },
    Directive {
        name: c"SessionCryptoDriver",
        help: c"openssl, the one cryptographic library of this module",
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
        return Err(config::too_many(limit));
    }
    let more = words
        .iter()
        .map(|word| passphrases::from_word(parms, keyring, word))
        .collect::<Result<_, _>>()?;
    record.add_passphrases(parms.pool(), more, limit)
}

fn passphrase_file<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for file in words {
        let more = passphrases::from_file(parms, keyring, file)?;
        record.add_passphrases(parms.pool(), more, limit(parms))?;
    }
    Ok(())
}

fn limit(parms: &Parms<'_>) -> usize {
    if parms.in_htaccess() {
        MAX_HTACCESS_PASSPHRASES
    } else {
        MAX_PASSPHRASES
    }
}

fn cipher<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    let ciphers = words
        .iter()
        .map(|word| {
            let name = word.to_string_lossy();
            keyring
                .cipher(&name)
                .map_err(|error| format!("'{name}': {error}"))
        })
        .collect::<Result<_, _>>()?;
    record.set_ciphers(parms.pool(), ciphers);
    record.check_purpose(true).map_err(str::to_owned)
}

fn digest<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for word in words {
        let name = word.to_string_lossy();
        let digest = keyring
            .digest(&name)
            .map_err(|error| format!("'{name}': {error}"))?;
        record.set_digest(parms.pool(), digest);
    }
    Ok(())
}

fn purpose<'p>(
    parms: &Parms<'p>,
    _keyring: &'p Keyring,
    record: &mut DirRecord<'p>,
    words: &[&CStr],
) -> Result<(), String> {
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let purpose = Purpose::new(text).map_err(|error| error.to_string())?;
        record.set_purpose(parms.pool(), purpose);
    }
    record.check_purpose(true).map_err(str::to_owned)
}

fn driver<'p>(
    parms: &Parms<'p>,
    _keyring: &'p Keyring,
    _record: &mut DirRecord<'p>,
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
    match words.next() {
        None => Ok(()),
        Some(parameter) => Err(format!(
            "unknown parameter '{parameter}': write 'SessionCryptoDriver openssl' alone"
        )),
    }
}
