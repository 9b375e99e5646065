//! The origin of a setting.

/// The kind of file that has a setting. It decides how long the keyring keeps values
/// that it made for the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server configuration. The keyring keeps the values as long as it lives.
    Server,
    /// A `.htaccess` file, which httpd reads again for each request. The keyring keeps a
    /// limited number of values, and a new one replaces an old one.
    Htaccess,
}
