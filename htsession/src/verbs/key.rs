//! A new set with one key, or a new passphrase.

use std::path::PathBuf;

use base64_simd::STANDARD;
use serde_json::json;
use session_crypto_core::{KeySet, OpenSslRandom, Random};
use zeroize::Zeroizing;

use crate::arguments::{KeyArguments, is_stream};
use crate::failure::{Failure, Kind, Outcome};
use crate::files::replaced;
use crate::secrets::sealing::{library, now};
use crate::shown::output;

/// Bytes of a passphrase before base64.
const PASSPHRASE: usize = 32;

/// Makes a key or a passphrase.
pub(super) fn run(arguments: &KeyArguments, json: bool) -> Outcome<()> {
    let file = arguments.output.as_ref().filter(|path| !is_stream(path));
    if arguments.passphrase {
        passphrase(file, json)
    } else {
        key(file, json)
    }
}

fn key(file: Option<&PathBuf>, json: bool) -> Outcome<()> {
    let set = KeySet::generate(now().seconds, &mut OpenSslRandom)
        .map_err(|error| Failure::new(Kind::Library, error.to_string()))?;
    let Some(file) = file else {
        return output::write(set.to_json().as_bytes());
    };
    let otherwise = "add a key to it with 'htsession rotate', or name another file";
    replaced::create(file, set.to_json().as_bytes(), otherwise)?;
    let kid = set.keys().next().map(|key| key.id().to_string());
    let (shown, kid) = (file.display(), kid.unwrap_or_default());
    if json {
        output::json(&json!({"file": shown.to_string(), "kid": kid}))
    } else {
        output::line(&format!("{shown}: the key {kid} seals from now on"))
    }
}

fn passphrase(file: Option<&PathBuf>, json: bool) -> Outcome<()> {
    let mut bytes = Zeroizing::new([0; PASSPHRASE]);
    OpenSslRandom
        .fill(bytes.as_mut_slice())
        .map_err(|error| library(&error))?;
    let passphrase = Zeroizing::new(STANDARD.encode_to_string(bytes.as_slice()));
    let Some(file) = file else {
        return if json {
            output::json(&json!({"passphrase": passphrase.as_str()}))
        } else {
            output::line(&passphrase)
        };
    };
    let line = Zeroizing::new(format!("{}\n", passphrase.as_str()));
    replaced::create(file, line.as_bytes(), "name another file")?;
    let shown = file.display();
    if json {
        output::json(&json!({"file": shown.to_string()}))
    } else {
        output::line(&format!(
            "{shown}: a passphrase of {PASSPHRASE} random bytes"
        ))
    }
}
