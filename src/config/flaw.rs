//! Settings that are right by themselves, and wrong together.

use std::fmt;

use super::setting_set::SettingSet;
use crate::ffi::Line;

/// The reason why settings cannot be used together.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    /// The line at fault, if a single one is.
    pub(crate) line: Option<Line>,
    /// The fault, and what to write instead.
    pub(crate) message: String,
    /// The settings of another section that might mend it.
    pub(crate) mended_by: SettingSet,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.line {
            write!(formatter, "{line}: ")?;
        }
        formatter.write_str(&self.message)
    }
}
