//! The records that the store is to take.

use std::collections::VecDeque;

use session_crypto_core::{Record, RevocationTable, Unsent};

use crate::store::{Answer, Store};
use crate::trouble::Trouble;

/// The records that the store is to take, in their order.
#[derive(Default)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    /// How many of the first were announced, and then refused.
    announced: usize,
}

struct Item {
    record: Record,
    /// A record of this server's, which the table is to mark.
    unsent: Option<Unsent>,
}

/// The most records that go out at once.
const CHUNK: usize = 500;

impl Queue {
    /// Adds records of this server, which the table has not marked as sent.
    pub(crate) fn add_unsent(&mut self, unsent: impl IntoIterator<Item = Unsent>) {
        self.items.extend(unsent.into_iter().map(|unsent| Item {
            record: unsent.record,
            unsent: Some(unsent),
        }));
    }

    /// Adds records that the store has had, or should have had.
    pub(crate) fn add_again(&mut self, records: impl IntoIterator<Item = Record>) {
        self.items.extend(records.into_iter().map(|record| Item {
            record,
            unsent: None,
        }));
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Sends the first records, and tells the other servers of them.
    pub(crate) fn send(
        &mut self,
        store: &mut Store,
        table: &RevocationTable,
    ) -> Result<Answer, Trouble> {
        let count = self.items.len().min(CHUNK);
        let first = self.items.iter().take(count);
        let records: Vec<_> = first.map(|item| item.record).collect();
        let news = records.get(self.announced.min(count)..).unwrap_or_default();
        let answer = store.add(&records, news)?;
        match answer {
            Answer::Taken => {
                for item in self.items.drain(..count) {
                    // A record that was changed meanwhile is still unsent, and the table
                    // gives it again.
                    item.unsent.map(|unsent| table.mark_sent(&unsent));
                }
                self.announced = self.announced.saturating_sub(count);
            }
            Answer::Refused(_) => self.announced = self.announced.max(count),
        }
        Ok(answer)
    }

    /// Tells the other servers of records that the store does not take now.
    pub(crate) fn announce(&mut self, store: &mut Store) -> Result<(), Trouble> {
        while self.announced < self.items.len() {
            let news = self.items.iter().skip(self.announced).take(CHUNK);
            let news: Vec<_> = news.map(|item| item.record).collect();
            // An answer that is an error means that servers without a connection are told
            // later, when the store takes the record.
            store.announce(&news)?;
            self.announced = self.announced.saturating_add(news.len());
        }
        Ok(())
    }
}
