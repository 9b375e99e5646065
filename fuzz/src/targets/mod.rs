//! The targets. Each takes any bytes, and fails if what it claims does not hold.
//!
//! | file | what it takes |
//! |---|---|
//! | `classic_token` | a token of the classic format |
//! | `classic_padding` | the padding of a classic token whose author has the passphrase |
//! | `passphrase_token` | a JWE under a passphrase |
//! | `passphrase_header` | the header of a JWE whose author has the passphrase |
//! | `key_set_token` | a JWE under a key of a JWK Set |
//! | `key_set_header` | the header of a JWE whose author has the key |
//! | `certificate_token` | a JWE for a certificate |
//! | `certificate_header` | the header of a JWE whose author has the private key |
//! | `key_set_file` | the file of a JWK Set |
//! | `passphrase_file` | a file of passphrases |
//! | `certificate_file` | the file of a certificate or a private key |
//! | `revocation_file` | the file of the list of ended sessions |
//! | `directive_values` | the values of directives |
//! | `session_entry` | this module's own entry in a session |
//! | `sealed_values` | challenges, bound cookies and key cookies |
//! | `registration_proof` | a proof that registers a key |
//! | `refresh_proof` | a proof of a refresh |
//! | `device_jwk` | the public key of a device |
//! | `device_headers` | the headers of a browser about its device |
//! | `cookies` | the header `Cookie` |
//! | `request_site` | the headers that tell the site of a request |
//! | `form` | the body of a form |
//! | `store_records` | the records and answers of a store |
//! | `server_report` | the report of another server |
//! | `shown_token` | a token that `htsession` shows |
//! | `shown_session` | a session that `htsession` shows |

pub mod certificate_file;
pub mod certificate_header;
pub mod certificate_token;
pub mod classic_padding;
pub mod classic_token;
pub mod cookies;
pub mod device_headers;
pub mod device_jwk;
pub mod directive_values;
pub mod form;
pub mod key_set_file;
pub mod key_set_header;
pub mod key_set_token;
pub mod passphrase_file;
pub mod passphrase_header;
pub mod passphrase_token;
pub mod refresh_proof;
pub mod registration_proof;
pub mod request_site;
pub mod revocation_file;
pub mod sealed_values;
pub mod server_report;
pub mod session_entry;
pub mod shown_session;
pub mod shown_token;
pub mod store_records;
