//! The engines and providers of a configuration, by their names in it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use thiserror::Error;

use crate::algorithm::defaults::Defaults;
use crate::algorithm::error::AlgorithmError;
use crate::engine::hardware::Hardware;
use crate::libcrypto::supplier::{Supplier, SupplierKind};
use crate::origin::Origin;
use crate::panics::locks;

/// A loaded engine or provider, with the default ciphers and digests that it has.
pub struct Engine {
    id: u64,
    kind: SupplierKind,
    name: String,
    pub(crate) supplier: Arc<Supplier>,
    pub(crate) hardware: Arc<Hardware>,
    pub(crate) defaults: Defaults,
}

/// The reason why an engine cannot be used.
#[derive(Clone, Debug, Error)]
pub enum EngineError {
    /// The name has other characters than letters, digits, `-` and `_`: OpenSSL
    /// looks for a file of that name.
    #[error("a name of letters, digits, - and _ is needed")]
    Name,
    /// OpenSSL has neither an engine nor a provider of that name.
    #[error("there is no {tried}")]
    Unknown {
        /// The kinds that were tried, each with OpenSSL's reason.
        tried: String,
    },
    /// It lacks the default cipher or digest.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    /// A `.htaccess` file names it, and the server configuration does not.
    #[error("only an engine or provider that the server configuration uses is allowed")]
    NotInUse,
}

/// The name of an engine or a provider, as the configuration spells it.
struct EngineName<'t> {
    /// The kinds to try, in this order.
    kinds: &'static [SupplierKind],
    name: &'t str,
}

impl<'t> EngineName<'t> {
    /// Reads `engine:NAME`, `provider:NAME` or `NAME`.
    fn new(text: &'t str) -> Result<Self, EngineError> {
        let (kinds, name): (&[SupplierKind], _) = if let Some(name) = text.strip_prefix("engine:") {
            (&[SupplierKind::Engine], name)
        } else if let Some(name) = text.strip_prefix("provider:") {
            (&[SupplierKind::Provider], name)
        } else {
            (&[SupplierKind::Engine, SupplierKind::Provider], text)
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let valid = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain);
        valid
            .then_some(Self { kinds, name })
            .ok_or(EngineError::Name)
    }
}

/// Characters of the longest name; no engine or provider has a longer one.
const MAX_NAME: usize = 64;

/// The engines and providers of a configuration, each under all names that the
/// configuration has for it.
///
/// Each is loaded once: two values for one engine of OpenSSL's would disturb each other.
#[derive(Default)]
pub(crate) struct Engines(Mutex<Vec<(String, Arc<Engine>)>>);

impl Engines {
    /// Finds the engine or the provider of a name, and loads it if need be.
    ///
    /// # Errors
    ///
    /// OpenSSL has none of that name, or a `.htaccess` file names one that is not
    /// loaded.
    pub(crate) fn find(&self, text: &str, origin: Origin) -> Result<Arc<Engine>, EngineError> {
        let name = EngineName::new(text)?;
        let mut known = self.lock();
        if let Some((_, engine)) = known.iter().find(|(known, _)| known == text) {
            return Ok(engine.clone());
        }
        if origin == Origin::Htaccess {
            return Err(EngineError::NotInUse);
        }
        let mut tried = Vec::new();
        for kind in name.kinds {
            let mut others = known.iter().map(|(_, engine)| engine);
            let other = others.find(|other| other.kind == *kind && other.name == name.name);
            let engine = match other {
                Some(engine) => engine.clone(),
                None => match Supplier::load(*kind, name.name) {
                    Ok(supplier) => {
                        let id = u64::try_from(known.len()).unwrap_or(u64::MAX);
                        let id = id.saturating_add(1);
                        Arc::new(Engine::new(id, *kind, name.name, supplier)?)
                    }
                    Err(reason) => {
                        tried.push(format!("{kind} '{}' ({reason})", name.name));
                        continue;
                    }
                },
            };
            known.push((text.to_owned(), engine.clone()));
            return Ok(engine);
        }
        Err(EngineError::Unknown {
            tried: tried.join(" and no "),
        })
    }

    /// The engine or the provider of each name that the configuration has.
    pub(crate) fn all(&self) -> Vec<Arc<Engine>> {
        let known = self.lock();
        known.iter().map(|(_, engine)| engine.clone()).collect()
    }

    /// Notes that this process is a child of the process that loaded the engines.
    pub(crate) fn after_fork(&self) {
        for (_, engine) in self.lock().iter() {
            engine.hardware.after_fork();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Arc<Engine>)>> {
        locks::lock(&self.0)
    }
}

impl Engine {
    fn new(
        id: u64,
        kind: SupplierKind,
        name: &str,
        supplier: Supplier,
    ) -> Result<Self, EngineError> {
        let supplier = Arc::new(supplier);
        Ok(Self {
            id,
            kind,
            name: name.to_owned(),
            defaults: Defaults::new(Some(&supplier))?,
            hardware: Arc::new(Hardware::new(&supplier)),
            supplier,
        })
    }

    /// A number that tells the engines of one keyring apart; never 0.
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Engine({})", self.name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::libcrypto::evp::{self, Scope};

    pub(crate) fn load(text: &str) -> Result<Arc<Engine>, EngineError> {
        Engines::default().find(text, Origin::Server)
    }

    #[test]
    fn refuses_names_that_could_be_a_path() {
        for text in [
            "",
            "../gost",
            "engine:",
            "engine:../../tmp/x",
            "provider:a/b",
            "a.so",
            "/tmp/x",
            "a b",
            "a\0b",
            "engine:provider:a",
            "caf\u{e9}",
        ] {
            assert!(matches!(load(text), Err(EngineError::Name)), "{text}");
        }
    }

    #[test]
    fn the_error_names_each_kind_that_was_tried() {
        let tried = |text| load(text).unwrap_err().to_string();
        let both = tried("none-such");
        assert!(both.contains("engine 'none-such' ("), "{both}");
        assert!(both.contains("provider 'none-such' ("), "{both}");
        assert!(!tried("provider:none-such").contains("engine 'none-such'"));
        assert!(!tried("engine:none-such").contains("provider 'none-such'"));
    }

    #[test]
    fn the_legacy_provider_stays_in_its_own_context() {
        let legacy = load("provider:legacy").unwrap();
        assert!(legacy.supplier.cipher("cast5-cbc").unwrap().is_some());
        assert!(
            legacy.supplier.cipher("aes-256-cbc").unwrap().is_some(),
            "the default provider's"
        );
        assert!(
            evp::fetch_cipher(Scope::default(), "cast5-cbc")
                .unwrap()
                .is_none()
        );
    }
}
