//! Whether clients reach a server over TLS, as far as its lines tell.

use crate::config::DirConfig;
use crate::ffi::Server;
use crate::ffi::config_tree::{self, Node, Nodes};

/// Whether lines of a server, or of the main server, say that TLS ends here or before it.
pub(super) fn is_seen(server: &Server<'_, DirConfig<'_>>) -> bool {
    server.is_https
        || config_tree::with_nodes(|nodes| {
            let mut tls = Tls::default();
            tls.read(nodes);
            let is_own =
                |node: &Node<'_>| node.is("<VirtualHost") && server.defined.is_on(&node.line());
            for host in nodes.filter(is_own) {
                tls.read(host.nodes());
            }
            tls.is_there()
        })
}

/// Lines about TLS; those of a virtual host are read after those of the main server.
#[derive(Default)]
struct Tls {
    /// `SSLEngine`
    engine: Option<bool>,
    has_certificate: bool,
    /// A port speaks HTTPS.
    has_port: bool,
    /// Another module than mod_ssl speaks TLS.
    has_other: bool,
}

impl Tls {
    fn read(&mut self, nodes: Nodes<'_>) {
        for node in nodes {
            let last = node.words().last().unwrap_or_default();
            if node.is("SSLEngine") {
                self.engine = Some(!last.eq_ignore_ascii_case(b"off"));
            } else if node.is("SSLCertificateFile") {
                self.has_certificate = true;
            } else if node.is("Listen") {
                self.has_port |= last.eq_ignore_ascii_case(b"https") || is_443(&last);
            } else if node.is("Protocol") {
                self.has_port |= last.eq_ignore_ascii_case(b"https");
            } else if node.is("GnuTLSEnable") || node.is("TLSEngine") {
                self.has_other |= !last.eq_ignore_ascii_case(b"off");
            }
        }
    }

    /// mod_ssl takes a certificate and such a port for `SSLEngine on` (ssl_engine_init.c,
    /// ssl_init_Module).
    fn is_there(&self) -> bool {
        let is_taken = || self.has_certificate && self.has_port;
        self.has_other || self.engine.unwrap_or_else(is_taken)
    }
}

/// Whether a word of `Listen` is the port of HTTPS (server/listen.c, ap_set_listener).
fn is_443(word: &[u8]) -> bool {
    word == b"443" || word.ends_with(b":443")
}
