//! Errors in the administrator's words: what is wrong, and what to write instead.
//!
//! Each function has the full text of every variant of one error, and its code.
//!
//! | file | what it holds |
//! |---|---|
//! | `certificates` | certificates and private keys, and how they go together |
//! | `key_sets` | key files |
//! | `passphrases` | passphrases, and files of them |
//! | `algorithms` | ciphers, digests and engines, and what a purpose or a key needs of them |
//! | `devices` | devices of sessions |
//! | `words` | the words of other directives |
//! | `failures` | failures of this host, which are reasons in lines of the log |
//! | `files` | any file or program that a word names |

pub(crate) use algorithms::{
    algorithm, certificate_needs_aead, cipher_cannot_encrypt, engine, key_file_needs_aead,
    no_such_oaep, purpose, purpose_needs_aead,
};
pub(crate) use certificates::{
    no_certificate, no_file_scheme, no_uri_in_htaccess, pairing, source,
};
pub(crate) use devices::{
    device_cookie, device_mode, device_path, grace, idle_grace, initiator, long_device_lifetime,
    short_device_lifetime,
};
pub(crate) use failures::{library, seal, user_id};
pub(crate) use files::{
    idle_variables, no_file_name, no_program, no_program_path, no_variable, no_variable_name,
    program, unreadable_file, variable_after_program, variables_in_section,
};
pub(crate) use key_sets::{certificate_beside_key_file, key_set, key_set_flaw};
pub(crate) use passphrases::{
    empty_first_line, empty_passphrase, idle_passphrases, no_exec_in_htaccess, no_passphrase_in,
    passphrase_line,
};
pub(crate) use words::{
    date, driver_in_section, empty_user_entry, lifetime, no_driver, own_or_any, too_many,
    unknown_code, unknown_parameter,
};

mod algorithms;
mod certificates;
mod devices;
mod failures;
mod files;
mod key_sets;
mod passphrases;
mod words;
