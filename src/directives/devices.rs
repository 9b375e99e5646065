//! Devices of sessions.

use std::ffi::CStr;
use std::ops::RangeInclusive;

use session_crypto_core::times::LifetimeError;
use session_crypto_core::{DeviceCookie, DeviceMode, DevicePath, is_initiator, times};

use crate::advice;
use crate::config::DirConfig;
use crate::ffi::{self, Parms};
use crate::message::Message;
use crate::session_crypto::SessionCrypto;
use crate::state::State;

/// Seconds after which a section refuses sessions that are not bound, where none are
/// written. A browser registers at once after the login, and refreshes with the next request.
const GRACE: u64 = 60;

/// Seconds that may be written for that. A shorter time ends logins over slow lines, and in
/// a longer one a stolen session works.
const GRACES: RangeInclusive<u64> = 10..=3600;

/// Seconds that a bound cookie may live. Browsers sign six times in nine minutes for a site,
/// and refresh two minutes before the end of the cookie. A copied pair of cookies works
/// until then.
const LIFETIMES: RangeInclusive<u64> = 300..=3600;

/// Most hosts whose pages make browsers refresh: a browser gets all of them.
const MAX_INITIATORS: usize = 32;

pub(super) fn device<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let (word, grace) = (words.next().unwrap_or_default(), words.next());
    let mode = match word.to_ascii_lowercase().as_str() {
        "off" => None,
        "offer" => Some(DeviceMode::Offer),
        "enforce" => Some(DeviceMode::Enforce),
        "required" => Some(DeviceMode::Required {
            grace: match &grace {
                Some(text) => read_grace(text)?,
                None => GRACE,
            },
        }),
        _ => return Err(advice::device_mode(&word)),
    };
    if let (Some(grace), None | Some(DeviceMode::Offer | DeviceMode::Enforce)) = (grace, mode) {
        return Err(advice::idle_grace(&word, &grace));
    }
    let path = DevicePath::new(DevicePath::DEFAULT)
        .ok_or_else(|| advice::device_path(DevicePath::DEFAULT))?;
    config.set_device(parms, mode, path);
    state.with_devices(ffi::with_devices::<SessionCrypto>);
    Ok(())
}

fn read_grace(text: &str) -> Result<u64, Message> {
    let seconds = read_seconds(text)?;
    if GRACES.contains(&seconds) {
        Ok(seconds)
    } else {
        Err(advice::grace(text))
    }
}

pub(super) fn path<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let path = DevicePath::new(&text).ok_or_else(|| advice::device_path(&text))?;
        config.set_device_path(parms, path);
    }
    Ok(())
}

pub(super) fn cookie<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let (name, attributes) = (words.next().unwrap_or_default(), words.next());
    let attributes = attributes.unwrap_or(DeviceCookie::DEFAULT_ATTRIBUTES.into());
    let cookie = DeviceCookie::new(&name, &attributes);
    let cookie = cookie.map_err(|flaw| advice::device_cookie(&name, flaw))?;
    config.set_device_cookie(parms, cookie);
    Ok(())
}

pub(super) fn lifetime<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let seconds = read_seconds(&text)?;
        if seconds < *LIFETIMES.start() {
            return Err(advice::short_device_lifetime(&text));
        }
        if seconds > *LIFETIMES.end() {
            return Err(advice::long_device_lifetime(&text));
        }
        config.set_device_lifetime(parms, seconds);
    }
    Ok(())
}

/// Reads a time that the caller limits.
fn read_seconds(text: &str) -> Result<u64, Message> {
    match times::lifetime(text) {
        Err(LifetimeError::TooShort) => Ok(0),
        Err(LifetimeError::TooLong) => Ok(u64::MAX),
        Err(error @ LifetimeError::Malformed) => Err(advice::lifetime(text, error)),
        Ok(seconds) => Ok(seconds),
    }
}

pub(super) fn initiators<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if words.len() > MAX_INITIATORS {
        return Err(advice::too_many("hosts", MAX_INITIATORS));
    }
    let hosts = words.iter().map(|word| {
        let word = word.to_string_lossy();
        if is_initiator(&word) {
            Ok(word.into_owned())
        } else {
            Err(advice::initiator(&word))
        }
    });
    config.set_device_initiators(parms, hosts.collect::<Result<_, _>>()?);
    Ok(())
}
