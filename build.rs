//! Finds httpd, translates its headers into Rust, and compiles the shim for its C macros.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions of httpd's API that `src/ffi` uses, and no others.
const FUNCTIONS: &[&str] = &[
    "ap_allow_standard_methods",
    "ap_auth_name",
    "ap_auth_type",
    "ap_close_listeners",
    "ap_custom_response",
    "ap_exists_config_define",
    "ap_expr_str_exec",
    "ap_find_linked_module",
    "ap_get_client_block",
    "ap_get_core_module_config",
    "ap_get_module_config",
    "ap_get_server_revision",
    "ap_getword_conf",
    "ap_hook_check_config",
    "ap_hook_child_init",
    "ap_hook_fixups",
    "ap_hook_handler",
    "ap_hook_header_parser",
    "ap_hook_insert_error_filter",
    "ap_hook_insert_filter",
    "ap_hook_log_transaction",
    "ap_hook_map_to_storage",
    "ap_hook_monitor",
    "ap_hook_post_config",
    "ap_hook_post_perdir_config",
    "ap_hook_pre_config",
    "ap_index_of_response",
    "ap_mpm_query",
    "ap_random_insecure_bytes",
    "ap_register_auth_provider",
    "ap_retained_data_create",
    "ap_retained_data_get",
    "ap_run_http_scheme",
    "ap_rwrite",
    "ap_run_drop_privileges",
    "ap_server_root_relative",
    "ap_set_content_length",
    "ap_set_content_type",
    "ap_set_module_config",
    "ap_setup_client_block",
    "ap_should_client_block",
    "ap_state_query",
    "apr_ctime",
    "apr_dso_sym",
    "apr_dynamic_fn_retrieve",
    "apr_hash_get",
    "apr_optional_hook_add",
    "apr_palloc",
    "apr_pool_cleanup_null",
    "apr_pool_cleanup_register",
    "apr_pool_userdata_get",
    "apr_pool_userdata_setn",
    "apr_proc_other_child_register",
    "apr_proc_other_child_unregister",
    "apr_table_addn",
    "apr_table_clear",
    "apr_table_elts",
    "apr_table_get",
    "apr_table_make",
    "apr_table_setn",
    "apr_table_unset",
    "apr_time_now",
    "apr_tokenize_to_argv",
    "session_crypto_log.*",
];
const TYPES: &[&str] = &[
    "ap_HOOK_session_decode_t",
    "ap_HOOK_session_encode_t",
    "ap_HOOK_session_save_t",
    "ap_HOOK_status_hook_t",
    "apr_OFN_ap_session_load_t",
    "apr_table_entry_t",
    "authz_provider",
    "command_rec",
    "core_dir_config",
    "core_server_config",
    "module",
    "session_dir_conf",
    "session_rec",
];
const VALUES: &[&str] = &[
    "AP_AUTH_INTERNAL_PER_CONF",
    "APR_OC_REASON_(DEATH|LOST)",
    "AP_MPMQ_(MPM_STATE|STOPPING)",
    "AP_SQ_MS_EXITING",
    "ACCESS_CONF",
    "AP_STATUS_(NOTABLE|SHORT)",
    "APLOG_(EMERG|ERR|WARNING|NOTICE|INFO|DEBUG)",
    "APR_EGENERAL",
    "APR_HOOK_(REALLY_FIRST|FIRST|MIDDLE|LAST|REALLY_LAST)",
    "AP_SQ_MAIN_STATE",
    "AP_SQ_MS_CREATE_PRE_CONFIG",
    "AP_SQ_RM_CONFIG_TEST",
    "AP_SQ_RUN_MODE",
    "DECLINED",
    "DONE",
    "ap_conftree",
    "MODULE_MAGIC_NUMBER_(MAJOR|MINOR)",
    "OK",
    "HTTP_(BAD_REQUEST|FORBIDDEN|METHOD_NOT_ALLOWED|NOT_FOUND|NO_CONTENT|NOT_IMPLEMENTED)",
    "HTTP_(INTERNAL_SERVER_ERROR|REQUEST_ENTITY_TOO_LARGE|SERVICE_UNAVAILABLE)",
    "HTTP_(OK|UNAUTHORIZED|UNSUPPORTED_MEDIA_TYPE)",
    "M_(GET|POST)",
    "OR_AUTHCFG",
    "REPLACE_ALLOW",
    "REQUEST_CHUNKED_DECHUNK",
    "RSRC_CONF",
    "SESSION_CRYPTO_MAGIC_COOKIE",
];

fn main() {
    for path in [
        "build.rs",
        "apxs/find",
        "src/ffi/bindings.h",
        "src/ffi/shim.c",
        "src/ffi/shim.h",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    for name in ["APXS", "PATH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if let Err(line) = build() {
        println!("cargo::error={line}");
    }
}

fn build() -> Result<(), String> {
    let httpd = Httpd::find()?;
    let out_dir = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or("cargo sets no OUT_DIR")?;
    translate_headers(&httpd, &out_dir.join("bindings.rs"))?;
    compile_shim(&httpd)
}

/// An httpd, as the build needs to know it.
struct Httpd {
    /// Directories for `-I`: httpd's own headers, APR's and APR-util's.
    include_dirs: Vec<PathBuf>,
    /// Preprocessor flags that httpd was built with (`-D...` and the like).
    cppflags: Vec<String>,
}

impl Httpd {
    /// Asks `apxs/find`, which is the one finder of httpd.
    ///
    /// # Errors
    ///
    /// One line that says what is missing and which package has it.
    fn find() -> Result<Self, String> {
        let output = Command::new("apxs/find")
            .args(["includedir", "apr_includedir", "apu_includedir", "cppflags"])
            .output()
            .map_err(|error| format!("apxs/find does not run: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let mut httpd = Self {
            include_dirs: Vec::new(),
            cppflags: Vec::new(),
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.split_once('=') {
                Some(("cppflags", flags)) => {
                    httpd.cppflags = flags.split_whitespace().map(str::to_owned).collect();
                }
                Some((_, dir)) => httpd.include_dirs.push(PathBuf::from(dir)),
                None => return Err(format!("apxs/find says: {line}")),
            }
        }
        for header in [
            "httpd.h",
            "mod_auth.h",
            "mod_session.h",
            "mod_status.h",
            "apr_pools.h",
            "apr_optional.h",
        ] {
            httpd.require(header)?;
        }
        Ok(httpd)
    }

    fn require(&self, header: &str) -> Result<(), String> {
        if self
            .include_dirs
            .iter()
            .any(|dir| dir.join(header).is_file())
        {
            return Ok(());
        }
        Err(format!(
            "httpd's header {header} is missing: install apache2-dev (Debian, Ubuntu) or \
             httpd-devel (Fedora, RHEL), or set APXS to the path of another apxs"
        ))
    }
}

fn translate_headers(httpd: &Httpd, output: &Path) -> Result<(), String> {
    let mut builder = bindgen::builder()
        .header("src/ffi/bindings.h")
        .clang_args(&httpd.cppflags)
        .clang_args(
            httpd
                .include_dirs
                .iter()
                .map(|dir| format!("-I{}", dir.display())),
        )
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .default_macro_constant_type(bindgen::MacroTypeVariation::Signed)
        // Translates macros of statuses, which are sums of other macros.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(output.parent().unwrap_or(Path::new(".")))
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .generate_comments(false)
        .layout_tests(false)
        .merge_extern_blocks(true)
        .rust_target(bindgen::RustTarget::stable(85, 0).map_err(|error| error.to_string())?)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .wrap_unsafe_ops(true);
    builder = FUNCTIONS
        .iter()
        .fold(builder, |builder, name| builder.allowlist_function(name));
    builder = TYPES
        .iter()
        .fold(builder, |builder, name| builder.allowlist_type(name));
    builder = VALUES
        .iter()
        .fold(builder, |builder, name| builder.allowlist_var(name));

    // Without libclang, bindgen panics with many lines; this prints one instead.
    panic::set_hook(Box::new(|_| ()));
    let generated = panic::catch_unwind(AssertUnwindSafe(|| builder.generate()));
    let _ = panic::take_hook();
    generated
        .map_err(|_| {
            "libclang is missing: install libclang-dev (Debian, Ubuntu) or clang-devel \
             (Fedora, RHEL), or set LIBCLANG_PATH to its directory"
                .to_owned()
        })?
        .map_err(|error| {
            let first = error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            format!("httpd's headers cannot be read: {first}")
        })?
        .write_to_file(output)
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))
}

fn compile_shim(httpd: &Httpd) -> Result<(), String> {
    let mut build = cc::Build::new();
    build
        .file("src/ffi/shim.c")
        .includes(&httpd.include_dirs)
        .warnings(true);
    for flag in &httpd.cppflags {
        build.flag(flag);
    }
    build
        .try_compile("session_crypto_shim")
        .map_err(|error| format!("the C compiler fails ({error}): install gcc or clang"))
}
