//! Sessions that are bound to the device of a browser.
//!
//! The browser keeps a private key in its device, and proves every few minutes that it has
//! it (Device Bound Session Credentials of the W3C). No server stores anything: three
//! sealed values carry what one has to know.
//!
//! | file | what it holds |
//! |---|---|
//! | `registration` | the answer to a browser that registers a key |
//! | `refresh` | the answer to a browser that proves its key again |
//! | `judgement` | whether a session comes from its device |
//! | `instructions` | the JSON that a browser gets at registration |
//! | `initiator` | the hosts whose pages make a browser refresh |
//! | `path` | the paths of the endpoints, and what follows from them |
//! | `headers` | the headers of the protocol |
//! | `cookie` | the names and attributes of the cookies |
//! | `reason` | why a browser does not get what it asks for |
//! | `standing` | what the host knows about a session and about a sealed value |
//! | `key_cookie` | a sealed value: the key of a session's device |
//! | `challenge` | a sealed value: what a browser signs |
//! | `bound_cookie` | a sealed value: the device has proved its key |
//! | `users` | the users of a session, in a sealed value |
//! | `form` | the text of a sealed value |
//! | `proof` | the signed text in which a browser proves its key |
//! | `proof_error` | why a text proves nothing |
//! | `jwk` | a public key as JSON |
//! | `signature` | signatures by the key of a device |
//! | `public_key` | the key of a device, and its thumbprint |

pub(crate) mod bound_cookie;
pub(crate) mod challenge;
pub(crate) mod cookie;
pub(crate) mod form;
pub mod headers;
pub(crate) mod initiator;
pub(crate) mod instructions;
pub(crate) mod judgement;
pub(crate) mod jwk;
pub(crate) mod key_cookie;
pub(crate) mod path;
pub(crate) mod proof;
pub(crate) mod proof_error;
pub(crate) mod public_key;
pub(crate) mod reason;
pub(crate) mod refresh;
pub(crate) mod registration;
mod signature;
pub(crate) mod standing;
pub(crate) mod users;
