//! The words of a browser in a request: its cookies, the fields of a form, and the site
//! that it is from.
//!
//! | file | what it holds |
//! |---|---|
//! | `cookies` | the cookies that it sends |
//! | `form` | the fields of a form |
//! | `same_site` | whether a page of the same host has sent a request |

pub mod cookies;
pub mod form;
pub(crate) mod same_site;
