//! A line of the configuration, as messages name it.

use std::ffi::{CStr, CString, c_int, c_uint};
use std::fmt;

use super::bindings::ap_directive_t;

/// A line of the configuration: its file and its number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    file: Option<CString>,
    number: c_int,
}

impl Line {
    /// Makes the line on which a directive stands.
    ///
    /// # Safety
    ///
    /// `directive` belongs to a configuration that is being read, or has been.
    pub(super) unsafe fn of(directive: &ap_directive_t) -> Self {
        let file = directive.filename;
        Self {
            // SAFETY: util_cfgtree.h promises a C string, or NULL, which is
            // tested first.
            file: (!file.is_null()).then(|| unsafe { CStr::from_ptr(file) }.to_owned()),
            number: directive.line_num,
        }
    }

    /// The file's name, if the line stands in a file.
    pub(super) fn file(&self) -> Option<&CStr> {
        self.file.as_deref()
    }
}

/// A line of the configuration in httpd's structures.
#[derive(Clone, Copy)]
pub(crate) struct LineRef<'s> {
    pub(super) file: &'s CStr,
    pub(super) number: c_uint,
}

impl LineRef<'_> {
    /// Whether it is that line.
    pub(crate) fn is(self, line: &Line) -> bool {
        line.file() == Some(self.file) && c_uint::try_from(line.number) == Ok(self.number)
    }
}

impl Line {
    /// The line as a short name: its file and its number.
    pub(crate) fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("{} line {}", file.to_string_lossy(), self.number),
            None => format!("line {}", self.number),
        }
    }
}

/// In the words in which httpd itself names a line.
impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(
                formatter,
                "on line {} of {}",
                self.number,
                file.to_string_lossy()
            ),
            None => formatter.write_str("on a line without a number"),
        }
    }
}
