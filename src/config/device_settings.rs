//! What a section says of the devices of its sessions, each setting by itself.

use session_crypto_core::{DeviceCookie, DeviceMode, DevicePath};

use super::written::Written;
use crate::ffi::Inherit;

/// The settings of a section.
#[derive(Clone, Copy, Default)]
pub(crate) struct DeviceSettings<'p> {
    pub(super) demand: Option<&'p Written<DeviceDemand>>,
    pub(super) path: Option<&'p Written<DevicePath>>,
    pub(super) cookie: Option<&'p Written<DeviceCookie>>,
    pub(super) lifetime: Option<&'p Written<u64>>,
    pub(super) initiators: Option<&'p Written<Vec<String>>>,
}

/// What a section demands of the devices of its sessions, and the settings that no other
/// line makes.
pub(crate) struct DeviceDemand {
    /// `None` if sessions are not bound.
    pub(super) mode: Option<DeviceMode>,
    pub(super) path: DevicePath,
    pub(super) initiators: Vec<String>,
}

impl Inherit for DeviceSettings<'_> {
    fn merge(base: &Self, add: &Self) -> Self {
        Self {
            demand: add.demand.or(base.demand),
            path: add.path.or(base.path),
            cookie: add.cookie.or(base.cookie),
            lifetime: add.lifetime.or(base.lifetime),
            initiators: add.initiators.or(base.initiators),
        }
    }
}
