//! The programs that words of the configuration name, and what they get of httpd's
//! environment.

use std::env;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, MutexGuard};

use session_crypto_core::locks;
use session_crypto_core::program::Program;

use crate::advice;
use crate::ffi::{Line, Parms, arguments, path, server_root_relative};
use crate::message::Message;

/// The prefix of a word that names a program.
pub(crate) const EXEC: &[u8] = b"exec:";

/// The programs of a configuration.
#[derive(Default)]
pub(crate) struct Programs {
    read: Mutex<Read>,
}

/// The lines of the configuration that were read until now.
#[derive(Default)]
struct Read {
    /// The variables of httpd's environment that programs get, in the order of the lines.
    passed: Vec<OsString>,
    /// The first line that names variables.
    names_variables: Option<Line>,
    /// The first line that names a program.
    names_program: Option<Line>,
}

impl Programs {
    /// Hands programs more variables of httpd's environment. Their values are read when a
    /// program runs.
    ///
    /// # Errors
    ///
    /// A word is no name, no variable has it, or a program has run already.
    pub(crate) fn pass(&self, parms: &Parms<'_>, names: &[&CStr]) -> Result<(), Message> {
        let mut read = self.lock();
        if let Some(line) = &read.names_program {
            return Err(advice::variable_after_program(line));
        }
        for name in names {
            let name = OsStr::from_bytes(name.to_bytes());
            if name.is_empty() || name.as_bytes().contains(&b'=') {
                return Err(advice::no_variable_name(name));
            }
            if env::var_os(name).is_none() {
                return Err(advice::no_variable(name));
            }
            read.passed.push(name.to_owned());
        }
        read.names_variables.get_or_insert_with(|| parms.line());
        Ok(())
    }

    /// Checks that there is a program, if a line names variables for it.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn check(&self) -> Result<(), Message> {
        let read = self.lock();
        match (&read.names_variables, &read.names_program) {
            (Some(line), None) => Err(advice::idle_variables(line)),
            _ => Ok(()),
        }
    }

    /// Hands the program of a command to `work`, whose error goes on after the name of the
    /// program.
    ///
    /// As in httpd's module, the program's path is relative to ServerRoot.
    ///
    /// # Errors
    ///
    /// The command names no program, or `work` fails.
    pub(crate) fn with_program<T>(
        &self,
        parms: &Parms<'_>,
        command: &CStr,
        work: impl FnOnce(&Program<'_>) -> Result<T, Message>,
    ) -> Result<T, Message> {
        let pool = parms.temporary();
        let words = arguments(pool, command);
        let (name, arguments) = words
            .split_first()
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(advice::no_program)?;
        let name = CString::new(name.as_encoded_bytes()).unwrap_or_default();
        let path = server_root_relative(pool, &name)
            .map(path)
            .ok_or_else(|| advice::no_program_path(&name.to_string_lossy()))?;
        let passed = {
            let mut read = self.lock();
            read.names_program.get_or_insert_with(|| parms.line());
            read.passed.clone()
        };
        let program = Program {
            path,
            arguments,
            variables: &passed,
        };
        work(&program).map_err(|error| error.after(format_args!("exec:{}", path.display())))
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        locks::lock(&self.read)
    }
}
