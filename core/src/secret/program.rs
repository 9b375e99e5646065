//! Running a program that prints a secret.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes that are used of a program's output, as many as the longest JWK Set has.
const MAX_OUTPUT: usize = 64 * 1024;

/// The most bytes that are read: one more, so that a longer JWK Set is known as such.
const ROOM: usize = MAX_OUTPUT + 1;

/// A program that prints a secret.
///
/// As in httpd's module, it runs in its own directory, with an empty environment but for
/// `variables`.
#[derive(Debug)]
pub struct Program<'p> {
    /// The absolute path.
    pub path: &'p Path,
    /// The words after the program's name.
    pub arguments: &'p [&'p OsStr],
    /// The names of variables of this process that the program gets, if they are set.
    pub variables: &'p [OsString],
}

impl Program<'_> {
    /// Runs the program to its end, and returns the first line that it printed.
    ///
    /// # Errors
    ///
    /// The program cannot be run, fails, or prints no passphrase.
    pub fn first_line(&self) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
        let mut output = self.output()?;
        let line = output
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .next()
            .unwrap_or_default();
        if line.contains(&0) {
            return Err(ProgramError::PrintedNul);
        }
        let length = line.len();
        output.truncate(length);
        Ok(output)
    }

    /// Runs the program to its end, and returns what it printed.
    ///
    /// Programs that it started in turn may hold its output open for longer; what this
    /// returns does not wait for them.
    ///
    /// # Errors
    ///
    /// The program cannot be run, fails, or prints nothing.
    pub fn output(&self) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
        let passed = self.variables.iter();
        let mut child = Command::new(self.path)
            .args(self.arguments)
            .current_dir(self.path.parent().unwrap_or(Path::new("/")))
            .env_clear()
            .envs(passed.filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(ProgramError::NotRun)?;
        let output = child.stdout.take().map_or_else(
            || Ok(Zeroizing::default()),
            |mut pipe| read_until_exit(&mut child, &mut pipe),
        );
        // The wait comes before any error of reading, so that no program is left
        // behind.
        let status = child.wait().map_err(ProgramError::NotWaitedFor)?;
        let output = output.map_err(ProgramError::Unreadable)?;
        if !status.success() {
            return Err(ProgramError::Failed(status));
        }
        if output.is_empty() {
            return Err(ProgramError::PrintedNothing);
        }
        Ok(output)
    }
}

/// The reason why a program gives no secret; the words go on after its name.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The system refuses to run it.
    #[error("cannot be run: {0}")]
    NotRun(io::Error),
    /// The system does not tell how it ended.
    #[error("cannot be waited for: {0}")]
    NotWaitedFor(io::Error),
    /// Its output cannot be read.
    #[error("cannot be read from: {0}")]
    Unreadable(io::Error),
    /// It ended with another status than 0.
    #[error("failed with {0}")]
    Failed(ExitStatus),
    /// It ended without a byte of output.
    #[error("printed nothing")]
    PrintedNothing,
    /// Its first line has a NUL.
    #[error("printed a NUL byte, which no passphrase has")]
    PrintedNul,
}

/// Reads the output of a program until it exits or closes it. The closed pipe
/// tells a program that prints more than [`ROOM`].
fn read_until_exit(child: &mut Child, pipe: &mut ChildStdout) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(Vec::with_capacity(ROOM));
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        let has_exited = child.try_wait()?.is_some();
        // Once it has exited, all that it printed is in the pipe.
        if is_readable(pipe, if has_exited { &AT_ONCE } else { &PATIENCE })? {
            let count = pipe.read(buffer.as_mut_slice())?;
            let room = ROOM.saturating_sub(output.len());
            output.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
            if count == 0 || count > room {
                return Ok(output);
            }
        } else if has_exited {
            return Ok(output);
        }
    }
}

/// Waits until there are bytes to read, or the output is closed; `false` if neither comes in
/// time.
fn is_readable(pipe: &ChildStdout, time: &Timespec) -> io::Result<bool> {
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(time)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The time between two looks whether a silent program has exited.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// No time.
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn first(script: &str) -> Result<Vec<u8>, ProgramError> {
        first_with(&[], script)
    }

    fn first_with(variables: &[OsString], script: &str) -> Result<Vec<u8>, ProgramError> {
        let shell = Program {
            path: Path::new("/bin/sh"),
            arguments: &["-c", script].map(OsStr::new),
            variables,
        };
        shell.first_line().map(|line| line.to_vec())
    }

    #[test]
    fn takes_the_first_line() {
        for script in [
            "echo secret",
            "printf secret",
            "printf 'secret\\r\\nmore\\n'",
            "echo secret; echo more",
            "echo secret; sleep 60 & exit 0",
        ] {
            assert_eq!(first(script).unwrap(), b"secret", "{script}");
        }
    }

    #[test]
    fn refuses_a_program_that_fails() {
        for (script, words) in [
            ("echo secret; exit 1", "failed with exit status: 1"),
            ("kill -9 $$", "failed with signal: 9 (SIGKILL)"),
            ("printf 'se\\0cret'", "printed a NUL byte"),
            ("true", "printed nothing"),
        ] {
            let error = first(script).unwrap_err().to_string();
            assert!(error.starts_with(words), "{script}: {error}");
        }
        let missing = Program {
            path: Path::new("/nosuch/program"),
            arguments: &[],
            variables: &[],
        };
        let error = missing.first_line().unwrap_err();
        assert!(matches!(error, ProgramError::NotRun(_)), "{error}");
    }

    #[test]
    fn reads_one_byte_more_than_the_longest_secret() {
        for (printed, expected) in [(ROOM - 1, ROOM - 1), (ROOM, ROOM)] {
            let script = format!("head -c {printed} /dev/zero");
            let shell = Program {
                path: Path::new("/bin/sh"),
                arguments: &["-c", &script].map(OsStr::new),
                variables: &[],
            };
            assert_eq!(shell.output().unwrap().len(), expected);
        }
    }

    #[test]
    fn has_no_environment_and_runs_in_its_own_directory() {
        let directory = std::fs::canonicalize("/bin").unwrap();
        let expected = format!(".{}", directory.display());
        assert_eq!(first("echo $HOME.$(pwd -P)").unwrap(), expected.as_bytes());
    }

    #[test]
    fn passes_the_variables_that_are_set() {
        let expected = format!("{}..", env::var("CARGO_PKG_NAME").unwrap());
        let names = ["CARGO_PKG_NAME", "SESSION_CRYPTO_NOT_SET"].map(OsString::from);
        let script = "echo $CARGO_PKG_NAME.$SESSION_CRYPTO_NOT_SET.$CARGO_MANIFEST_DIR";
        assert_eq!(first_with(&names, script).unwrap(), expected.as_bytes());
    }
}
