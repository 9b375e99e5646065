//! Whether the session of a request comes from its device, and what follows.

use std::ffi::CStr;

use session_crypto_core::{
    BoundCookie, DeviceEvent, DeviceJudgement, SessionEntry, Unproved, Unsealed, headers, judge,
};

use super::device_page;
use super::device_report as report;
use super::device_values::{Values, cookies_named};
use super::life::{DeviceState, Life, Session};
use super::realms::{self, Shown};
use crate::config::{Device, DirConfig, KeptSecrets, Protection};
use crate::ffi::Request;
use crate::state::State;

/// The header with which a browser says why it did not refresh.
const SKIPPED: &CStr = c"Secure-Session-Skipped";

/// Judges the session with this entry, which the section lets in but for its device. It may
/// be asked for by several requests of a chain, in sections that differ.
pub(super) fn apply<'r>(
    request: Request<'r>,
    state: &State,
    config: &DirConfig<'r>,
    device: &Device<'_>,
    (session, entry): (&mut Session<'r>, SessionEntry),
) {
    let mut life = session.note();
    // Each request with a copy of such a session would begin it once more.
    let judged = match life.is_birth_unknown {
        true => entry.of_unknown_birth(),
        false => entry,
    };
    let judgement = judgement(request, state, config, device, &judged);
    let is_first = life.device == DeviceState::Unjudged;
    life.device = match judgement {
        DeviceJudgement::Bound | DeviceJudgement::Bind(_) => DeviceState::Proved,
        DeviceJudgement::Unbound(_) => DeviceState::Unbound,
        DeviceJudgement::Tolerated(_) | DeviceJudgement::Refused(_) => DeviceState::Unproved,
    };
    realms::show(request, &Shown::DEVICE, life.device.shown());
    let counters = state.counters();
    let event = match judgement {
        DeviceJudgement::Bound => DeviceEvent::Bound,
        DeviceJudgement::Bind(id) => {
            life.entry = Some(entry.bound_to(id));
            // A session with an id would get another one, under which requests that run
            // beside this one do not find it.
            let saves = !session.has_id();
            if saves {
                session.mark_dirty();
            }
            report::became_bound(request, saves);
            DeviceEvent::BecameBound
        }
        DeviceJudgement::Unbound(_) => DeviceEvent::Unbound,
        DeviceJudgement::Tolerated(why) => {
            report::tolerated(request, counters, why);
            DeviceEvent::Tolerated
        }
        DeviceJudgement::Refused(why) => {
            return refuse(request, state, (session, judged), why);
        }
    };
    session.set_note(life);
    if is_first {
        report::counted(counters, event);
    }
}

/// Makes the session an empty one, which replaces neither that of the browser nor its row in
/// a database.
#[cold]
fn refuse(
    request: Request<'_>,
    state: &State,
    (session, entry): (&mut Session<'_>, SessionEntry),
    why: Unproved,
) {
    let headers = request.headers_in();
    let skipped = headers.and_then(|headers| headers.get(SKIPPED));
    let skipped = skipped.map(|header| headers::skipped(header.to_bytes()));
    let is_skipped = skipped.is_some_and(|all| !all.is_empty());
    // Without a user, a login could not be told from what a visitor writes.
    let has_user = session.note().user != 0;
    session.empty();
    session.forget_id();
    session.withhold();
    session.set_note(Life {
        device: DeviceState::Unproved,
        is_to_come_back: has_user && is_skipped && !is_form(request),
        ..Life::default()
    });
    realms::show_refusal(request);
    // A visitor without a user would be told at each session that a page begins.
    if why == Unproved::NotBound && has_user && !is_skipped {
        device_page::note(request, &entry);
    }
    report::refused(request, state.counters(), why);
}

/// Whether a person sends a form. What an application writes in answer takes the place of
/// the session: it may be the end of a logout, or the token that the next form needs.
fn is_form(request: Request<'_>) -> bool {
    let headers = request.headers_in();
    let mode = headers.and_then(|headers| headers.get(c"Sec-Fetch-Mode"));
    !request.is_get() && mode == Some(c"navigate")
}

/// Tells applications once more that the session was refused, in a request to which another
/// one led. It is not shown once somebody has written to the session.
pub(super) fn show_refused(request: Request<'_>, session: &Session<'_>) {
    let state = session.note().device;
    if state == DeviceState::Unproved && session.is_withheld() {
        realms::show(request, &Shown::DEVICE, state.shown());
    }
}

/// Judges a session by the bound cookies of the request that open. One that proves its device
/// is enough, and no other is opened after it.
fn judgement(
    request: Request<'_>,
    state: &State,
    config: &DirConfig<'_>,
    device: &Device<'_>,
    entry: &SessionEntry,
) -> DeviceJudgement {
    let now = request.time();
    let judged_by = |cookies: &[BoundCookie]| judge(entry, cookies, now, device.mode);
    let mut tokens = cookies_named(request, &device.cookie.bound).peekable();
    if tokens.peek().is_none() {
        return judged_by(&[]);
    }
    let kept = KeptSecrets::default();
    let Protection::Seal(sealer) = config.protection(&state.keyring, &kept, now) else {
        return judged_by(&[]);
    };
    let Some(values) = Values::new(request, &sealer) else {
        return judged_by(&[]);
    };
    let mut others = Vec::new();
    for token in tokens {
        match values.open(token, BoundCookie::read, || ()) {
            Unsealed::Value(cookie) if cookie.proves(entry, now) => return DeviceJudgement::Bound,
            Unsealed::Value(cookie) => others.push(cookie),
            _ => (),
        }
    }
    judged_by(&others)
}
