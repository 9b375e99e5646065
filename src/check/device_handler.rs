//! Whether the handler of devices has anything to say where it stands.

use super::facts::for_each;
use crate::config::{DEVICE, DirConfig};
use crate::devices::HANDLER;
use crate::ffi::config_tree::{self, Node};
use crate::ffi::{Line, LineRef, Server};
use crate::message::{Code, Message};

/// No line says what becomes of the browsers that the handler answers.
const UNDECIDED: Code = Code("SC0936");

/// The lines that choose the handler, in all servers.
#[derive(Default)]
pub(super) struct DeviceHandlers {
    /// `None` until they are looked for.
    lines: Option<Vec<HandlerLine>>,
}

struct HandlerLine {
    line: Line,
    /// Where it is in force, a line says whether sessions are bound.
    is_decided: bool,
}

impl DeviceHandlers {
    /// Notes the lines in force in the sections of a server, and what these say of devices.
    pub(super) fn note(&mut self, server: &Server<'_, DirConfig<'_>>) {
        let lines = self.lines.get_or_insert_with(handler_lines);
        if lines.is_empty() {
            return;
        }
        let sections = (0..server.sections.len()).map(|index| server.chain(index));
        for chain in std::iter::once(Vec::new()).chain(sections) {
            let Some(handler) = server.handler(&chain) else {
                continue;
            };
            let mut lines = lines.iter_mut();
            if let Some(found) = lines.find(|found| handler.is(&found.line)) {
                found.is_decided |= is_decided(server, &chain);
            }
        }
    }

    /// Whether a line that chooses a handler is one of these.
    pub(super) fn has(&self, handler: LineRef<'_>) -> bool {
        let mut lines = self.lines.iter().flatten();
        lines.any(|found| handler.is(&found.line))
    }

    /// Checks that each line is decided in some server.
    ///
    /// # Errors
    ///
    /// One is not.
    pub(super) fn check(&self) -> Result<(), Message> {
        let mut lines = self.lines.iter().flatten();
        match lines.find(|found| !found.is_decided) {
            Some(HandlerLine { line, .. }) => Err(UNDECIDED.says(format!(
                "{line}: SetHandler {}: no line says here whether sessions are bound, and browsers \
                 that have bound one would ask in vain: write '{DEVICE} offer' as in the sections \
                 of the sessions, '{DEVICE} off' to end what browsers have bound, or take the line \
                 out",
                HANDLER.to_string_lossy()
            ))),
            None => Ok(()),
        }
    }
}

/// Whether a line says whether sessions are bound, for requests in a chain of sections.
fn is_decided(server: &Server<'_, DirConfig<'_>>, chain: &[usize]) -> bool {
    let says = |config: DirConfig<'_>| config.has_device_line();
    // A request may be in another section as well, which says it.
    let innermost = chain.last().copied();
    let elsewhere = || innermost.is_some_and(|last| server.others(chain, last).any(says));
    says(server.config_of(chain)) || elsewhere()
}

/// The lines that choose the handler.
fn handler_lines() -> Vec<HandlerLine> {
    let mut lines = Vec::new();
    config_tree::with_nodes(|nodes| {
        for_each(nodes, 0, &mut |node| {
            if is_handler(node) {
                lines.push(HandlerLine {
                    line: node.line(),
                    is_decided: false,
                });
            }
        });
    });
    lines
}

/// Whether a line chooses the handler.
pub(super) fn is_handler(node: Node<'_>) -> bool {
    let mut words = node.words();
    let name = HANDLER.to_bytes();
    node.is("SetHandler") && words.any(|word| word.eq_ignore_ascii_case(name))
}
