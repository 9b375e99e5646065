//! The warnings with codes that a configuration gives, one for each line.

use std::collections::HashSet;

use super::codes::Code;
use crate::ffi::{Level, Line, log_server};

/// The most lines of a code; a last one counts the rest.
const MOST: usize = 5;

/// The warnings found so far.
#[derive(Default)]
pub(super) struct Found {
    warnings: Vec<(Code, Line, String)>,
    said: HashSet<(&'static str, String)>,
}

impl Found {
    /// Adds a warning about a line, unless the line has one of this code already.
    pub(super) fn add(&mut self, code: Code, line: Line, warning: String) {
        if self.said.insert((code.name(), line.to_string())) {
            self.warnings.push((code, line, warning));
        }
    }

    /// Writes the warnings to the log.
    pub(super) fn say(&self) {
        let say = |line: &str| log_server(Level::Warning, line);
        for code in Code::ALL {
            let mut of_code = self.warnings.iter().filter(|(of, ..)| *of == code);
            for (_, line, warning) in of_code.by_ref().take(MOST) {
                say(&format!("{code}: {line}: {warning}"));
            }
            if let Some((_, line, _)) = of_code.next() {
                let more = of_code.count().saturating_add(1);
                say(&format!(
                    "{code}: {more} more lines have the same mistake, the next {line}"
                ));
            }
        }
    }
}
