//! `Require session-device bound`: only sessions that come from their device.

use crate::config::{DirConfig, Realm};
use crate::ffi::{Exchange, Requirement};
use crate::message::{Code, Message};
use crate::session_crypto::SessionCrypto;
use crate::sessions::Life;
use crate::state::State;

/// The demand. It loads the session, as an authentication does.
pub(crate) const REQUIREMENT: Requirement<SessionCrypto> = Requirement {
    name: c"session-device",
    argument: c"bound",
    wrong_argument,
    is_met,
};

fn is_met<'r>(exchange: &mut Exchange<'r, Realm, Life>, _: &'r State, _: &DirConfig<'r>) -> bool {
    let session = exchange.session();
    session.is_some_and(|session| session.note().is_proved())
}

fn wrong_argument() -> Message {
    Code("SC0913").says("write 'Require session-device bound', which has no other argument")
}
