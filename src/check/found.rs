//! The warnings with codes that a configuration gives, one for each line.

use std::collections::HashSet;

use super::codes::{Code, Codes};
use crate::ffi::config_tree::Node;
use crate::ffi::{Level, log_server};

/// The most lines of a code; a last one counts the rest.
const MOST: usize = 5;

/// The warnings found so far.
#[derive(Default)]
pub(super) struct Found<'c> {
    warnings: Vec<(Code, Node<'c>, String)>,
    /// The lines that have been judged: sections and hosts inherit them.
    judged: HashSet<(Code, usize)>,
    /// The same, as text: hosts may include the same file.
    said: HashSet<(Code, String)>,
}

impl<'c> Found<'c> {
    /// Adds the warning about a line, unless its code is accepted or the line has been judged
    /// before.
    pub(super) fn judge(
        &mut self,
        code: Code,
        line: Node<'c>,
        accepted: Codes,
        warning: impl FnOnce() -> Option<String>,
    ) {
        if accepted.has(code) || !self.judged.insert((code, line.address())) {
            return;
        }
        if let Some(warning) = warning() {
            if self.said.insert((code, line.line().to_string())) {
                self.warnings.push((code, line, warning));
            }
        }
    }

    /// Writes the warnings to the log.
    pub(super) fn say(&self) {
        let say = |line: &str| log_server(Level::Warning, line);
        for code in Code::ALL {
            let mut of_code = self.warnings.iter().filter(|(of, ..)| *of == code);
            for (_, node, warning) in of_code.by_ref().take(MOST) {
                say(&format!("{code}: {}: {warning}", node.line()));
            }
            if let Some((_, node, _)) = of_code.next() {
                let more = of_code.count().saturating_add(1);
                let line = node.line();
                say(&format!(
                    "{code}: {more} more lines have the same mistake, the next {line}"
                ));
            }
        }
    }
}
