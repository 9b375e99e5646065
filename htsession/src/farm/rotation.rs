//! Whether a rotation ends or drops a key that is in use.

use std::path::Path;

use session_crypto_core::{KeySet, Rotation};
use session_crypto_status::{State, and};

use crate::failure::{Failure, Kind, Outcome};
use crate::farm::judgement::{Judged, Judgement, Verdict};
use crate::farm::key_file::KeyFile;
use crate::farm::servers::Servers;
use crate::farm::words::{self, argument};
use crate::shown::times::span;

/// Checks that a rotation of a file, from one set to another, loses no session on any
/// server.
///
/// # Errors
///
/// A server is silent or behind, or the rotation ends or drops a key that is in use.
pub(crate) fn check(
    file: &Path,
    (old, new): (&KeySet, &KeySet),
    rotation: Rotation,
    servers: &Servers,
) -> Outcome<()> {
    let name = file.display().to_string();
    let (old, new) = (KeyFile::of(&name, old), KeyFile::of(&name, new));
    let judgement = Judgement::of(vec![old.clone()], servers, rotation.now);
    let (kind, troubles) = words::troubles(&judgement, Some(0));
    if let Some(kind) = kind {
        let troubles = troubles.join("; ");
        return Err(Failure::new(
            kind,
            format!("{name} stays as it is: {troubles}"),
        ));
    }
    let own = judgement.keys.iter().filter(|key| key.key.file == Some(0));
    let refusals = own.filter_map(|key| refusal(key, &judgement, (&old, &new), rotation));
    let refusals: Vec<String> = refusals.collect();
    if refusals.is_empty() {
        return Ok(());
    }
    let refusals = refusals.join("; ");
    Err(Failure::new(
        Kind::NotReady,
        format!("{name} stays as it is: {refusals}"),
    ))
}

/// Why a key must stay as it is, if it must.
fn refusal(
    judged: &Judged,
    judgement: &Judgement<'_>,
    (old, new): (&KeyFile, &KeyFile),
    rotation: Rotation,
) -> Option<String> {
    let kid = judged.key.kid.as_deref()?;
    let Some(after) = new.key(kid) else {
        let opens = |state| matches!(state, Some(State::Seals | State::Opens | State::Begins));
        let servers = judged.key.servers_that(opens);
        let names = servers.iter().map(|server| judgement.name(*server));
        return (judged.verdict != Verdict::Ended).then(|| {
            let names = and(&names.collect::<Vec<_>>());
            format!(
                "the key {kid} would be dropped, and {names} still uses it by its clock: try \
                 again in a minute"
            )
        });
    };
    let end = after.exp.filter(|_| old.key(kid) != Some(after))?;
    let needed = match judged.verdict {
        Verdict::Ended | Verdict::Unused => 0,
        Verdict::InUse(wait) => rotation.now.saturating_add(wait),
        Verdict::Seals | Verdict::WillSeal(_) | Verdict::Unknown => {
            rotation.not_before.saturating_add(judgement.lifetime)
        }
    };
    (end < needed).then(|| {
        let keep = needed.saturating_sub(rotation.not_before);
        let (end, rest) = (
            end.saturating_sub(rotation.now),
            needed.saturating_sub(rotation.now),
        );
        format!(
            "the key {kid} would end in {}, and sessions under it may live for {}: write --keep {} \
             or more, or limit their lives with SessionCryptoMaxLifetime",
            span(end),
            span(rest),
            argument(keep)
        )
    })
}

#[cfg(test)]
mod tests {
    use session_crypto_core::OpenSslRandom;
    use session_crypto_status::Key;

    use super::*;
    use crate::farm::sample::{LIFETIME, NOON, dated, farm, key, opened, server, silent};

    const SET: &str = r#"{"keys":[
        {"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","kid":"ended","exp":1799999990},
        {"kty":"oct","k":"GawgguFyGrWKav7AX4VKUw","kid":"old"},
        {"kty":"oct","k":"GawgguFyGrWKav7AX4VKUQ","kid":"now","nbf":1799999000}]}"#;

    fn keys(old: Key, ended: State) -> Vec<Key> {
        vec![
            dated(key("ended", ended), None, Some(NOON - 10)),
            old,
            dated(key("now", State::Seals), Some(NOON - 1000), None),
        ]
    }

    /// The outcome of a rotation whose new key begins in 100 seconds.
    fn check(keep: u64, servers: &Servers) -> Result<(), (u8, String)> {
        let old = KeySet::parse(SET.as_bytes()).unwrap();
        let rotation = Rotation {
            now: NOON,
            not_before: NOON + 100,
            older_end: (NOON + 100).saturating_add(keep),
        };
        let new = old.rotated(rotation, &mut OpenSslRandom).unwrap();
        let outcome = super::check(Path::new("keys"), (&old, &new), rotation, servers);
        outcome.map_err(|failure| (failure.status(), failure.message().unwrap().to_owned()))
    }

    #[test]
    fn keys_end_only_when_their_sessions_have() {
        let www = |old| farm(vec![server("www1", keys(old, State::Ended))]);
        let servers = www(opened("old", LIFETIME + 1));
        assert_eq!(check(LIFETIME, &servers), Ok(()));
        let (status, words) = check(LIFETIME - 1, &servers).unwrap_err();
        assert_eq!(status, 7);
        assert_eq!(
            words,
            "keys stays as it is: the key now would end in 8 hours 1 minute, and sessions under \
             it may live for 8 hours 1 minute: write --keep 8h or more, or limit their lives \
             with SessionCryptoMaxLifetime"
        );
        let (_, words) = check(0, &www(opened("old", 100))).unwrap_err();
        assert!(
            words.contains("the key old would end in 1 minute"),
            "{words}"
        );
        assert!(words.contains("--keep 28601s or more"), "{words}");
        assert!(
            words.contains("the key now would end in 1 minute"),
            "{words}"
        );
    }

    #[test]
    fn a_key_that_a_server_still_opens_with_is_not_dropped() {
        let www = |name, ended| server(name, keys(key("old", State::Opens), ended));
        let mut servers = farm(vec![www("www1", State::Ended), www("www2", State::Opens)]);
        let (status, words) = check(LIFETIME, &servers).unwrap_err();
        assert_eq!(status, 7);
        assert_eq!(
            words,
            "keys stays as it is: the key ended would be dropped, and www2 still uses it by its \
             clock: try again in a minute"
        );
        servers.answered.pop();
        servers.silent.push(silent("www2"));
        let (status, words) = check(LIFETIME, &servers).unwrap_err();
        assert_eq!(status, 6);
        assert!(
            words.contains("https://www2/status does not answer"),
            "{words}"
        );
        servers.silent.clear();
        servers
            .answered
            .push(server("www2", vec![key("old", State::Seals)]));
        let (status, words) = check(LIFETIME, &servers).unwrap_err();
        assert_eq!(status, 7);
        assert!(
            words.contains("www2 is behind, it lacks the key now of keys: push keys to it"),
            "{words}"
        );
    }
}
