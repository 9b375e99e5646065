//! The reasons why a store cannot be used.

use std::io;

use redis::{RedisError, ServerError, Value};
use thiserror::Error;

/// The reason why a store cannot be used, without any secret.
#[derive(Debug, Error)]
pub enum Trouble {
    /// The system finds no address for the name of the host.
    #[error("its host has no address: {0}")]
    NoAddress(String),
    /// No connection can be made.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// TLS fails: mostly, the certificate is not trusted, or is for another host.
    #[error("TLS fails: {0}")]
    Tls(String),
    /// It does not answer in time.
    #[error("it does not answer")]
    Silent,
    /// It closes the connection, or the network breaks.
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// It answers with an error, in these words of its own.
    #[error("it answers '{words}'")]
    Refused {
        /// The first word, which is the kind of error.
        code: String,
        /// All words.
        words: String,
    },
    /// It is older than Redis 6, or it is no Redis at all.
    #[error("it is not a Redis of version 6 or later, nor a Valkey")]
    NotRedis,
}

/// The most characters of a store's own words.
const MOST_WORDS: usize = 200;

/// Errors of a server that is a replica by now, reads its data, or wants to be told the
/// password again.
const TO_CONNECT_AGAIN: &[&str] = &[
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MOVED",
    "NOAUTH",
    "READONLY",
];

impl Trouble {
    /// Judges an error of a socket.
    pub(crate) fn of_socket(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            io::ErrorKind::UnexpectedEof => Self::Lost("the other end has closed it".to_owned()),
            _ => Self::Lost(words(error)),
        }
    }

    /// Judges an error of the protocol.
    pub(crate) fn of_protocol(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::Silent;
        }
        if error.is_connection_dropped() {
            return Self::Lost("the other end has closed it".to_owned());
        }
        if error.is_io_error() {
            return Self::Lost(cut(&error.to_string()));
        }
        Self::NotRedis
    }

    /// Repeats the words of a server.
    pub(crate) fn of_server(error: &ServerError) -> Self {
        let details = error.details().unwrap_or_default();
        Self::Refused {
            code: error.code().to_owned(),
            words: cut(&format!("{} {details}", error.code())),
        }
    }

    /// Whether another server, or this one in a moment, would give another answer, so that
    /// the agent has to connect again.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Self::Refused { code, .. } => TO_CONNECT_AGAIN.contains(&code.as_str()),
            _ => true,
        }
    }
}

/// Takes an answer, unless it is an error.
pub(crate) fn accept(answer: Value) -> Result<Value, Trouble> {
    match answer {
        Value::ServerError(error) => Err(Trouble::of_server(&error)),
        answer => Ok(answer),
    }
}

/// The system's words, without the number that Rust adds.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}

/// Cuts words of a server, which may be of any length and hold anything.
fn cut(text: &str) -> String {
    let printable = text.trim().chars().map(|character| {
        if character.is_control() {
            '?'
        } else {
            character
        }
    });
    printable.take(MOST_WORDS).collect()
}
