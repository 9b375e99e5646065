//! The settings of sections, merged, and what they seal with.
//!
//! | file | what it holds |
//! |---|---|
//! | `device` | how the sessions of a section are bound to devices |
//! | `protection` | the protection of a request's sessions |
//! | `policy` | when the sessions of a section end, and who their users are |
//! | `clash` | sections that do not go together, though each is right by itself |
//! | `settings` | the settings in force, and whether they go together |
//! | `realm` | tells sections apart whose sessions must not meet |
//! | `dir_config` | the settings of one section, and how it inherits |
//! | `device_settings` | what a section says of devices, each setting by itself |
//! | `passphrases` | the passphrases of a section |
//! | `source_list` | the certificates or private keys of a section |
//! | `user_entries` | the entries that name a user |
//! | `dates`, `bound` | the dates that end older sessions, and a bound on their lifetime |
//! | `end_sessions_for` | whose sessions a request may end |
//! | `algorithms` | the ciphers or digests of a section, by name |
//! | `flaw` | a fault of settings together, and the settings that would mend it |
//! | `setting_set` | sets of settings |
//! | `written` | a value, and the line that set it |

pub(crate) use algorithms::{Algorithm, AlgorithmNames};
pub(crate) use device::{DEVICE, Device};
pub(crate) use dir_config::{CERTIFICATE_FILE, DirConfig};
pub(crate) use end_sessions_for::EndSessionsFor;
pub(crate) use flaw::Flaw;
pub(crate) use passphrases::Passphrases;
pub(crate) use policy::{DEFAULT_LIFETIME, Policy};
pub(crate) use protection::Protection;
pub(crate) use realm::Realm;
pub(crate) use setting_set::SettingSet;
pub(crate) use settings::{IDLE_BESIDE, KeptSecrets};

mod algorithms;
mod bound;
mod clash;
mod dates;
mod device;
mod device_settings;
mod dir_config;
mod end_sessions_for;
mod flaw;
mod passphrases;
mod policy;
mod protection;
mod realm;
mod setting_set;
mod settings;
mod source_list;
mod user_entries;
mod written;
