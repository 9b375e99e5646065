//! Where a setting was written.

/// The kind of file that a setting was written in, which says how long what
/// follows from it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server's configuration: kept as long as the keyring.
    Server,
    /// A `.htaccess` file, read anew for each request: kept until
    /// [`Keyring::MAX_VISITORS`](crate::Keyring::MAX_VISITORS) others have come since.
    Htaccess,
}
