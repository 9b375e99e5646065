//! The table of directives: a row each.

use super::{algorithms, devices, secrets, server, sessions};
use crate::ffi::{Context, Directive, Directives};
use crate::session_crypto::SessionCrypto;

/// The directives, as httpd reads them.
pub(crate) static TABLE: Directives<ENTRIES> = Directives::new(ROWS);

/// The number of rows, and one for the end of the table.
pub(crate) const ENTRIES: usize = ROWS.len() + 1;

/// The most words of a list: as many as fit into a line.
const LIST: usize = usize::MAX;

const ROWS: &[Directive<SessionCrypto>] = &[
    Directive {
        name: c"SessionCryptoPassphrase",
        help: c"secret [secret] ... - passphrases: the first encrypts new sessions, each decrypts",
        context: Context::Everywhere,
        most: LIST,
        handler: secrets::passphrase,
    },
    Directive {
        name: c"SessionCryptoPassphraseFile",
        help: c"filename - a file of passphrases: the first encrypts new sessions, each decrypts",
        context: Context::Directory,
        most: 1,
        handler: secrets::passphrase_file,
    },
    Directive {
        name: c"SessionCryptoKeyFile",
        help: c"file-or-program - a JWK Set: its newest key encrypts new sessions, each decrypts until its end",
        // Children may not read the file, and could not see it change.
        context: Context::Directory,
        most: 1,
        handler: secrets::set_file,
    },
    Directive {
        name: c"SessionCryptoPassEnv",
        help: c"name [name] ... - variables of httpd's environment that exec: programs get",
        context: Context::Server,
        most: LIST,
        handler: secrets::pass_env,
    },
    Directive {
        name: c"SessionCryptoCertificateFile",
        help: c"file-or-URI [file-or-URI] ... - certificates: new sessions are encrypted for the first, and accepted for each",
        context: Context::Everywhere,
        most: LIST,
        handler: secrets::certificate_file,
    },
    Directive {
        name: c"SessionCryptoCertificateKeyFile",
        help: c"file-or-URI [file-or-URI] ... - the private keys of the certificates, in any order",
        context: Context::Everywhere,
        most: LIST,
        handler: secrets::key_file,
    },
    Directive {
        name: c"SessionCryptoCipher",
        help: c"cipher [cipher] ... - ciphers: the first encrypts new sessions, each decrypts",
        context: Context::Everywhere,
        most: LIST,
        handler: algorithms::cipher,
    },
    Directive {
        name: c"SessionCryptoDigest",
        help: c"digest - the digest that derives keys from passphrases",
        context: Context::Everywhere,
        most: 1,
        handler: algorithms::digest,
    },
    Directive {
        name: c"SessionCryptoEngine",
        help: c"name - an OpenSSL engine or provider for ciphers, digests and private keys",
        context: Context::Everywhere,
        most: 1,
        handler: algorithms::engine,
    },
    Directive {
        name: c"SessionCryptoPurpose",
        help: c"text - what the sessions are for: sessions with another purpose are refused",
        // In .htaccess, its author could claim the purpose of a neighbour, and
        // make sessions for it under a passphrase that both inherit.
        context: Context::Directory,
        most: 1,
        handler: algorithms::purpose,
    },
    Directive {
        name: c"SessionCryptoMaxLifetime",
        help: c"time - how long after its beginning a session ends, however it is used: 8h, 30d",
        context: Context::Everywhere,
        most: 1,
        handler: sessions::max_lifetime,
    },
    Directive {
        name: c"SessionCryptoNotBefore",
        help: c"date - sessions that began before it are refused from then on: 2026-11-26T08:00:00Z",
        context: Context::Everywhere,
        most: 1,
        handler: sessions::not_before,
    },
    Directive {
        name: c"SessionCryptoUserEntry",
        help: c"name [name] ... - the entries that name the user of a session",
        // In .htaccess, its author could keep the logouts of a neighbour, whose
        // passphrase both inherit, from being noticed.
        context: Context::Directory,
        most: LIST,
        handler: sessions::user_entry,
    },
    Directive {
        name: c"SessionCryptoEndSessionsFor",
        help: c"own|any - whose sessions the handler session-crypto-end-sessions ends",
        // In .htaccess, its author could end the sessions of a neighbour, whose
        // passphrase both inherit.
        context: Context::Directory,
        most: 1,
        handler: sessions::end_sessions_for,
    },
    Directive {
        name: c"SessionCryptoRevocation",
        help: c"on|off|url [option] ... - the list of ended sessions: on for one server, a Redis or Valkey for several",
        context: Context::Server,
        most: LIST,
        handler: server::revocation,
    },
    Directive {
        name: c"SessionCryptoDevice",
        help: c"off|offer|enforce|required [time] - whether sessions are bound to the devices of browsers",
        // In .htaccess, its author could let copies of sessions in.
        context: Context::Directory,
        most: 2,
        handler: devices::device,
    },
    Directive {
        name: c"SessionCryptoDevicePath",
        help: c"path - the path at which the handler session-crypto-device answers browsers",
        context: Context::Directory,
        most: 1,
        handler: devices::path,
    },
    Directive {
        name: c"SessionCryptoDeviceCookie",
        help: c"name [attributes] - the cookie that shows the device of a session",
        context: Context::Directory,
        most: 2,
        handler: devices::cookie,
    },
    Directive {
        name: c"SessionCryptoDeviceLifetime",
        help: c"time - how long that cookie lives, before whose end browsers prove their device again",
        context: Context::Directory,
        most: 1,
        handler: devices::lifetime,
    },
    Directive {
        name: c"SessionCryptoDeviceInitiators",
        help: c"host [host] ... - the other sites from which a link makes the browser prove its device",
        context: Context::Directory,
        most: LIST,
        handler: devices::initiators,
    },
    Directive {
        name: c"SessionCryptoAccept",
        help: c"code [code] ... - warnings of httpd's start that are not given here",
        context: Context::Directory,
        most: LIST,
        handler: server::accept,
    },
    Directive {
        name: c"SessionCryptoDriver",
        help: c"openssl [engine=name] - the cryptographic library, which is always OpenSSL",
        context: Context::Server,
        most: LIST,
        handler: server::driver,
    },
];
