//! The servers that have answered, and those that have not.

use session_crypto_status::Report;

use crate::arguments::StatusArguments;
use crate::failure::{Failure, Kind, Outcome};
use crate::farm::access::Access;
use crate::farm::address::Address;
use crate::farm::ask;

/// The servers of a farm.
pub(crate) struct Servers {
    /// The servers that have answered, in the order of the command line.
    pub(super) answered: Vec<Server>,
    /// The words about those that have not.
    pub(super) silent: Vec<Silent>,
}

/// A server that has answered.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The name by which it is called: host and port, or its address if two have the same.
    pub(super) name: String,
    pub(super) address: String,
    pub(super) report: Report,
    /// When the answer came, by the clock of this host in Unix seconds.
    pub(super) received: u64,
}

/// A server that has not answered with a report.
#[derive(Clone, Debug)]
pub(super) struct Silent {
    pub(super) name: String,
    pub(super) address: String,
    /// Why, and what to do.
    pub(super) words: String,
}

impl Servers {
    /// Asks the servers of a command line.
    ///
    /// # Errors
    ///
    /// An address is none, or a file that the command line names cannot be used.
    pub(crate) fn ask(arguments: &StatusArguments) -> Outcome<Self> {
        let mut addresses = Vec::new();
        for text in &arguments.status {
            let address = Address::parse(text)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let (login, authorities) = (arguments.user_file.as_deref(), arguments.ca.as_deref());
        let access = Access::read(login, authorities)?;
        let open = addresses.iter().find(|address| !address.is_private);
        if let (Some(address), Some(_)) = (open, &access.login) {
            let words = format!(
                "{} would get the password in clear: write it with https://",
                address.shown
            );
            return Err(Failure::new(Kind::Usage, words));
        }
        let answers = ask::all(&addresses, &access);
        let (mut answered, mut silent) = (Vec::new(), Vec::new());
        for (address, answer) in addresses.iter().zip(answers) {
            let (name, address) = (name(address, &addresses), address.shown.clone());
            match answer {
                Ok(answer) => answered.push(Server {
                    name,
                    address,
                    report: answer.report,
                    received: answer.received,
                }),
                Err(words) => silent.push(Silent {
                    name,
                    address,
                    words,
                }),
            }
        }
        Ok(Self { answered, silent })
    }

    /// The longest that a session of any server may live, in seconds.
    pub(super) fn longest_lifetime(&self) -> u64 {
        let reports = self.answered.iter().map(|server| &server.report);
        let lifetimes = reports.map(|report| report.longest_lifetime);
        lifetimes.max().unwrap_or_default()
    }

    pub(super) fn count(&self) -> usize {
        self.answered.len().saturating_add(self.silent.len())
    }
}

fn name(address: &Address, all: &[Address]) -> String {
    let same = all.iter().filter(|other| other.host == address.host);
    if same.count() > 1 {
        address.shown.clone()
    } else {
        address.host.clone()
    }
}
