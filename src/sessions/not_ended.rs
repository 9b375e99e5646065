//! The reasons why a request has ended no sessions.

use session_crypto_core::UserIdError;

use crate::advice;
use crate::ffi::{Level, Status};

/// The reason why the handler has ended no sessions.
pub(super) enum NotEnded {
    /// Another request led to this one.
    LedTo,
    /// The method is not `POST`.
    NotPost,
    /// A page of another site has sent the request.
    OtherSite,
    /// There is no list of ended sessions.
    NoRevocation,
    /// Sessions are in clear, without a key for ids of users.
    NoEncryption,
    /// The settings of the section do not go together.
    Unusable(String),
    /// The body has another form than that of a form.
    NoForm,
    /// The body is too long.
    LongForm,
    /// The body is cut off, or has a NUL byte.
    BrokenForm,
    /// The form has fields, and does not name one user.
    NoUserInForm,
    /// The form names an entry that does not name users.
    NoUserEntry,
    /// The form names a user, and the section allows no other than the session's own.
    OwnOnly,
    /// The session names no user.
    NoUser,
    /// The session may be a good one, and was not opened.
    Withheld,
    /// The session has too many entries that name users, or the form does.
    TooManyEntries,
    /// A key of the section gives no id.
    NoId(UserIdError),
}

impl NotEnded {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::NotPost => Status::NotPost,
            Self::LedTo | Self::OtherSite | Self::OwnOnly | Self::NoUser => Status::Forbidden,
            Self::NoRevocation | Self::NoEncryption => Status::NotImplemented,
            Self::NoForm => Status::OtherMediaType,
            Self::LongForm => Status::TooLarge,
            Self::BrokenForm | Self::NoUserInForm | Self::NoUserEntry => Status::BadRequest,
            Self::Unusable(_) | Self::Withheld | Self::TooManyEntries | Self::NoId(_) => {
                Status::Unavailable
            }
        }
    }

    /// The level of the line about it: a mistake of the configuration, or a failure of this
    /// host, is an error.
    pub(super) fn level(&self) -> Level {
        match self.status() {
            Status::NotImplemented | Status::Unavailable => Level::Error,
            _ => Level::Info,
        }
    }

    /// The reason in words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::LedTo => "another request led to this one: use the URL of the handler itself",
            Self::NotPost => "the method is not POST",
            Self::OtherSite => "a page of another site has sent the request",
            Self::NoRevocation => {
                "there is no list of ended sessions: write 'SessionCryptoRevocation on', or the \
                 address of a store, in the configuration of the main server"
            }
            Self::NoEncryption => {
                "the section does not encrypt sessions: write SessionCryptoKeyFile, as in the \
                 sections whose sessions are to end"
            }
            Self::Unusable(reason) => reason,
            Self::NoForm => "the body of the request is no form in URL encoding",
            Self::LongForm => "the form is too long",
            Self::BrokenForm => "the form is cut off, or has a NUL byte",
            Self::NoUserInForm => "the form does not name one user",
            Self::NoUserEntry => "the form names an entry that names no user in this section",
            Self::OwnOnly => {
                "the form names a user: if the section may end the sessions of others, write \
                 'SessionCryptoEndSessionsFor any'"
            }
            Self::NoUser => "the session names no user",
            Self::Withheld => "the session may be good, and was not opened",
            Self::TooManyEntries => "too many entries name users",
            Self::NoId(error) => return advice::user_id(error),
        }
        .to_owned()
    }
}
