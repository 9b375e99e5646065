//! Finding the httpd to build against, for build.rs.
//!
//! Every failure here is met by somebody who wants to build a module, not to
//! read a build script, so each error is one line that ends in what to do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to install, in the words of the distributions that most people use.
const INSTALL_HTTPD: &str =
    "install apache2-dev (Debian, Ubuntu) or httpd-devel (Fedora, RHEL), or set APXS to its path";

/// An httpd installation, as its `apxs` describes it.
pub(crate) struct Httpd {
    /// Directories for `-I`: httpd's own headers, APR's and APR-util's.
    pub(crate) include_dirs: Vec<PathBuf>,
    /// Preprocessor flags that httpd was built with (`-D...` and the like).
    pub(crate) cppflags: Vec<String>,
}

impl Httpd {
    /// Asks `$APXS`, or the first of `apxs` and `apxs2` that answers.
    ///
    /// # Errors
    ///
    /// One line that says what is missing and which package has it.
    pub(crate) fn find() -> Result<Self, String> {
        let apxs = locate()?;
        let include_dirs = ["INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR"]
            .iter()
            .map(|name| query(&apxs, name).map(PathBuf::from))
            .collect::<Result<Vec<_>, _>>()?;
        let httpd = Self {
            include_dirs,
            cppflags: words(&query(&apxs, "EXTRA_CPPFLAGS")?)
                .chain(words(&query(&apxs, "NOTEST_CPPFLAGS")?))
                .collect(),
        };
        for header in ["httpd.h", "mod_session.h", "apr_pools.h", "apr_optional.h"] {
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
            "httpd's header {header} is missing: {INSTALL_HTTPD}"
        ))
    }
}

fn locate() -> Result<OsString, String> {
    if let Some(path) = std::env::var_os("APXS") {
        if answers(&path) {
            return Ok(path);
        }
        return Err(format!(
            "APXS={} does not run: {INSTALL_HTTPD}",
            Path::new(&path).display()
        ));
    }
    ["apxs", "apxs2"]
        .into_iter()
        .map(OsString::from)
        .find(answers)
        .ok_or_else(|| format!("httpd's apxs is missing: {INSTALL_HTTPD}"))
}

fn answers(apxs: &OsString) -> bool {
    Command::new(apxs)
        .args(["-q", "INCLUDEDIR"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn query(apxs: &OsString, name: &str) -> Result<String, String> {
    let output = Command::new(apxs)
        .args(["-q", name])
        .output()
        .map_err(|error| format!("apxs does not run ({error}): {INSTALL_HTTPD}"))?;
    if !output.status.success() {
        // apxs fails on a name that its httpd was not built with.
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn words(flags: &str) -> impl Iterator<Item = String> {
    flags
        .split_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}
