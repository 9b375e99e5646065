//! How the sessions of a section are bound to devices.

use session_crypto_core::{DeviceCookie, DeviceMode, DevicePath, Fingerprint};

use super::device_settings::DeviceDemand;
use super::dir_config::DirConfig;
use super::written::Written;
use crate::ffi::{Line, Parms};

/// The binding of sessions to devices in a section.
#[derive(Clone, Copy)]
pub(crate) struct Device<'p> {
    /// The sessions that are let in.
    pub(crate) mode: DeviceMode,
    /// The endpoints.
    pub(crate) path: &'p DevicePath,
    /// The cookies.
    pub(crate) cookie: &'p DeviceCookie,
    /// The seconds that a bound cookie of a refresh lives in the browser.
    pub(crate) lifetime: u64,
    /// The hosts whose pages make the browser refresh beside those of the site; `*` for all.
    pub(crate) initiators: &'p [String],
}

/// The lifetime of bound cookies where none is written, in seconds. A browser that is in use
/// signs every eight minutes then, and may do so six times in nine.
const LIFETIME: u64 = 600;

/// The directives, as messages name them.
pub(crate) const DEVICE: &str = "SessionCryptoDevice";
const PATH: &str = "SessionCryptoDevicePath";
const COOKIE: &str = "SessionCryptoDeviceCookie";
const DEVICE_LIFETIME: &str = "SessionCryptoDeviceLifetime";
const INITIATORS: &str = "SessionCryptoDeviceInitiators";

impl<'p> DirConfig<'p> {
    /// The binding in force; `None` if sessions are not bound.
    ///
    /// Each request asks, and most sections do not bind.
    #[inline]
    pub(crate) fn device(&self) -> Option<Device<'p>> {
        if self.binds() {
            self.device_of_binding()
        } else {
            None
        }
    }

    #[inline(never)]
    fn device_of_binding(&self) -> Option<Device<'p>> {
        let demand = &self.device.demand?.value;
        demand.mode.map(|mode| self.device_with(demand, mode))
    }

    /// The binding that `SessionCryptoDevice off` has ended; `None` if no such line is in
    /// force. All sessions are let in, as by `offer`.
    pub(crate) fn ended_device(&self) -> Option<Device<'p>> {
        let demand = &self.device.demand?.value;
        let is_off = demand.mode.is_none();
        is_off.then(|| self.device_with(demand, DeviceMode::Offer))
    }

    #[inline]
    fn device_with(&self, demand: &'p DeviceDemand, mode: DeviceMode) -> Device<'p> {
        let path = self.device.path.map_or(&demand.path, |path| &path.value);
        let cookie = self.device.cookie.map(|cookie| &cookie.value);
        let lifetime = self.device.lifetime.map(|lifetime| lifetime.value);
        let initiators = self.device.initiators.map(|hosts| &hosts.value);
        Device {
            mode,
            path,
            cookie: cookie.unwrap_or(&path.cookie),
            lifetime: lifetime.unwrap_or(LIFETIME),
            initiators: initiators.unwrap_or(&demand.initiators),
        }
    }

    /// Whether sessions are bound.
    #[inline]
    pub(super) fn binds(&self) -> bool {
        let demand = self.device.demand;
        demand.is_some_and(|demand| demand.value.mode.is_some())
    }

    /// Whether a line is about devices.
    pub(crate) fn is_about_devices(&self) -> bool {
        self.has_device_line() || self.only_for_devices().next().is_some()
    }

    /// Whether a line says that sessions are bound, or that they are not.
    #[inline]
    pub(crate) fn has_device_line(&self) -> bool {
        self.device.demand.is_some()
    }

    /// The line that binds sessions.
    pub(crate) fn device_line(&self) -> Option<&'p Line> {
        let demand = self.device.demand?;
        demand.value.mode.map(|_| &demand.line)
    }

    /// The settings in force that have no effect unless sessions are bound: the address of
    /// each, its directive, and its line.
    pub(crate) fn only_for_devices(&self) -> impl Iterator<Item = (usize, &'static str, &'p Line)> {
        let device = self.device;
        [
            device.path.map(addressed),
            device.cookie.map(addressed),
            device.lifetime.map(addressed),
            device.initiators.map(addressed),
        ]
        .into_iter()
        .flatten()
    }

    /// Sets what this section demands; `None` binds no session. `path` is that of sections
    /// without a line about it.
    pub(crate) fn set_device(
        &mut self,
        parms: &Parms<'p>,
        mode: Option<DeviceMode>,
        path: DevicePath,
    ) {
        let demand = DeviceDemand {
            mode,
            path,
            initiators: vec!["*".to_owned()],
        };
        self.device.demand = Some(written(parms, DEVICE, demand));
    }

    /// Sets the path of this section's endpoints.
    pub(crate) fn set_device_path(&mut self, parms: &Parms<'p>, path: DevicePath) {
        self.device.path = Some(written(parms, PATH, path));
    }

    /// Sets this section's bound cookie.
    pub(crate) fn set_device_cookie(&mut self, parms: &Parms<'p>, cookie: DeviceCookie) {
        self.device.cookie = Some(written(parms, COOKIE, cookie));
    }

    /// Sets the lifetime of this section's bound cookies, in seconds.
    pub(crate) fn set_device_lifetime(&mut self, parms: &Parms<'p>, seconds: u64) {
        self.device.lifetime = Some(written(parms, DEVICE_LIFETIME, seconds));
    }

    /// Sets the hosts whose pages make browsers refresh.
    pub(crate) fn set_device_initiators(&mut self, parms: &Parms<'p>, hosts: Vec<String>) {
        self.device.initiators = Some(written(parms, INITIATORS, hosts));
    }
}

impl Device<'_> {
    /// Whether browsers get the same of both bindings, whatever sessions are let in.
    pub(crate) fn binds_like(&self, other: &Self) -> bool {
        self.path.prefix == other.path.prefix
            && self.cookie == other.cookie
            && self.lifetime == other.lifetime
            && self.initiators == other.initiators
    }
}

fn addressed<T>(written: &Written<T>) -> (usize, &'static str, &Line) {
    let (directive, line) = written.directive_and_line();
    (std::ptr::from_ref(written).addr(), directive, line)
}

/// A value that a line sets. It makes no realm.
fn written<'p, T: Send + Sync + 'static>(
    parms: &Parms<'p>,
    directive: &'static str,
    value: T,
) -> &'p Written<T> {
    parms.pool().store(Written {
        value,
        fingerprint: Fingerprint::default(),
        directive,
        line: parms.line(),
    })
}
