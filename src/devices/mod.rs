//! The endpoints at which browsers register and prove the keys of their devices, and the
//! demand for sessions of such devices.
//!
//! | file | what it holds |
//! |---|---|
//! | `endpoints` | the handler, which finds the endpoint and sends its answer |
//! | `register`, `refresh` | the two endpoints |
//! | `off` | the endpoints after `SessionCryptoDevice off` |
//! | `report` | the log lines about the endpoints |
//! | `endpoint` | a request to an endpoint, and the answer of one |
//! | `requirement` | `Require session-device bound` |

pub(crate) use endpoints::{EARLY, HANDLER, LATE, may_answer};
pub(crate) use requirement::REQUIREMENT;

mod endpoint;
mod endpoints;
mod off;
mod refresh;
mod register;
mod report;
mod requirement;
