//! What supplies ciphers, digests and private keys beside OpenSSL itself: an
//! engine or a provider.
//!
//! A provider is loaded into a library context of its own, so that other users of
//! OpenSSL in this process find nothing changed. OpenSSL has only one list of
//! engines; an engine is asked by us, and never made anybody's default.

use std::ffi::CStr;
use std::fmt;

use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtx;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;

use crate::error::explain;
use crate::libcrypto::evp::{self, From};
#[cfg(openssl_engines)]
use crate::libcrypto::{engine, store};

/// An engine or a provider that OpenSSL has loaded.
pub(crate) enum Supplier {
    #[cfg(openssl_engines)]
    Engine(engine::Engine),
    Provider {
        /// Goes before its context does.
        _provider: Provider,
        context: LibCtx,
        /// That prefer this provider to others of the context.
        properties: String,
    },
}

/// The two ways in which OpenSSL takes in algorithms and keys of others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Engine,
    Provider,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Engine => "engine",
            Self::Provider => "provider",
        })
    }
}

impl Supplier {
    /// Loads it.
    ///
    /// # Errors
    ///
    /// OpenSSL has none of that name; its reason.
    pub(crate) fn load(kind: Kind, name: &str) -> Result<Self, String> {
        match kind {
            Kind::Engine => load_engine(name),
            Kind::Provider => load_provider(name).map_err(|stack| explain(&stack)),
        }
    }

    /// Which one it is, as far as can be told.
    pub(crate) fn label(&self) -> &str {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => "engine",
            Self::Provider { properties, .. } => properties,
        }
    }

    /// Its own implementation of a cipher, or else another's.
    pub(crate) fn cipher(&self, name: &str) -> Option<openssl::cipher::Cipher> {
        let own = match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.cipher(name),
            Self::Provider { .. } => None,
        };
        own.or_else(|| evp::fetch_cipher(self.from(), name))
    }

    /// Its own implementation of a digest, or else another's.
    pub(crate) fn digest(&self, name: &str) -> Option<openssl::md::Md> {
        let own = match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.digest(name),
            Self::Provider { .. } => None,
        };
        own.or_else(|| evp::fetch_digest(self.from(), name))
    }

    /// The private key behind a URI.
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

    /// The certificate behind a URI.
    pub(crate) fn certificate(&self, uri: &CStr, pin: Option<&CStr>) -> Result<X509, ErrorStack> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.certificate(uri, pin),
            Self::Provider { context, .. } => {
                store::certificate(context, uri, pin.map(CStr::to_bytes))
            }
        }
    }

    /// Drops a private key so that nothing of it is left.
    pub(crate) fn release(&self, key: PKey<Private>) {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => engine::Engine::release(key),
            Self::Provider { .. } => drop(key),
        }
    }

    /// Starts again what holds on to a token that has gone; every private key
    /// has been released.
    pub(crate) fn restart(&self) -> Result<(), ErrorStack> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.restart(),
            Self::Provider { .. } => Ok(()),
        }
    }

    /// Notes that this process is another than the one that loaded it.
    pub(crate) fn after_fork(&self) {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(engine) => engine.after_fork(),
            Self::Provider { .. } => {}
        }
    }

    fn from(&self) -> From<'_> {
        match self {
            #[cfg(openssl_engines)]
            Self::Engine(_) => From::default(),
            Self::Provider {
                context,
                properties,
                ..
            } => From {
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
    // Those of openssl.cnf stay, or else the default provider: what this one
    // lacks comes from there.
    let provider = Provider::try_load(Some(&context), name, true)?;
    Ok(Supplier::Provider {
        _provider: provider,
        context,
        properties: format!("?provider='{name}'"),
    })
}
