//! The safe face of httpd's C API, and the only folder with unsafe code.
//!
//! | file | what it holds |
//! |---|---|
//! | `module` | what a module is to httpd, and what it is to us |
//! | `entries` | the functions that httpd calls, each under a guard |
//! | `directive` | the table of directives, and what a handler sees of a line |
//! | `config_file` | words, files and programs that the configuration names |
//! | `config_tree` | the lines of a configuration as they were written |
//! | `pipe` | waiting for a program's output |
//! | `request_entries`, `session_entries` | those that httpd and mod_session call for a request |
//! | `request` | a request, and those that led to it |
//! | `session` | a session, and what is remembered with it |
//! | `session_hooks` | mod_session's hooks and settings, found at run time |
//! | `tables` | APR's tables |
//! | `processor` | which processor runs this thread |
//! | `pool` | memory that httpd frees |
//! | `run_mode` | what httpd was started for |
//! | `sections` | the sections of a configuration that has been read |
//! | `generations` | when the last process of a former configuration has ended |
//! | `retained` | what outlives a configuration |
//! | `kept_keys` | keys that outlive a configuration |
//! | `shared_memory` | memory that the parent shares with its children |
//! | `threads` | work on all processors at once |
//! | `log` | the error log |
//! | `guard` | what happens when our code panics |
//! | `bindings.h`, `shim.c`, `shim.h` | what bindgen reads, and what exists only as C macros |

pub(crate) use config_file::{arguments, path, server_root_relative, with_words};
pub(crate) use directive::{Context, Directive, Directives, Parms, Place};
pub(crate) use log::{Level, MainServer, main as log_main, server as log_server};
pub(crate) use module::{Failed, Module, Record};
pub(crate) use pool::Pool;
pub(crate) use request::Request;
pub(crate) use run_mode::is_config_test;
pub(crate) use sections::Server;
pub(crate) use session::Session;
pub(crate) use session_hooks::header as session_header;
pub(crate) use tables::Table;
pub(crate) use threads::side_by_side;

mod config_file;
pub(crate) mod config_tree;
mod directive;
mod entries;
mod generations;
mod guard;
pub(crate) mod kept_keys;
mod log;
mod module;
pub(crate) mod pipe;
mod pool;
pub(crate) mod processor;
mod request;
mod request_entries;
mod retained;
mod run_mode;
mod sections;
mod session;
mod session_entries;
mod session_hooks;
mod shared_memory;
mod tables;
mod threads;

/// httpd's API as bindgen translates it.
#[allow(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    unreachable_pub,
    dead_code,
    unknown_lints,
    unnecessary_transmutes,
    clippy::all,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    reason = "generated from httpd's headers"
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
