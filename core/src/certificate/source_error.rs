//! The reasons why a source of certificates or private keys cannot be used.

use thiserror::Error;

use crate::certificate::certificate::{Unfit, UnusableKey};
use crate::certificate::file_error::FileError;

/// The reason why a source cannot be used. Its text goes on after the name of the
/// source.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    /// The system refuses to read the file, for this reason.
    #[error("cannot be read ({0})")]
    Unreadable(String),
    /// The source is a directory, a pipe or a device.
    #[error("is not a file")]
    NotAFile,
    /// The file has more than this many bytes, and so is no certificate or key.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// The content of the file is at fault.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key of the source cannot be used.
    #[error("has {0}")]
    Key(#[from] UnusableKey),
}

impl From<Unfit> for SourceError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Key(error) => Self::Key(error),
            Unfit::Failed => Self::File(FileError::Failed),
        }
    }
}
