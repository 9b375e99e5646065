//! Running a program that prints a secret.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use zeroize::Zeroizing;

use crate::ffi::pipe;

/// The most bytes that are used of a program's output, as many as the longest JWK Set has.
const MAX_OUTPUT: usize = 64 * 1024;

/// The most bytes that are read: one more, so that a longer JWK Set is known as such.
const ROOM: usize = MAX_OUTPUT + 1;

/// Runs a program to its end, and returns the first line that it printed.
///
/// # Errors
///
/// The program cannot be run, fails, or prints no passphrase; the words go on
/// after its name.
pub(crate) fn first_line(
    program: &Path,
    arguments: &[&OsStr],
) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
    let mut output = output(program, arguments)?;
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

/// Runs a program to its end, and returns what it printed.
///
/// As in httpd's module, the program runs in its own directory with an empty
/// environment. Programs that it started in turn may hold its output open for
/// longer; what this returns does not wait for them.
///
/// # Errors
///
/// The program cannot be run, fails, or prints nothing; the words go on after its name.
pub(crate) fn output(
    program: &Path,
    arguments: &[&OsStr],
) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(program.parent().unwrap_or(Path::new("/")))
        .env_clear()
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

/// The reasons why a program gives no secret.
#[derive(Debug)]
pub(crate) enum ProgramError {
    NotRun(io::Error),
    NotWaitedFor(io::Error),
    Unreadable(io::Error),
    Failed(ExitStatus),
    PrintedNothing,
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
        if pipe::is_readable(pipe.as_fd(), if has_exited { 0 } else { PATIENCE })? {
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

/// The time between two looks whether a silent program has exited, in
/// milliseconds.
const PATIENCE: i32 = 20;
