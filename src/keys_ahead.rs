//! The keys under the passphrases of the configuration: derived side by side before the
//! children fork, and kept for the next configuration.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use session_crypto_core::{KeyJob, Keyring, LibraryError, locks};

use crate::emergency::{cannot_seal, no_thread};
use crate::ffi::{self, Level, MainServer, kept_keys};
use crate::message::{Code, Message};

/// Keys under master keys were derived.
const DERIVED: Code = Code("SC0531");

/// The same, which took long.
const DERIVED_LONG: Code = Code("SC0532");

/// Keys of the classic format were derived.
const CLASSIC: Code = Code("SC0533");

/// A start that takes longer is worth a word of advice, which `LogLevel warn` does not
/// hide.
const LONG: Duration = Duration::from_secs(1);

/// Derives the keys that were not kept, keeps all, and logs how long it took.
///
/// # Errors
///
/// OpenSSL fails.
pub(crate) fn derive(keyring: &Keyring, server: MainServer<'_>, now: u64) -> Result<(), Message> {
    let jobs = keyring.jobs(now, ffi::processors());
    let kept = kept_keys::read();
    let mut new = Vec::new();
    for job in &jobs.open {
        match kept.get(&job.name()) {
            Some(key) => job.restore(key),
            None => new.push(job),
        }
    }
    let start = Instant::now();
    derive_all(&new).map_err(|error| cannot_seal(&error))?;
    let elapsed = start.elapsed();
    let keys = jobs.open.iter();
    let keys: Vec<_> = keys
        .filter_map(|job| Some((job.name(), job.key()?)))
        .collect();
    if keys.len() < jobs.open.len() {
        return Err(no_thread());
    }
    kept_keys::replace(&mut keys.into_iter());
    // The first key id of a passphrase is noted last, and stays.
    for job in jobs.open.iter().rev() {
        let noted = keyring.note_key_id(job);
        noted.map_err(|error| cannot_seal(&error))?;
    }
    log(server, &new, jobs.waiting, elapsed);
    Ok(())
}

fn derive_all(jobs: &[&KeyJob]) -> Result<(), LibraryError> {
    let failure = Mutex::new(None);
    let derive = |job: &KeyJob| {
        if let Err(error) = job.derive() {
            *locks::lock(&failure) = Some(error);
        }
    };
    let (side_by_side, alone): (Vec<&KeyJob>, Vec<&KeyJob>) =
        jobs.iter().copied().partition(|job| job.is_side_by_side());
    ffi::side_by_side(side_by_side.len(), &|number| {
        side_by_side.get(number).iter().for_each(|job| derive(job));
    });
    alone.iter().for_each(|job| derive(job));
    let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(()), Err)
}

fn log(server: MainServer<'_>, new: &[&KeyJob], waiting: usize, elapsed: Duration) {
    let masters = new.iter().filter(|job| job.is_master()).count();
    let classic = new.len().saturating_sub(masters);
    let seconds = elapsed.as_secs_f64();
    if classic > 0 || waiting > 0 {
        let message = CLASSIC.says(format!(
            "{classic} classic keys derived for this hour, and {waiting} wait for their first \
             request"
        ));
        ffi::log_main(server, Level::Debug, &message);
    }
    if masters == 0 {
        return;
    }
    let derived = format!("{masters} JWE keys derived from passphrases in {seconds:.1} s");
    if elapsed > LONG {
        let message = DERIVED_LONG.says(format!(
            "{derived}, and nobody was served meanwhile; graceful restarts keep them: restart \
             gracefully where you can, or let hosts that trust each other share a passphrase"
        ));
        ffi::log_main(server, Level::Notice, &message);
    } else {
        let message = DERIVED.says(format!("{derived}; graceful restarts keep them"));
        ffi::log_main(server, Level::Info, &message);
    }
}
