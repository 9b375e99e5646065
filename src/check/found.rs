//! The warnings that may be accepted, one for each line.

use std::collections::HashSet;

use super::acceptable::{Acceptable, Accepted};
use crate::ffi::config_tree::Node;
use crate::ffi::{Level, log_server};

/// The most lines of a kind; a last one counts the rest.
const MOST: usize = 5;

/// The warnings found so far.
#[derive(Default)]
pub(super) struct Found<'c> {
    warnings: Vec<(Acceptable, Node<'c>, String)>,
    /// The lines that have been judged: sections and hosts inherit them.
    judged: HashSet<(Acceptable, usize)>,
    /// The same, as text: hosts may include the same file.
    said: HashSet<(Acceptable, String)>,
}

impl<'c> Found<'c> {
    /// Adds the warning about a line, unless it is accepted or the line has been judged
    /// before.
    pub(super) fn judge(
        &mut self,
        kind: Acceptable,
        line: Node<'c>,
        accepted: Accepted,
        warning: impl FnOnce() -> Option<String>,
    ) {
        if accepted.has(kind) || !self.judged.insert((kind, line.address())) {
            return;
        }
        if let Some(warning) = warning() {
            if self.said.insert((kind, line.line().to_string())) {
                self.warnings.push((kind, line, warning));
            }
        }
    }

    /// Writes the warnings to the log.
    pub(super) fn say(&self) {
        for kind in Acceptable::ALL {
            let say = |words| log_server(Level::Warning, &kind.code().says(words));
            let mut of_kind = self.warnings.iter().filter(|(of, ..)| *of == kind);
            for (_, node, warning) in of_kind.by_ref().take(MOST) {
                say(format!("{}: {warning}", node.line()));
            }
            if let Some((_, node, _)) = of_kind.next() {
                let more = of_kind.count().saturating_add(1);
                let line = node.line();
                say(format!(
                    "{more} more lines have the same mistake, the next {line}"
                ));
            }
        }
    }
}
