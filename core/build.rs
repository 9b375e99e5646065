//! Sets `cfg(openssl_engines)` when OpenSSL has engines.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(openssl_engines)");
    // openssl-sys passes on the OPENSSL_NO_ macros of <openssl/configuration.h>, or of
    // opensslconf.h. OpenSSL 4 has no engines, and some distributions build OpenSSL 3
    // without them.
    let without = std::env::var("DEP_OPENSSL_CONF").unwrap_or_default();
    if !without.split(',').any(|name| name == "OPENSSL_NO_ENGINE") {
        println!("cargo::rustc-cfg=openssl_engines");
    }
}
