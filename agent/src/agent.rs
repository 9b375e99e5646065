//! The agent: it tells the store of the records of this server, and the table of the
//! records of others.

use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use openssl::rand::rand_bytes;
use session_crypto_core::{Added, LearnedFrom, Record, RevocationTable, UnsentReader};

use crate::address::Address;
use crate::authorities::Authorities;
use crate::host::{Event, Host};
use crate::queue::Queue;
use crate::store::{Answer, Store};
use crate::trouble::Trouble;

/// The settings of an agent.
#[derive(Clone)]
pub struct Settings {
    /// The address of the store.
    pub address: Address,
    /// Authorities whose certificates are trusted under TLS, beside those that OpenSSL
    /// trusts by itself.
    pub authorities: Authorities,
}

/// Time between two questions whether the store is there, and between two attempts to
/// connect.
const TICK: Duration = Duration::from_secs(1);

/// Time between two lines about the same trouble.
const SILENCE: Duration = Duration::from_secs(60);

/// Time between two renewals of the mark.
const TIDY: Duration = Duration::from_secs(60);

/// Time between two times that all records are written again, for a store that loses
/// them each time.
const AGAIN: Duration = Duration::from_secs(10);

/// Seconds by which the clock of another server may be ahead.
const MOST_AHEAD: u64 = 24 * 3600;

/// Runs an agent until its host ends it.
///
/// The state that counts is in the table alone: an agent may be killed at any moment, and
/// the next one goes on.
pub fn run(settings: &Settings, table: &RevocationTable, host: &mut impl Host) {
    let mut agent = Agent {
        settings,
        mark: mark(),
        table,
        host,
        started: SystemTime::now(),
        missing: Missing::default(),
    };
    while !agent.host.is_to_end() {
        let started = Instant::now();
        if let Err(trouble) = agent.serve() {
            agent.note(&trouble);
            agent.pause(started);
        }
    }
}

/// Tells this agent from all others, those of other servers included.
fn mark() -> String {
    let mut name = [0; 8];
    // OpenSSL has no random bytes only if it can do nothing at all.
    let _ = rand_bytes(&mut name).is_ok();
    format!("{:016x}", u64::from_be_bytes(name))
}

struct Agent<'a, H> {
    settings: &'a Settings,
    mark: String,
    table: &'a RevocationTable,
    host: &'a mut H,
    started: SystemTime,
    missing: Missing,
}

/// The facts about missing news.
#[derive(Default)]
struct Missing {
    /// Whether this agent has once had all news.
    was_complete: bool,
    /// The moment of the break, if there was one since then.
    broke: Option<Instant>,
    /// The moment of the last line, if there was one since then.
    said: Option<Instant>,
}

/// A connection, and what goes over it.
struct Connection {
    store: Store,
    reader: UnsentReader,
    queue: Queue,
    /// Set while the store refuses records.
    refused: Option<Refused>,
    /// Whether the store may have lost its records, and has not got them back yet.
    is_emptied: bool,
    ticked: Instant,
    tidied: Option<Instant>,
    written_again: Option<Instant>,
}

struct Refused {
    since: SystemTime,
    said: Option<Instant>,
}

impl<H: Host> Agent<'_, H> {
    /// Connects, reads all records, and carries news both ways until something breaks or
    /// the agent is to end.
    fn serve(&mut self) -> Result<(), Trouble> {
        let mut connection = self.connect()?;
        while !self.host.is_to_end() {
            self.receive(&mut connection.store)?;
            self.send(&mut connection)?;
            self.tick(&mut connection)?;
            let is_idle = connection.queue.is_empty() || connection.refused.is_some();
            if is_idle && !self.table.may_have_unsent(&connection.reader) {
                let rest = TICK.saturating_sub(connection.ticked.elapsed());
                // An answer may have brought messages, which no socket tells of.
                if !connection.store.has_news() {
                    self.host.wait(Some(connection.store.as_fd()), rest);
                }
            }
        }
        self.send(&mut connection)?;
        while !connection.queue.is_empty() && connection.refused.is_none() {
            self.send(&mut connection)?;
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<Connection, Trouble> {
        let Settings {
            address,
            authorities,
        } = self.settings;
        let mut store = Store::open(address, authorities, &self.mark)?;
        let now = SystemTime::now();
        // The mark goes first: from here on, it tells whether the store loses what is read.
        let answer = store.set_mark(seconds(now))?;
        let mut stored = store.records()?;
        for record in &stored {
            self.learn(record);
        }
        self.receive(&mut store)?;
        self.complete(now, stored.len());
        let mut reader = UnsentReader::new();
        let mut queue = Queue::default();
        while self.table.may_have_unsent(&reader) {
            let unsent = self.table.unsent(&mut reader, seconds(now));
            stored.extend(unsent.iter().map(|unsent| unsent.record));
            queue.add_unsent(unsent);
        }
        let records = self.table.records(seconds(now));
        queue.add_again(records.filter(|record| !stored.contains(record)));
        let mut connection = Connection {
            store,
            reader,
            queue,
            refused: None,
            is_emptied: false,
            ticked: Instant::now(),
            tidied: None,
            written_again: None,
        };
        if let Answer::Refused(trouble) = answer {
            self.refuse(&mut connection, &trouble);
        }
        Ok(connection)
    }

    /// Learns from the messages that have come.
    fn receive(&mut self, store: &mut Store) -> Result<(), Trouble> {
        for record in store.news()? {
            self.learn(&record);
        }
        Ok(())
    }

    fn learn(&mut self, record: &Record) {
        let now = seconds(SystemTime::now());
        // A session that begins after such an end would be born in the far future, and live
        // until then: who can write to the store would make it so.
        let is_of_future = record.before > now.saturating_add(MOST_AHEAD);
        if record.until < now || is_of_future {
            return;
        }
        let added = self.table.add(record, LearnedFrom::Elsewhere, now);
        if added == Added::Evicted && self.table.may_warn(now) {
            self.host.report(&Event::Full);
        }
    }

    /// Sends some of the records that wait. A store that refuses them is asked again at the
    /// next tick.
    fn send(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let Connection {
            store,
            reader,
            queue,
            ..
        } = connection;
        let now = seconds(SystemTime::now());
        while self.table.may_have_unsent(reader) {
            queue.add_unsent(self.table.unsent(reader, now));
        }
        if connection.refused.is_some() {
            return queue.announce(store);
        }
        if queue.is_empty() {
            return Ok(());
        }
        if let Answer::Refused(trouble) = queue.send(store, self.table)? {
            self.refuse(connection, &trouble);
        }
        Ok(())
    }

    fn tick(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        if connection.ticked.elapsed() < TICK {
            return Ok(());
        }
        connection.ticked = Instant::now();
        let asked = milliseconds(SystemTime::now());
        connection.store.look_for_mark()?;
        // The messages before the answer count first: the time says that they do.
        self.receive(&mut connection.store)?;
        self.table.heard(asked);
        let is_marked = connection.store.is_marked();
        connection.is_emptied |= !is_marked;
        if !is_marked || has_passed(connection.tidied, TIDY) {
            self.tidy(connection)?;
        }
        if connection.refused.is_some() && !connection.queue.is_empty() {
            match connection.queue.send(&mut connection.store, self.table)? {
                Answer::Taken => self.take(connection),
                Answer::Refused(trouble) => self.refuse(connection, &trouble),
            }
        }
        let is_ready = connection.store.is_marked();
        if connection.is_emptied && is_ready && has_passed(connection.written_again, AGAIN) {
            connection.is_emptied = false;
            connection.written_again = Some(Instant::now());
            self.write_again(connection);
        }
        Ok(())
    }

    /// Renews the mark, and removes what has ended.
    fn tidy(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        connection.tidied = Some(Instant::now());
        let now = seconds(SystemTime::now());
        let ends = self.table.records(now).map(|record| record.until);
        let latest = ends.max().unwrap_or_default();
        match connection.store.tidy(now, latest)? {
            Answer::Refused(trouble) => self.refuse(connection, &trouble),
            Answer::Taken => self.take(connection),
        }
        Ok(())
    }

    /// Gives all records to a store that has lost them, and so to the servers that have
    /// read it since.
    fn write_again(&mut self, connection: &mut Connection) {
        let now = seconds(SystemTime::now());
        let before = connection.queue.len();
        connection.queue.add_again(self.table.records(now));
        let records = connection.queue.len().saturating_sub(before);
        self.host.report(&Event::Emptied { records });
    }

    /// Notes that the store refuses records, and says so once a minute.
    fn refuse(&mut self, connection: &mut Connection, trouble: &Trouble) {
        let refused = connection.refused.get_or_insert_with(|| Refused {
            since: SystemTime::now(),
            said: None,
        });
        if has_passed(refused.said, SILENCE) {
            refused.said = Some(Instant::now());
            self.host.report(&Event::Waiting {
                records: connection.queue.len(),
                since: refused.since,
                trouble,
            });
        }
    }

    /// Notes that the store takes records.
    fn take(&mut self, connection: &mut Connection) {
        if let Some(refused) = connection.refused.take() {
            let after = refused.since.elapsed().unwrap_or_default();
            self.host.report(&Event::Taken { after });
        }
    }

    /// Notes that all news are there that were sent before a moment.
    fn complete(&mut self, until: SystemTime, records: usize) {
        let since = self.last_heard().unwrap_or(self.started);
        let after = self
            .missing
            .said
            .map(|_| since.elapsed().unwrap_or_default());
        self.table.heard(milliseconds(until));
        self.missing = Missing {
            was_complete: true,
            ..Missing::default()
        };
        self.host.report(&Event::Complete { records, after });
    }

    /// Notes a failure, and says so once a minute. A break of less than a second is not
    /// worth a line.
    fn note(&mut self, trouble: &Trouble) {
        let broke = *self.missing.broke.get_or_insert_with(Instant::now);
        let is_short = self.missing.was_complete && broke.elapsed() < TICK;
        if !is_short && has_passed(self.missing.said, SILENCE) {
            self.missing.said = Some(Instant::now());
            let since = self.last_heard();
            self.host.report(&Event::Missing { since, trouble });
        }
    }

    /// The moment when all news were there; `None` if they never were.
    fn last_heard(&self) -> Option<SystemTime> {
        match self.table.last_heard() {
            0 => None,
            heard => UNIX_EPOCH.checked_add(Duration::from_millis(heard)),
        }
    }

    /// Waits until an attempt may follow one that began at a moment.
    fn pause(&mut self, started: Instant) {
        loop {
            let rest = TICK.saturating_sub(started.elapsed());
            if rest.is_zero() || self.host.is_to_end() {
                return;
            }
            self.host.wait(None, rest);
        }
    }
}

/// Whether a moment is missing, or so long ago.
fn has_passed(moment: Option<Instant>, time: Duration) -> bool {
    moment.is_none_or(|moment| moment.elapsed() >= time)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn milliseconds(time: SystemTime) -> u64 {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
