//! The knowledge of the host about a session and about the sealed values of a request.

use crate::error::OpenError;
use crate::sealer::call::Opened;

/// Whether a session may go on: by its age, by the dates of its section, and by the list of
/// ended sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Alive,
    /// It is too old, or it was ended.
    Ended,
    /// The host cannot tell now.
    Unknown,
}

/// A sealed value that a request may have brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsealed<T> {
    /// The value.
    Value(T),
    /// The host failed at it.
    Failed,
    /// Another server of the farm may open it, or this one later.
    Elsewhere,
    /// It is no such value.
    Refused,
    /// The request has none.
    Absent,
}

impl<T> Unsealed<T> {
    /// The outcome of opening a value. `read` answers `None` for the text of another one.
    pub fn of(
        outcome: &Result<Opened<'_>, OpenError>,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Self {
        match outcome {
            Ok(opened) => read(opened.session.to_bytes()).map_or(Self::Refused, Self::Value),
            Err(OpenError::Library(_)) => Self::Failed,
            Err(OpenError::Refused(refusal)) if refusal.may_open_elsewhere() => Self::Elsewhere,
            Err(OpenError::Refused(_)) => Self::Refused,
        }
    }

    /// The best of the values under one name: the first that is good, or else the one that
    /// says least. A sibling host can add cookies of any name to those of this one.
    pub fn best(all: impl IntoIterator<Item = Self>) -> Self {
        let better = |best: Self, next: Self| {
            if next.rank() < best.rank() {
                next
            } else {
                best
            }
        };
        all.into_iter().fold(Self::Absent, better)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Value(_) => 0,
            Self::Failed => 1,
            Self::Elsewhere => 2,
            Self::Refused => 3,
            Self::Absent => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{LibraryError, Refusal};

    #[test]
    fn the_first_good_value_wins_and_doubt_counts_before_refusal() {
        use Unsealed::{Absent, Elsewhere, Failed, Refused, Value};
        for (all, best) in [
            (vec![], Absent),
            (vec![Refused], Refused),
            (vec![Refused, Elsewhere, Refused], Elsewhere),
            (vec![Elsewhere, Failed], Failed),
            (vec![Refused, Value(1), Value(2), Failed], Value(1)),
        ] {
            assert_eq!(Unsealed::best(all.clone()), best, "{all:?}");
        }
    }

    #[test]
    fn a_token_of_an_unknown_key_is_in_doubt() {
        for refusal in Refusal::ALL {
            let outcome = Unsealed::<()>::of(&Err(refusal.into()), |_| None);
            let expected = if refusal.may_open_elsewhere() {
                Unsealed::Elsewhere
            } else {
                Unsealed::Refused
            };
            assert_eq!(outcome, expected, "{refusal:?}");
        }
        let failed = LibraryError::because("open", "of a test");
        let failed = Unsealed::<()>::of(&Err(failed.into()), |_| None);
        assert_eq!(failed, Unsealed::Failed);
    }
}
