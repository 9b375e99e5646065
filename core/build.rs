//! Sets `cfg(openssl_engines)` when OpenSSL has engines, and the feature `engines` is on.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(openssl_engines)");
    // openssl-sys passes on the OPENSSL_NO_ macros of <openssl/configuration.h>, or of
    // opensslconf.h. OpenSSL 4 has no engines, and some distributions build OpenSSL 3
    // without them.
    let without = std::env::var("DEP_OPENSSL_CONF").unwrap_or_default();
    let has_engines = !without.split(',').any(|name| name == "OPENSSL_NO_ENGINE");
    if has_engines && std::env::var_os("CARGO_FEATURE_ENGINES").is_some() {
        println!("cargo::rustc-cfg=openssl_engines");
    }
}
