//! The records in a store, and the channel that tells of new ones.
//!
//! | name | what it is |
//! |---|---|
//! | `session-crypto:1` | the sorted set of records, by the second at which they end |
//! | `session-crypto:1:DATABASE` | the channel; channels are common to all databases |
//!
//! Each agent has a mark of its own in the set. A set without the mark was emptied, so the
//! agent writes all records again.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};

use redis::{Pipeline, Value};
use session_crypto_core::Record;

use crate::address::Address;
use crate::authorities::Authorities;
use crate::entry;
use crate::link::Link;
use crate::trouble::{Trouble, accept};

/// A store that answers.
pub(crate) struct Store {
    link: Link,
    channel: String,
    mark: String,
    /// Whether the mark is in the set, as far as the agent knows.
    is_marked: bool,
}

/// The answer of a store to records.
#[derive(Debug)]
pub(crate) enum Answer {
    Taken,
    /// It takes none now: for instance, it is full, or cannot write to its disk.
    Refused(Trouble),
}

/// The set of records.
const KEY: &str = "session-crypto:1";

/// The beginning of a mark in the set.
const MARK: &str = "agent:";

/// The records that one answer brings, more or less.
const PAGE: usize = 1000;

/// Seconds for which a record stays in the set when it has ended, for servers whose clocks
/// are behind.
const GRACE: u64 = 24 * 3600;

/// Seconds for which a mark outlives its agent. Clocks that differ by more make agents
/// remove each other's marks, and write their records again.
const MARK_LIFE: u64 = 3600;

/// Seconds for which the set outlives its last record.
const SET_LIFE: u64 = 2 * GRACE;

impl Store {
    /// Connects, and subscribes to the news.
    pub(crate) fn open(
        address: &Address,
        authorities: &Authorities,
        mark: &str,
    ) -> Result<Self, Trouble> {
        let mut link = Link::connect(address, authorities)?;
        sign_in(&mut link, address)?;
        let channel = format!("{KEY}:{}", address.database);
        link.subscribe(&channel)?;
        Ok(Self {
            link,
            channel,
            mark: format!("{MARK}{mark}"),
            is_marked: false,
        })
    }

    /// All records of the store.
    ///
    /// A record that is in the set all the time is among them (Redis' documentation of
    /// SCAN). One that is added meanwhile comes as a message.
    pub(crate) fn records(&mut self) -> Result<HashSet<Record>, Trouble> {
        let mut records = HashSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut commands = Pipeline::new();
            commands.cmd("ZSCAN").arg(KEY).arg(&cursor);
            commands.arg("COUNT").arg(PAGE);
            let (next, members) = page(self.ask_one(&commands)?).ok_or(Trouble::NotRedis)?;
            records.extend(self::records(&members));
            if next == b"0" {
                return Ok(records);
            }
            cursor = next;
        }
    }

    /// Adds records, and tells the other servers of those that are `news`.
    pub(crate) fn add(&mut self, records: &[Record], news: &[Record]) -> Result<Answer, Trouble> {
        let mut commands = Pipeline::new();
        commands.cmd("ZADD").arg(KEY);
        for record in records {
            commands.arg(record.until).arg(entry::write(record));
        }
        self.tell(&mut commands, news);
        self.write(&commands)
    }

    /// Tells the other servers of records that the store does not take.
    pub(crate) fn announce(&mut self, news: &[Record]) -> Result<Answer, Trouble> {
        let mut commands = Pipeline::new();
        self.tell(&mut commands, news);
        self.write(&commands)
    }

    fn tell(&self, commands: &mut Pipeline, news: &[Record]) {
        if news.is_empty() {
            return;
        }
        let lines: Vec<_> = news.iter().map(entry::write).collect();
        commands.cmd("PUBLISH").arg(&self.channel);
        commands.arg(lines.join("\n"));
    }

    /// Renews this agent's mark.
    pub(crate) fn set_mark(&mut self, now: u64) -> Result<Answer, Trouble> {
        let mut commands = Pipeline::new();
        self.mark(&mut commands, now);
        self.write_mark(&commands)
    }

    /// Renews this agent's mark, removes records that have ended, and sets the end of the
    /// whole set, for a farm that is given up. The last record ends at `latest`.
    pub(crate) fn tidy(&mut self, now: u64, latest: u64) -> Result<Answer, Trouble> {
        let mut commands = Pipeline::new();
        let ended = now.saturating_sub(GRACE);
        commands.cmd("ZREMRANGEBYSCORE").arg(KEY);
        commands.arg("-inf").arg(ended);
        self.mark(&mut commands, now);
        commands.cmd("EXPIREAT").arg(KEY);
        commands.arg(latest.max(now).saturating_add(SET_LIFE));
        self.write_mark(&commands)
    }

    fn mark(&self, commands: &mut Pipeline, now: u64) {
        let end = now.saturating_add(MARK_LIFE).saturating_sub(GRACE);
        commands.cmd("ZADD").arg(KEY).arg(end).arg(&self.mark);
    }

    /// A mark that is refused may still be there from before.
    fn write_mark(&mut self, commands: &Pipeline) -> Result<Answer, Trouble> {
        let answer = self.write(commands)?;
        self.is_marked |= matches!(answer, Answer::Taken);
        Ok(answer)
    }

    /// Looks for this agent's mark. The answer shows that all news have come that were sent
    /// before the question.
    pub(crate) fn look_for_mark(&mut self) -> Result<(), Trouble> {
        let mut commands = Pipeline::new();
        commands.cmd("ZSCORE").arg(KEY).arg(&self.mark);
        self.is_marked = self.ask_one(&commands)? != Value::Nil;
        Ok(())
    }

    /// Whether the mark is in the set, as far as is known. A set without it may have lost
    /// its records.
    pub(crate) fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// Whether messages have come with an answer.
    pub(crate) fn has_news(&self) -> bool {
        self.link.has_messages()
    }

    /// The records of the messages that have come meanwhile.
    pub(crate) fn news(&mut self) -> Result<Vec<Record>, Trouble> {
        let messages = self.link.messages()?;
        let lines = messages
            .iter()
            .flat_map(|message| message.split(|byte| *byte == b'\n'));
        Ok(lines.filter_map(entry::read).collect())
    }

    fn ask_one(&mut self, commands: &Pipeline) -> Result<Value, Trouble> {
        let answer = self.link.ask(commands)?.into_iter().next();
        accept(answer.unwrap_or_default())
    }

    /// Sends commands of which each may be refused.
    fn write(&mut self, commands: &Pipeline) -> Result<Answer, Trouble> {
        for answer in self.link.ask(commands)? {
            match accept(answer) {
                Ok(_) => {}
                Err(trouble) if trouble.ends_connection() => return Err(trouble),
                Err(trouble) => return Ok(Answer::Refused(trouble)),
            }
        }
        Ok(Answer::Taken)
    }
}

/// The socket on which news come.
impl AsFd for Store {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

/// Asks for version 3 of the protocol, and says who asks.
fn sign_in(link: &mut Link, address: &Address) -> Result<(), Trouble> {
    let mut commands = Pipeline::new();
    commands.cmd("HELLO").arg(3);
    if let Some(password) = &address.password {
        let user = address.user.as_deref().unwrap_or("default");
        commands.arg("AUTH").arg(user).arg(password.as_bytes());
    }
    for answer in link.ask(&commands)? {
        match accept(answer) {
            Ok(_) => {}
            // Old servers repeat the arguments of a command that they do not know.
            Err(Trouble::Refused { words, .. }) if words.contains("unknown command") => {
                return Err(Trouble::NotRedis);
            }
            Err(trouble) => return Err(trouble),
        }
    }
    if address.database != 0 {
        let mut commands = Pipeline::new();
        commands.cmd("SELECT").arg(address.database);
        for answer in link.ask(&commands)? {
            accept(answer)?;
        }
    }
    Ok(())
}

/// The cursor and the members of an answer to ZSCAN.
pub(crate) fn page(answer: Value) -> Option<(Vec<u8>, Vec<Value>)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let mut parts = parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(Value::BulkString(cursor)), Some(Value::Array(members))) => Some((cursor, members)),
        _ => None,
    }
}

/// The records of the members of an answer to ZSCAN, where members and their scores take
/// turns.
pub(crate) fn records(members: &[Value]) -> impl Iterator<Item = Record> {
    let texts = members.iter().step_by(2).filter_map(text);
    texts.filter_map(entry::read)
}

fn text(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(text) => Some(text),
        _ => None,
    }
}
