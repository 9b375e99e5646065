//! The lines of other modules that are in force in a section.

use super::acceptable::{Acceptable, Accepted};
use super::facts::{Facts, is_secret};
use super::logs::{Levels, Needs};
use super::seconds;
use crate::ffi::Inherit;
use crate::ffi::config_tree::Node;

/// The lines in force in a section: those of other modules that are judged, and those of
/// this module that they are judged by.
#[derive(Clone, Copy, Default)]
pub(super) struct Lines<'c> {
    /// The warnings that the administrator accepts.
    pub(super) accepted: Accepted,
    /// `Session`
    pub(super) session: Option<Node<'c>>,
    /// `SessionMaxAge`
    pub(super) max_age: Option<Node<'c>>,
    /// `SessionExpiryUpdateInterval`
    pub(super) update_interval: Option<Node<'c>>,
    /// `SessionHeader`
    pub(super) header: Option<Node<'c>>,
    /// `SessionCookieName`
    pub(super) cookie: Option<Node<'c>>,
    /// `SessionDBDCookieName`
    pub(super) database_cookie: Option<Node<'c>>,
    /// `SessionCookieRemove`
    pub(super) cookie_remove: Option<Node<'c>>,
    /// `AuthType`
    pub(super) auth_type: Option<Node<'c>>,
    /// `LogLevel`
    pub(super) levels: Levels<'c>,
    /// `DumpIOInput`
    pub(super) dump_input: Option<Node<'c>>,
    /// `DumpIOOutput`
    pub(super) dump_output: Option<Node<'c>>,
    /// `ForensicLog`
    pub(super) forensic_log: Option<Node<'c>>,
    /// `ErrorLogFormat`
    pub(super) error_log_format: Option<Node<'c>>,
    /// Access logs are written, and perhaps one has secrets: its `CustomLog`.
    pub(super) access_logs: Option<Option<Node<'c>>>,
    /// A line that asks for encryption.
    pub(super) secret: Option<Node<'c>>,
    /// `SessionCryptoMaxLifetime`
    pub(super) lifetime: Option<Node<'c>>,
}

impl<'c> Lines<'c> {
    /// Reads a line of the section.
    pub(super) fn read(&mut self, node: Node<'c>, facts: &Facts) {
        let slot = if node.is("SessionCryptoAccept") {
            let warnings = node.words().filter_map(|word| Acceptable::parse(&word));
            warnings.for_each(|warning| self.accepted.add(warning));
            return;
        } else if node.is("LogLevel") {
            self.levels.read(node);
            return;
        } else if node.is("CustomLog") || node.is("GlobalLog") || node.is("TransferLog") {
            let has_secrets = facts.secret_in_log(node).is_some();
            let logs = self.access_logs.get_or_insert(None);
            *logs = logs.or(has_secrets.then_some(node));
            return;
        } else if is_secret(node) {
            &mut self.secret
        } else if node.is("SessionCryptoMaxLifetime") {
            &mut self.lifetime
        } else if node.is("Session") {
            &mut self.session
        } else if node.is("SessionMaxAge") {
            &mut self.max_age
        } else if node.is("SessionExpiryUpdateInterval") {
            &mut self.update_interval
        } else if node.is("SessionHeader") {
            &mut self.header
        } else if node.is("SessionCookieName") {
            &mut self.cookie
        } else if node.is("SessionDBDCookieName") {
            &mut self.database_cookie
        } else if node.is("SessionCookieRemove") {
            &mut self.cookie_remove
        } else if node.is("AuthType") {
            &mut self.auth_type
        } else if node.is("DumpIOInput") {
            &mut self.dump_input
        } else if node.is("DumpIOOutput") {
            &mut self.dump_output
        } else if node.is("ForensicLog") {
            &mut self.forensic_log
        } else if node.is("ErrorLogFormat") {
            &mut self.error_log_format
        } else {
            return;
        };
        *slot = Some(node);
    }

    /// Whether the section has sessions that end after some time.
    pub(super) fn has_end(&self) -> bool {
        let is_set = |node: Node<'_>| seconds::read(node) != 0;
        self.lifetime.is_some() || self.max_age.is_some_and(is_set)
    }

    /// Whether the lines are in force without which a module writes no secret.
    pub(super) fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Dump => [self.dump_input, self.dump_output].into_iter().any(is_on),
            Needs::Header => self.header.is_some(),
        }
    }
}

/// Whether a line switches something on.
pub(super) fn is_on(node: Option<Node<'_>>) -> bool {
    node.and_then(Node::flag).unwrap_or_default()
}

impl Inherit for Lines<'_> {
    fn merge(base: &Self, add: &Self) -> Self {
        Self {
            accepted: base.accepted.and(add.accepted),
            session: add.session.or(base.session),
            max_age: add.max_age.or(base.max_age),
            update_interval: add.update_interval.or(base.update_interval),
            header: add.header.or(base.header),
            cookie: add.cookie.or(base.cookie),
            database_cookie: add.database_cookie.or(base.database_cookie),
            cookie_remove: add.cookie_remove.or(base.cookie_remove),
            auth_type: add.auth_type.or(base.auth_type),
            levels: Levels::merge(&base.levels, &add.levels),
            dump_input: add.dump_input.or(base.dump_input),
            dump_output: add.dump_output.or(base.dump_output),
            forensic_log: add.forensic_log.or(base.forensic_log),
            error_log_format: add.error_log_format.or(base.error_log_format),
            access_logs: add.access_logs.or(base.access_logs),
            secret: add.secret.or(base.secret),
            lifetime: add.lifetime.or(base.lifetime),
        }
    }
}
