//! Running a program that prints a passphrase, as the module runs it.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

use crate::failure::without_number;

/// The most bytes that are read of a program's output.
const MAX_OUTPUT: usize = 64 * 1024;

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

/// Runs a program to its end, and returns the first line that it printed.
///
/// The program runs in its own directory with an empty environment. Programs that it
/// started in turn may hold its output open for longer; the first line does not wait for
/// them.
///
/// # Errors
///
/// The program cannot be run, fails, or prints no passphrase; the words go on after its
/// name.
pub(super) fn first_line(
    program: &Path,
    arguments: &[&OsStr],
) -> Result<Zeroizing<Vec<u8>>, String> {
    let words = |what: &str, error: &io::Error| format!("{what}: {}", without_number(error));
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(program.parent().unwrap_or(Path::new("/")))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| words("cannot be run", &error))?;
    let output = child.stdout.take().map_or_else(
        || Ok(Zeroizing::default()),
        |mut pipe| read_until_exit(&mut child, &mut pipe),
    );
    let status = child
        .wait()
        .map_err(|error| words("cannot be waited for", &error))?;
    let mut output = output.map_err(|error| words("cannot be read from", &error))?;
    if !status.success() {
        return Err(format!(
            "failed with {status}: it must print the passphrase and exit with status 0"
        ));
    }
    let line = output
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    if line.contains(&0) {
        return Err("printed a NUL byte, which no passphrase can have".to_owned());
    }
    let length = line.len();
    output.truncate(length);
    Ok(output)
}

/// Reads the output of a program until it exits or closes it. The closed pipe tells a
/// program that prints more than [`MAX_OUTPUT`].
fn read_until_exit(child: &mut Child, pipe: &mut ChildStdout) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT));
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        let has_exited = child.try_wait()?.is_some();
        // Once it has exited, all that it printed is in the pipe.
        let patience = if has_exited { AT_ONCE } else { PATIENCE };
        let mut ready = [PollFd::new(pipe, PollFlags::IN)];
        if poll(&mut ready, Some(&patience))? > 0 {
            let count = pipe.read(buffer.as_mut_slice())?;
            let room = MAX_OUTPUT.saturating_sub(output.len());
            output.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
            if count == 0 || count > room {
                return Ok(output);
            }
        } else if has_exited {
            return Ok(output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(script: &str) -> Result<Vec<u8>, String> {
        let arguments = ["-c", script].map(OsStr::new);
        first_line(Path::new("/bin/sh"), &arguments).map(|line| line.to_vec())
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
        for script in ["echo secret; exit 1", "kill -9 $$", "printf 'se\\0cret'"] {
            assert!(first(script).is_err(), "{script}");
        }
        assert!(first_line(Path::new("/nosuch/program"), &[]).is_err());
    }

    #[test]
    fn has_no_environment_and_runs_in_its_own_directory() {
        let directory = std::fs::canonicalize("/bin").unwrap();
        let expected = format!(".{}", directory.display());
        assert_eq!(first("echo $HOME.$(pwd -P)").unwrap(), expected.as_bytes());
    }
}
