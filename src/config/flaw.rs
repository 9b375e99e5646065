//! Settings that are right by themselves, and wrong together.

use super::setting_set::SettingSet;
use crate::ffi::Line;
use crate::message::Message;

/// The reason why settings cannot be used together.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    /// The line at fault, if a single one is.
    pub(crate) line: Option<Line>,
    /// The fault, and what to write instead.
    pub(crate) message: Message,
    /// The settings of another section that might mend it.
    pub(crate) mended_by: SettingSet,
}

impl Flaw {
    /// The message, with the line at fault.
    pub(crate) fn into_message(self) -> Message {
        match self.line {
            Some(line) => self.message.at(line),
            None => self.message,
        }
    }
}
