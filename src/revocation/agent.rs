//! The agent's work, and its lines in the log.

use std::cell::Cell;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use session_crypto_agent::{Event, Host, run};
use session_crypto_core::RevocationTable;

use super::revocation::is_full;
use super::settings::Store;
use crate::ffi::{AgentProcess, AgentWork, KeptTable, Level, date};
use crate::message::{Code, Message};

/// The agent has connected.
const CONNECTED: Code = Code("SC0601");

/// News are missing.
const MISSING: Code = Code("SC0602");

/// News are missing, and the configuration requires them.
const MISSING_AND_REQUIRED: Code = Code("SC0603");

/// News come again.
const BACK: Code = Code("SC0604");

/// The store takes no records.
const WAITING: Code = Code("SC0605");

/// The store takes records again.
const TAKEN: Code = Code("SC0606");

/// The store has lost its records.
const EMPTIED: Code = Code("SC0607");

/// The work of an agent between a table and a store.
pub(super) fn work(store: Store, table: KeptTable) -> AgentWork {
    Box::new(move |process| {
        let words = RevocationTable::new(table.words);
        let mut host = Agent {
            process,
            store: &store,
            table: &words,
            size: table.size,
            has_said: Cell::new(false),
        };
        run(&store.settings, &words, &mut host);
    })
}

struct Agent<'a> {
    process: &'a AgentProcess<'a>,
    store: &'a Store,
    table: &'a RevocationTable,
    size: usize,
    /// Whether a line has said that there is no store, or that there is one.
    has_said: Cell<bool>,
}

impl Host for Agent<'_> {
    fn wait(&mut self, socket: Option<BorrowedFd<'_>>, longest: Duration) {
        self.process.wait(socket, longest);
    }

    fn is_to_end(&self) -> bool {
        self.process.is_to_end()
    }

    fn report(&mut self, event: &Event<'_>) {
        if let Event::Complete { .. } = event {
            self.process.is_ready();
        }
        let (level, message) = self.line(event);
        self.process.log(level, &message);
    }
}

impl Agent<'_> {
    /// The line about an event.
    fn line(&self, event: &Event<'_>) -> (Level, Message) {
        let address = &self.store.settings.address;
        let is_first = !self.has_said.replace(true);
        match event {
            Event::Complete {
                after: Some(after), ..
            } => (
                Level::Notice,
                BACK.says(format!(
                    "news of ended sessions come from {address} again, after {} s",
                    after.as_secs()
                )),
            ),
            Event::Complete { records, .. } => (
                Level::Info,
                CONNECTED.says(format!(
                    "{address} has {records} ended sessions, which this server knows"
                )),
            ),
            Event::Missing { since, trouble } => {
                let (level, since) = match since {
                    Some(since) => (Level::Error, format!("since {}", date(*since))),
                    None if is_first => (Level::Warning, "yet".to_owned()),
                    None => (Level::Error, "since the server has started".to_owned()),
                };
                let (code, so) = if self.store.is_required {
                    (
                        MISSING_AND_REQUIRED,
                        "sessions read as empty until they come, as 'required' demands",
                    )
                } else {
                    (MISSING, "sessions that other servers have ended go on here")
                };
                let words =
                    format!("no news of ended sessions from {address} {since}: {trouble}; {so}");
                (level, code.says(words))
            }
            Event::Waiting {
                records,
                since,
                trouble,
            } => (
                Level::Error,
                WAITING.says(format!(
                    "{address} takes no ended sessions since {}: {trouble}; {records} wait here, \
                     and servers that start now do not know them",
                    date(*since)
                )),
            ),
            Event::Taken { after } => (
                Level::Notice,
                TAKEN.says(format!(
                    "{address} takes ended sessions again, after {} s",
                    after.as_secs()
                )),
            ),
            Event::Emptied { records } => (
                Level::Warning,
                EMPTIED.says(format!(
                    "{address} has lost the ended sessions, and gets {records} of them again: it \
                     was emptied, or drops keys when it is full"
                )),
            ),
            Event::Full => (Level::Warning, is_full(self.table, self.size)),
        }
    }
}
