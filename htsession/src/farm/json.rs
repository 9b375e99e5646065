//! The judgement of a farm, for programs.

use serde_json::{Value, json};
use session_crypto_status::State;

use crate::farm::judgement::{Judged, Judgement, Verdict};
use crate::farm::servers::{Server, Silent};
use crate::farm::words;

/// The judgement as JSON.
pub(crate) fn json(judgement: &Judgement<'_>) -> Value {
    let servers = judgement.servers;
    let answered = servers.answered.iter().enumerate();
    let answered = answered.map(|(position, server)| answered_json(judgement, position, server));
    let silent = servers.silent.iter().map(silent_json);
    let keys = judgement.keys.iter().map(|key| key_json(judgement, key));
    let has_answers = !servers.answered.is_empty();
    json!({
        "longest_lifetime": has_answers.then_some(judgement.lifetime),
        "servers": answered.chain(silent).collect::<Vec<_>>(),
        "keys": keys.collect::<Vec<_>>(),
    })
}

fn answered_json(judgement: &Judgement<'_>, position: usize, server: &Server) -> Value {
    let own = judgement
        .behind
        .iter()
        .filter(|behind| behind.server == position);
    let behind: Vec<_> = own.map(|behind| words::about(judgement, behind)).collect();
    json!({
        "server": server.name,
        "url": server.address,
        "host": server.report.host,
        "id": server.report.id,
        "now": server.report.now,
        "began": server.report.began,
        "answers": true,
        "troubles": behind,
    })
}

fn silent_json(server: &Silent) -> Value {
    json!({
        "server": server.name,
        "url": server.address,
        "host": null,
        "id": null,
        "now": null,
        "began": null,
        "answers": false,
        "troubles": [server.words],
    })
}

fn key_json(judgement: &Judgement<'_>, judged: &Judged) -> Value {
    let key = &judged.key;
    let file = key.file.and_then(|file| judgement.files.get(file));
    let dates = file.and_then(|file| file.key(key.kid.as_deref()?));
    let servers = judgement.servers.answered.iter().zip(&key.on);
    let on = servers.map(|(server, on)| {
        json!({
            "server": server.name,
            "state": on.state.filter(|state| *state != State::Gone),
            "last_sealed": on.last_sealed,
            "last_opened": on.last_opened,
        })
    });
    let (reason, wait) = match judged.verdict {
        Verdict::Ended => ("ended", Some(0)),
        Verdict::Unused => ("unused", Some(0)),
        Verdict::InUse(wait) => ("in_use", Some(wait)),
        Verdict::Seals => ("seals", None),
        Verdict::WillSeal(_) => ("will_seal", None),
        Verdict::Unknown => ("unknown", None),
    };
    json!({
        "kind": key.kind,
        "kid": key.kid,
        "place": key.place,
        "file": file.filter(|file| file.is_here).map(|file| &file.name),
        "nbf": dates.and_then(|dates| dates.nbf),
        "exp": dates.and_then(|dates| dates.exp),
        "on": on.collect::<Vec<_>>(),
        "last_opened": key.on.iter().filter_map(|on| on.last_opened).max(),
        "may_go": judged.may_go(),
        "reason": reason,
        "wait": wait,
        "is_held": judged.is_held,
        "next": words::next(judgement, judged),
    })
}
