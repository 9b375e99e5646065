//! The JWE master keys of the configuration: derived side by side before the
//! children fork, and kept for the next configuration.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use session_crypto_core::{Keyring, LibraryError, MasterJob};

use crate::advice::{self, cannot_seal};
use crate::ffi::{self, Level, MainServer, kept_keys};

/// Derives the keys that were not kept, keeps all, and logs how long it took.
///
/// # Errors
///
/// OpenSSL fails.
pub(crate) fn derive(keyring: &Keyring, server: MainServer<'_>) -> Result<(), String> {
    let jobs = keyring.master_jobs();
    let kept = kept_keys::read();
    let mut new = Vec::new();
    for job in &jobs {
        match kept.get(&job.name()) {
            Some(key) => job
                .restore(key)
                .map_err(|error| cannot_seal(&advice::library(&error)))?,
            None => new.push(job),
        }
    }
    let start = Instant::now();
    derive_all(&new).map_err(|error| cannot_seal(&advice::library(&error)))?;
    let keys: Vec<_> = jobs
        .iter()
        .filter_map(|job| Some((job.name(), job.key()?)))
        .collect();
    if keys.len() < jobs.len() {
        return Err(cannot_seal(&"a thread that derives keys has failed"));
    }
    kept_keys::replace(&mut keys.into_iter());
    if !new.is_empty() {
        let seconds = start.elapsed().as_secs_f64();
        let message = format!(
            "{} JWE keys derived from passphrases in {seconds:.1} s; graceful restarts keep them",
            new.len()
        );
        ffi::log_main(server, Level::Info, &message);
    }
    Ok(())
}

fn derive_all(jobs: &[&MasterJob]) -> Result<(), LibraryError> {
    let failure = Mutex::new(None);
    let derive = |job: &MasterJob| {
        if let Err(error) = job.derive() {
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    };
    let (side_by_side, alone): (Vec<&MasterJob>, Vec<&MasterJob>) =
        jobs.iter().copied().partition(|job| job.is_side_by_side());
    ffi::side_by_side(side_by_side.len(), &|number| {
        side_by_side.get(number).iter().for_each(|job| derive(job));
    });
    alone.iter().for_each(|job| derive(job));
    let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(()), Err)
}
