//! What binding sessions to devices needs in a server.

use super::device_handler::DeviceHandlers;
use super::idle::IdleDevices;
use super::secrets::may_encrypt;
use super::tls;
use crate::clock;
use crate::config::{DEVICE, Device, DirConfig};
use crate::devices::HANDLER;
use crate::ffi::{Line, LineRef, Server};
use crate::message::{Code, Message};

const IN_CLEAR: Code = Code("SC0921");
const NO_TLS: Code = Code("SC0922");
const NO_HANDLER: Code = Code("SC0923");
const OTHER_SETTINGS: Code = Code("SC0924");
const OTHER_END: Code = Code("SC0933");

/// Checks a server in which requests may have sessions that are bound, and notes its
/// settings of devices and its handlers.
///
/// # Errors
///
/// No session could be bound in a section: it is in clear, the server has no TLS, or
/// browsers find no endpoints that know their sessions.
pub(super) fn server(
    server: &Server<'_, DirConfig<'_>>,
    idle: &mut IdleDevices,
    handlers: &mut DeviceHandlers,
) -> Result<(), Message> {
    handlers.note(server);
    let sections = server.sections.iter().filter_map(|section| section.config);
    let mut all = std::iter::once(server.outer).chain(sections);
    if !all.any(|config| config.is_about_devices()) {
        return Ok(());
    }
    let sections = (0..server.sections.len()).map(|index| server.chain(index));
    for chain in std::iter::once(Vec::new()).chain(sections) {
        let handler = server.handler(&chain).filter(|_| !chain.is_empty());
        let is_of_handler = handler.is_some_and(|handler| handlers.has(handler));
        idle.note(server, &chain, is_of_handler);
        let config = server.config_of(&chain);
        let Some((device, line)) = config.device().zip(config.device_line()) else {
            continue;
        };
        if server.has_sessions(&chain) {
            section(server, handlers, &chain, (device, line))?;
        }
    }
    Ok(())
}

fn section(
    server: &Server<'_, DirConfig<'_>>,
    handlers: &DeviceHandlers,
    chain: &[usize],
    (device, line): (Device<'_>, &Line),
) -> Result<(), Message> {
    if !may_encrypt(server, chain) {
        return Err(IN_CLEAR.says(format!(
            "{line}: {DEVICE} binds nothing, and sessions go out in clear: 'Session On' is in \
             force here, and no passphrase, certificate or key: write SessionCryptoKeyFile or \
             SessionCryptoPassphraseFile beside it"
        )));
    }
    if !tls::is_seen(server) {
        let defined = &server.defined;
        return Err(NO_TLS.says(format!(
            "{line}: {DEVICE} binds nothing without TLS, and no line switches it on {defined}: \
             write 'SSLEngine on' there, 'ServerName https://NAME' if TLS ends at a proxy before \
             this server, or 'Session Off' where it only redirects"
        )));
    }
    let path = &device.path.prefix;
    let locations = server.locations_of(device.path.refresh.as_str().as_bytes());
    let root = server.root_directories();
    let endpoints = [&root[..], &locations].concat();
    let is_ours = |handler: LineRef<'_>| handlers.has(handler);
    let registrations = server.locations_of(device.path.register.as_str().as_bytes());
    let answers = |locations: &[usize]| {
        let chain = [&root, locations].concat();
        server.handler(&chain).is_some_and(is_ours)
    };
    if !answers(&locations) || !answers(&registrations) {
        // Only a request tells whether it is in a section with a pattern.
        if server.handlers_anywhere().any(is_ours) {
            return Ok(());
        }
        return Err(NO_HANDLER.says(format!(
            "{line}: {DEVICE}: nothing answers browsers that register their device: write \
             'SetHandler {}' in a section <Location \"{path}\"> of this server",
            HANDLER.to_string_lossy()
        )));
    }
    // A request may be for a file below the document root, or not.
    let below_root = match server.is_in_directory(chain) {
        true => chain.to_vec(),
        false => [&root[..], chain].concat(),
    };
    let places = [(chain, &locations[..]), (&below_root, &endpoints)];
    let mut alike = places.into_iter();
    let alike = alike.find(|(chain, endpoints)| are_alike(server, chain, endpoints));
    let Some((chain, endpoints)) = alike else {
        return Err(OTHER_SETTINGS.says(format!(
            "{line}: {DEVICE}: the endpoints below {path} have other keys, or other settings of \
             devices, and would refuse the sessions of this section: write these lines outside of \
             both, or move the endpoints into this section with SessionCryptoDevicePath"
        )));
    };
    let (config, there) = (server.config_of(chain), server.config_of(endpoints));
    if there.ends_sooner_than(&config, clock::now()) {
        return Err(OTHER_END.says(format!(
            "{line}: {DEVICE}: sessions end sooner at the endpoints below {path}, and this \
             section refuses bound ones from then on: write its SessionCryptoMaxLifetime and \
             SessionCryptoNotBefore there as well"
        )));
    }
    Ok(())
}

/// Whether the endpoints in a chain of sections know the sessions of another one.
fn are_alike(server: &Server<'_, DirConfig<'_>>, chain: &[usize], endpoints: &[usize]) -> bool {
    let (config, there) = (server.config_of(chain), server.config_of(endpoints));
    let Some((device, other)) = config.device().zip(there.device()) else {
        return false;
    };
    // Keys may come from a section that the endpoints are not in.
    device.binds_like(&other) && (!config.has_secrets() || there.seals_like(&config))
}
