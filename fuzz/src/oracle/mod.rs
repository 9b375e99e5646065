//! Tools of the targets: sections to open tokens in, seeds, and other implementations to
//! compare with.
//!
//! | file | what it holds |
//! |---|---|
//! | `httpd` | httpd itself, which splits files into lines and words |
//! | `device` | a device whose key is known, and the proofs that it makes |
//! | `known` | tokens whose sessions are known |
//! | `peer` | tokens of a peer, made as `docs/wire-format.md` says |
//! | `json` | JSON as another reader has it, with members that are there twice |
//! | `section` | the sections in which tokens are opened |
//! | `vectors` | the vectors of `core/vectors` |

pub(crate) mod device;
pub(crate) mod httpd;
pub(crate) mod json;
pub(crate) mod known;
pub(crate) mod peer;
pub(crate) mod section;
pub(crate) mod vectors;
