//! A supplier of ciphers, digests and private keys beside OpenSSL itself: an engine or
//! a provider.
//!
//! A provider is loaded into a library context of its own, so nothing changes for
//! other users of OpenSSL in this process. OpenSSL has only one list of engines, so an
//! engine is shared with them; it is asked by name, and never becomes a default.

use std::ffi::CStr;
use std::fmt;

use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtx;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;

use crate::error::explain;
#[cfg(openssl_engines)]
use crate::libcrypto::engine;
use crate::libcrypto::evp::{self, Scope};
use crate::libcrypto::store;

/// A loaded engine or provider.
pub(crate) enum Supplier {
    #[cfg(openssl_engines)]
    Engine(engine::Engine),
    Provider {
        /// Must be dropped before its `context`.
        _provider: Provider,
        context: LibCtx,
        /// The query that prefers this provider to others of the context
        /// (property(7)).
        properties: String,
    },
}

/// The two interfaces of OpenSSL to suppliers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SupplierKind {
    Engine,
    Provider,
}

impl fmt::Display for SupplierKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Engine => "engine",
            Self::Provider => "provider",
        })
    }
}

impl Supplier {
    /// Loads the engine or the provider of a name.
    ///
    /// # Errors
    ///
    /// OpenSSL has none of that name; the text is OpenSSL's reason.
    pub(crate) fn load(kind: SupplierKind, name: &str) -> Result<Self, String> {
        match kind {
            SupplierKind::Engine => load_engine(name),
            SupplierKind::Provider => load_provider(name).map_err(|stack| explain(&stack)),
        }
    }

    /// A name for the labels of digests: all engines share one, and each provider has
    /// its own.
    pub(crate) fn label(&self) -> &str {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => "engine",
            Self::Provider { properties, .. } => properties,
        }
    }

    /// Its own implementation of a cipher, or else another provider's.
    ///
    /// # Errors
    ///
    /// The host failed.
    pub(crate) fn cipher(&self, name: &str) -> Result<Option<openssl::cipher::Cipher>, ErrorStack> {
        let own = match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.cipher(name),
            Self::Provider { .. } => None,
        };
        own.map_or_else(
            || evp::fetch_cipher(self.scope(), name),
            |own| Ok(Some(own)),
        )
    }

    /// Its own implementation of a digest, or else another provider's.
    ///
    /// # Errors
    ///
    /// The host failed.
    pub(crate) fn digest(&self, name: &str) -> Result<Option<openssl::md::Md>, ErrorStack> {
        let own = match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.digest(name),
            Self::Provider { .. } => None,
        };
        own.map_or_else(
            || evp::fetch_digest(self.scope(), name),
            |own| Ok(Some(own)),
        )
    }

    /// Loads the private key that a URI names.
    pub(crate) fn private_key(
        &self,
        uri: &CStr,
        pin: Option<&CStr>,
    ) -> Result<PKey<Private>, ErrorStack> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.private_key(uri, pin),
            Self::Provider { context, .. } => {
                store::private_key(context, uri, pin.map(CStr::to_bytes))
            }
        }
    }

    /// Loads the certificate that a URI names.
    pub(crate) fn certificate(&self, uri: &CStr, pin: Option<&CStr>) -> Result<X509, ErrorStack> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.certificate(uri, pin),
            Self::Provider { context, .. } => {
                store::certificate(context, uri, pin.map(CStr::to_bytes))
            }
        }
    }

    /// Drops a private key with every reference that it holds.
    pub(crate) fn release(&self, key: PKey<Private>) {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => engine::Engine::release(key),
            Self::Provider { .. } => drop(key),
        }
    }

    /// Restarts an engine, which otherwise holds on to a hardware token that was
    /// removed. The caller has released every private key.
    pub(crate) fn restart(&self) -> Result<(), ErrorStack> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.restart(),
            Self::Provider { .. } => Ok(()),
        }
    }

    /// Notes that this process is a child of the process that loaded it.
    pub(crate) fn after_fork(&self) {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.after_fork(),
            Self::Provider { .. } => {}
        }
    }

    fn scope(&self) -> Scope<'_> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => Scope::default(),
            Self::Provider {
                context,
                properties,
                ..
            } => Scope {
                context: Some(context),
                properties: Some(properties),
            },
        }
    }
}

#[cfg(openssl_engines)]
fn load_engine(name: &str) -> Result<Supplier, String> {
    engine::Engine::start(name)
        .map(Supplier::Engine)
        .map_err(|stack| explain(&stack))
}

#[cfg(not(openssl_engines))]
fn load_engine(_name: &str) -> Result<Supplier, String> {
    Err("this OpenSSL has no engines".to_owned())
}

fn load_provider(name: &str) -> Result<Supplier, ErrorStack> {
    let context = LibCtx::new()?;
    store::load_configuration(&context);
    // The providers of openssl.cnf stay loaded, or the default provider if it names
    // none: they supply the algorithms that this provider lacks.
    let provider = Provider::try_load(Some(&context), name, true)?;
    Ok(Supplier::Provider {
        _provider: provider,
        context,
        properties: format!("?provider='{name}'"),
    })
}
