//! Finds out what the OpenSSL at hand has.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(openssl_engines)");
    // What openssl-sys found in <openssl/configuration.h>, or opensslconf.h:
    // OpenSSL 4 has no engines, and before it some distributions leave them out.
    let without = std::env::var("DEP_OPENSSL_CONF").unwrap_or_default();
    if !without.split(',').any(|name| name == "OPENSSL_NO_ENGINE") {
        println!("cargo::rustc-cfg=openssl_engines");
    }
}
