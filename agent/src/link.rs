//! A connection to a store, in the clear or under TLS.
//!
//! The `redis` crate has a connection of its own, which cannot be used here: its
//! time-out does not hold for the handshake of TLS, so a listener that never answers
//! would stop the agent for good.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslStream};
use openssl::x509::X509VerifyResult;
use redis::{Parser, Pipeline, PushKind, Value};

use crate::address::Address;
use crate::authorities::Authorities;
use crate::socket::Socket;
use crate::trouble::Trouble;

/// A connection that speaks the protocol, version 3: messages of channels come between
/// the answers.
pub(crate) struct Link {
    stream: Stream,
    parser: Parser,
    messages: VecDeque<Vec<u8>>,
    /// More messages may have come than were read.
    has_more: bool,
}

enum Stream {
    Clear(Socket),
    Tls(Box<SslStream<Socket>>),
}

/// The longest wait for a connection, and for the whole of an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The most messages that are read before the agent learns from them.
const MOST_MESSAGES: usize = 1000;

impl Link {
    /// Connects. Under TLS, the store's certificate must be for its host, and signed by
    /// an authority that OpenSSL trusts by itself, or by one of `authorities`.
    pub(crate) fn connect(address: &Address, authorities: &Authorities) -> Result<Self, Trouble> {
        let socket = Socket::connect(&address.host, address.port, PATIENCE)?;
        let stream = if address.is_tls {
            Stream::Tls(Box::new(shake_hands(&address.host, authorities, socket)?))
        } else {
            Stream::Clear(socket)
        };
        Ok(Self {
            stream,
            parser: Parser::new(),
            messages: VecDeque::new(),
            has_more: false,
        })
    }

    /// Sends commands, and returns their answers in the same order. An answer may be an
    /// error of the server's.
    pub(crate) fn ask(&mut self, commands: &Pipeline) -> Result<Vec<Value>, Trouble> {
        self.ask_bytes(&commands.get_packed_pipeline(), commands.len())
    }

    fn ask_bytes(&mut self, commands: &[u8], count: usize) -> Result<Vec<Value>, Trouble> {
        let deadline = Instant::now().checked_add(PATIENCE);
        let deadline = deadline.unwrap_or_else(Instant::now);
        self.start_waiting(deadline, commands)
            .map_err(|error| Trouble::of_socket(&error))?;
        let mut answers = Vec::with_capacity(count);
        while answers.len() < count {
            answers.extend(self.next()?);
        }
        Ok(answers)
    }

    fn start_waiting(&mut self, deadline: Instant, commands: &[u8]) -> io::Result<()> {
        self.stream.socket_mut().wait_until(deadline)?;
        self.stream.write_all(commands)?;
        self.stream.flush()
    }

    /// Subscribes to a channel.
    pub(crate) fn subscribe(&mut self, channel: &str) -> Result<(), Trouble> {
        let mut commands = Pipeline::new();
        commands.cmd("SUBSCRIBE").arg(channel);
        // The answer is an announcement like those of messages. An error is an answer.
        commands.cmd("PING");
        for answer in self.ask_bytes(&commands.get_packed_pipeline(), 1)? {
            crate::trouble::accept(answer)?;
        }
        Ok(())
    }

    /// The messages that have come meanwhile, without waiting for more. A store that sends
    /// without an end gets its turn again, as others do.
    pub(crate) fn messages(&mut self) -> Result<Vec<Vec<u8>>, Trouble> {
        self.stream
            .socket_mut()
            .wait_never()
            .map_err(|error| Trouble::of_socket(&error))?;
        self.has_more = false;
        loop {
            if self.messages.len() >= MOST_MESSAGES {
                self.has_more = true;
                return Ok(self.messages.drain(..).collect());
            }
            match self.next() {
                // It is an answer that was not asked for.
                Ok(Some(_)) => return Err(Trouble::NotRedis),
                Ok(None) => {}
                Err(Trouble::Silent) => return Ok(self.messages.drain(..).collect()),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Whether there are messages that no socket tells of.
    pub(crate) fn has_messages(&self) -> bool {
        self.has_more || !self.messages.is_empty()
    }

    /// Reads an answer, or keeps a message.
    fn next(&mut self) -> Result<Option<Value>, Trouble> {
        let value = self
            .parser
            .parse_value(&mut self.stream)
            .map_err(|error| Trouble::of_protocol(&error))?;
        let Value::Push { kind, data } = value else {
            return Ok(Some(value));
        };
        // A message has the channel's name and a text.
        if let (PushKind::Message, Some(Value::BulkString(text))) = (kind, data.into_iter().nth(1))
        {
            self.messages.push_back(text);
        }
        Ok(None)
    }
}

/// The socket, to wait for messages on it.
impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Clear(socket) => socket.as_fd(),
            Stream::Tls(stream) => stream.get_ref().as_fd(),
        }
    }
}

fn shake_hands(
    host: &str,
    authorities: &Authorities,
    mut socket: Socket,
) -> Result<SslStream<Socket>, Trouble> {
    let deadline = Instant::now().checked_add(PATIENCE);
    socket
        .wait_until(deadline.unwrap_or_else(Instant::now))
        .map_err(|error| Trouble::of_socket(&error))?;
    let connector = connector(authorities).map_err(|error| Trouble::Tls(first_of(&error)))?;
    connector
        .connect(host, socket)
        .map_err(|error| match error {
            HandshakeError::SetupFailure(error) => Trouble::Tls(first_of(&error)),
            HandshakeError::WouldBlock(_) => Trouble::Silent,
            HandshakeError::Failure(stream) => {
                let verdict = stream.ssl().verify_result();
                let error = stream.into_error();
                match (error.io_error(), error.ssl_error()) {
                    (_, Some(_)) if verdict != X509VerifyResult::OK => {
                        Trouble::Tls(verdict.error_string().to_owned())
                    }
                    (_, Some(error)) => Trouble::Tls(first_of(error)),
                    (Some(error), None) => Trouble::of_socket(error),
                    (None, None) => Trouble::Lost("the other end has closed it".to_owned()),
                }
            }
        })
}

fn connector(authorities: &Authorities) -> Result<SslConnector, ErrorStack> {
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    for authority in &authorities.0 {
        connector.cert_store_mut().add_cert(authority.clone())?;
    }
    Ok(connector.build())
}

/// The reason of the first error, in OpenSSL's words.
fn first_of(errors: &ErrorStack) -> String {
    let reason = errors.errors().first().and_then(|error| error.reason());
    reason.unwrap_or("an unknown error of OpenSSL").to_owned()
}

impl Stream {
    fn socket_mut(&mut self) -> &mut Socket {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(stream) => stream.get_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
