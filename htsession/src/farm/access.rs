//! The login and the authority with which servers are asked.

use std::path::{Path, PathBuf};

use base64_simd::STANDARD;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind, Outcome};
use crate::files::read::content;

/// The login and the authority with which servers are asked.
#[derive(Default)]
pub(super) struct Access {
    pub(super) login: Option<Login>,
    pub(super) authorities: Option<RootCerts>,
}

/// A user and a password, and the file that has them.
pub(super) struct Login {
    pub(super) file: PathBuf,
    /// The value of the header `Authorization`.
    pub(super) header: Zeroizing<String>,
}

/// The most bytes of a file with a login.
const MOST_LOGIN: usize = 4096;

/// The most bytes of a file with certificates.
const MOST_CERTIFICATES: usize = 4 * 1024 * 1024;

impl Access {
    /// Reads the files that have the login and the certificates of the authorities.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or has something else.
    pub(super) fn read(login: Option<&Path>, authorities: Option<&Path>) -> Outcome<Self> {
        Ok(Self {
            login: login.map(read_login).transpose()?,
            authorities: authorities.map(read_authorities).transpose()?,
        })
    }
}

fn read_login(path: &Path) -> Outcome<Login> {
    let content = content(path, MOST_LOGIN)?;
    content.warn_of_exposure(path);
    let line = content.bytes.trim_ascii_end();
    let is_login = line.contains(&b':') && !line.iter().any(u8::is_ascii_control);
    if !is_login {
        let words = format!(
            "{} has no login: write one line, a user, a colon and the password",
            path.display()
        );
        return Err(Failure::new(Kind::Secrets, words));
    }
    let encoded = Zeroizing::new(STANDARD.encode_to_string(line));
    Ok(Login {
        file: path.to_owned(),
        header: Zeroizing::new(format!("Basic {}", encoded.as_str())),
    })
}

fn read_authorities(path: &Path) -> Outcome<RootCerts> {
    let content = content(path, MOST_CERTIFICATES)?;
    let items: Result<Vec<_>, _> = parse_pem(&content.bytes).collect();
    let items = items.unwrap_or_default().into_iter();
    let certificates: Vec<Certificate<'static>> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let words = format!(
            "{} has no certificate in PEM: name the file with the authority's own",
            path.display()
        );
        return Err(Failure::new(Kind::Secrets, words));
    }
    Ok(RootCerts::from(certificates))
}
