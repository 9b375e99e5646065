//! The safe face of httpd's C API, and the only folder with unsafe code.
//!
//! Each file imports only from files below it in the table.
//!
//! | file | what it holds |
//! |---|---|
//! | `entries` | the functions that httpd calls as it starts and while it runs |
//! | `requirement` | the demand on requests that `Require` knows |
//! | `device_entries` | the functions that httpd calls where a line is about devices |
//! | `handler` | the handlers that `SetHandler` chooses by their names |
//! | `status_hook` | mod_status's hook, which adds parts to its page |
//! | `request_entries`, `session_entries` | the functions that httpd and mod_session call for a request |
//! | `session_quick` | a look at a session, for hooks that have nothing to do for most |
//! | `request_state` | this module's settings for a request, and its notes on it |
//! | `directive` | the table of directives, and the parameters that a handler gets |
//! | `module` | a module in safe Rust: a trait with httpd's own terms |
//! | `module_record` | the record by which httpd knows this module |
//! | `written` | the servers and their sections, as they were written |
//! | `sections`, `server` | a server with its sections, read out of httpd's structures |
//! | `dir_config` | the settings of one section, which httpd creates and merges |
//! | `exchange` | a request and its answer, as a handler has them |
//! | `session_hooks` | mod_session's hooks and settings, found at run time |
//! | `session_opened` | what a module notes on a session, from the token to the answer |
//! | `session`, `request` | a session with our notes on it, and a request |
//! | `session_notes` | the notes on a session |
//! | `session_record` | a session before it is known whether a hook has work to do |
//! | `hook` | httpd's hooks |
//! | `config_tree`, `line` | the configuration as it was written, and a line of it |
//! | `config_file` | the words of a line, and the files and programs that they name |
//! | `agent_process`, `ending` | a process beside those that answer requests, and the end of a configuration |
//! | `kept_keys`, `kept_table`, `kept_counters` | what outlives a configuration |
//! | `retained_mapping`, `one_way`, `shared_memory` | memory that the parent keeps over configurations, and that it shares with its children |
//! | `tables`, `pool` | APR's tables, and memory that httpd frees |
//! | `retained`, `generations` | memory that outlives a configuration, and the processes of former ones |
//! | `pipe`, `bell` | waiting for the agent, and waking it |
//! | `host`, `uptime` | the name of this machine, and a clock that is never set |
//! | `processor`, `threads` | the processor of this thread, and work on all of them |
//! | `date` | a time as the error log writes it |
//! | `httpd` | httpd itself: its version, and its modules |
//! | `run_mode` | the purpose for which httpd reads its configuration |
//! | `guard` | what happens when our code panics |
//! | `log` | the error log |
//! | `bindings.h`, `shim.c`, `shim.h` | the headers that bindgen reads, and the calls that exist only as C macros |

pub(crate) use agent_process::{AgentProcess, Work as AgentWork, end_former, start as start_agent};
pub(crate) use bell::Bell;
pub(crate) use config_file::{arguments, path, server_root_relative, with_words};
pub(crate) use date::date;
pub(crate) use device_entries::register as with_devices;
pub(crate) use dir_config::{DirSettings, Inherit};
pub(crate) use directive::{Context, Directive, Directives, Parms};
pub(crate) use ending::at_end;
pub(crate) use entries::module_record;
pub(crate) use exchange::{BodyError, Exchange, Page, Reply, Status};
pub(crate) use httpd::{has_module, version as httpd_version};
pub(crate) use kept_table::{KeptTable, map_table};
pub(crate) use line::{Line, LineRef};
pub(crate) use log::{Level, MainServer, main as log_main, server as log_server};
pub(crate) use module::{Failed, Handler, Module, Requirement, StatusForm};
pub(crate) use module_record::ModuleRecord;
pub(crate) use one_way::OneWay;
pub(crate) use pool::Pool;
pub(crate) use request::Request;
pub(crate) use request_state::LongToken;
pub(crate) use retained_mapping::Age;
pub(crate) use run_mode::{is_config_test, is_one_process};
pub(crate) use server::Server;
pub(crate) use session::Session;
pub(crate) use session_hooks::header as session_header;
pub(crate) use session_record::has_no_content;
pub(crate) use tables::Table;
pub(crate) use threads::{processors, side_by_side};
pub(crate) use uptime::uptime;
pub(crate) use written::for_each_server as for_each_written_server;

mod agent_process;
mod bell;
mod config_file;
pub(crate) mod config_tree;
mod date;
mod device_entries;
mod dir_config;
mod directive;
mod ending;
mod entries;
mod exchange;
mod generations;
mod guard;
mod handler;
mod hook;
pub(crate) mod host;
mod httpd;
mod kept_counters;
pub(crate) mod kept_keys;
mod kept_table;
mod line;
mod log;
mod module;
mod module_record;
mod one_way;
mod pipe;
mod pool;
pub(crate) mod processor;
mod request;
mod request_entries;
mod request_state;
mod requirement;
mod retained;
mod retained_mapping;
mod run_mode;
mod sections;
mod server;
mod session;
mod session_entries;
mod session_hooks;
mod session_notes;
mod session_opened;
mod session_quick;
mod session_record;
mod shared_memory;
mod status_hook;
mod tables;
mod threads;
mod uptime;
mod written;

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
