//! The address of a store, as an administrator writes it.

use std::fmt;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// The address of a Redis or Valkey: `redis://[user[:password]@]host[:port][/database]`,
/// or the same with `rediss`, for TLS.
///
/// `Display` shows neither the user nor the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) is_tls: bool,
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: u32,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
}

/// The reason why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It begins otherwise.
    Scheme,
    /// The host is missing, or is no name and no address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The part after the host is not the number of a database.
    Database,
    /// The user or the password has a `%` that does not begin two hexadecimal digits,
    /// or is not UTF-8.
    Encoding,
}

/// The port that Redis and Valkey listen on unless they are told otherwise.
const DEFAULT_PORT: u16 = 6379;

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// The text is no address. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let is_tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(AddressError::Scheme),
        };
        // A password may hold anything but a slash, as in every URL.
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        let (user, password) = login.map_or(Ok((None, None)), split_login)?;
        Ok(Self {
            is_tls,
            host: host.to_owned(),
            port,
            database: database(path)?,
            user,
            password,
        })
    }

    /// Whether it has a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether it has a user.
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Takes a password from elsewhere in place of its own.
    pub fn set_password(&mut self, password: Zeroizing<String>) {
        self.password = Some(password);
    }

    /// Whether it asks for TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }
}

/// Splits `host[:port]`; an IPv6 address stands in brackets.
fn split_port(place: &str) -> Result<(&str, u16), AddressError> {
    let (host, rest) = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or(AddressError::Host)?;
            let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
            (if is_address { host } else { "" }, rest)
        }
        None => {
            let end = place.find(':').unwrap_or(place.len());
            let (host, rest) = place.split_at_checked(end).unwrap_or_default();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (if host.bytes().all(is_name) { host } else { "" }, rest)
        }
    };
    if host.is_empty() {
        return Err(AddressError::Host);
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => DEFAULT_PORT,
        None => return Err(AddressError::Host),
        Some(port) => number(port)
            .filter(|port| *port != 0)
            .ok_or(AddressError::Port)?,
    };
    Ok((host, port))
}

type Login = (Option<String>, Option<Zeroizing<String>>);

/// Splits `[user][:password]`; both are percent-encoded.
fn split_login(login: &str) -> Result<Login, AddressError> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let user = decode(user)?;
    let user = (!user.is_empty()).then(|| user.as_str().to_owned());
    Ok((user, password.map(decode).transpose()?))
}

fn decode(text: &str) -> Result<Zeroizing<String>, AddressError> {
    let is_encoded = text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2);
        digits.len() == 2 && digits.all(|digit| digit.is_ascii_hexdigit())
    });
    let decoded = Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
    let decoded = std::str::from_utf8(&decoded).map_err(|_| AddressError::Encoding)?;
    if !is_encoded {
        return Err(AddressError::Encoding);
    }
    Ok(Zeroizing::new(decoded.to_owned()))
}

fn database(path: &str) -> Result<u32, AddressError> {
    if path.is_empty() {
        return Ok(0);
    }
    number(path).ok_or(AddressError::Database)
}

/// A number of digits alone: `parse` would also take a plus sign.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        if self.host.contains(':') {
            write!(formatter, "{scheme}://[{}]:{}", self.host, self.port)?;
        } else {
            write!(formatter, "{scheme}://{}:{}", self.host, self.port)?;
        }
        match self.database {
            0 => Ok(()),
            database => write!(formatter, "/{database}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    fn read(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn an_address_needs_a_host_alone() {
        let address = read("redis://store.example");
        assert_eq!(address.to_string(), "redis://store.example:6379");
        assert!(!address.is_tls() && !address.has_password());
        assert_eq!(address.user, None);
    }

    #[test]
    fn an_address_has_a_user_a_password_a_port_and_a_database() {
        let address = read("rediss://web:s%3a%2F%40%25@[::1]:7000/3");
        assert_eq!(address.host, "::1");
        assert_eq!(address.user.as_deref(), Some("web"));
        assert_eq!(address.password.as_deref().unwrap(), "s:/@%");
        assert_eq!(address.to_string(), "rediss://[::1]:7000/3");
        assert_eq!(format!("{address:?}"), "rediss://[::1]:7000/3");
    }

    #[test]
    fn a_password_may_stand_without_a_user() {
        let address = read("redis://:a:b@c@host");
        assert_eq!(address.user, None);
        assert_eq!(address.password.as_deref().unwrap(), "a:b@c");
    }

    #[test]
    fn a_user_may_stand_without_a_password() {
        let address = read("redis://web@host");
        assert_eq!(address.user.as_deref(), Some("web"));
        assert!(!address.has_password());
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", AddressError::Scheme),
            ("host:6379", AddressError::Scheme),
            ("http://host", AddressError::Scheme),
            ("REDIS://host", AddressError::Scheme),
            ("unix:///run/redis", AddressError::Scheme),
            ("redis://", AddressError::Host),
            ("redis://:6379", AddressError::Host),
            ("redis://user@", AddressError::Host),
            ("redis://ho st", AddressError::Host),
            ("redis://[::1", AddressError::Host),
            ("redis://[host]", AddressError::Host),
            ("redis://[::1]6379", AddressError::Host),
            ("redis://::1", AddressError::Host),
            ("redis://host:", AddressError::Port),
            ("redis://host:0", AddressError::Port),
            ("redis://host:65536", AddressError::Port),
            ("redis://host:+1", AddressError::Port),
            ("redis://host/x", AddressError::Database),
            ("redis://host/1/", AddressError::Database),
            ("redis://host/-1", AddressError::Database),
            ("redis://:%@host", AddressError::Encoding),
            ("redis://:%f@host", AddressError::Encoding),
            ("redis://:%zz@host", AddressError::Encoding),
            ("redis://%ff:x@host", AddressError::Encoding),
        ] {
            assert_eq!(Address::parse(text), Err(reason), "{text}");
        }
    }
}
