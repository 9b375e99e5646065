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

/// Splits a command at spaces, with quotes and backslashes (`apr_tokenize_to_argv`).
///
/// A quote counts at the front of a word alone. A backslash before a space, a tab or a
/// quote has it belong to the word, and goes away, as any other does.
pub(super) fn arguments(command: &[u8]) -> Vec<Vec<u8>> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut words = Vec::new();
    let mut bytes = command.iter().copied().peekable();
    loop {
        while bytes.next_if(is_space).is_some() {}
        if bytes.peek().is_none() {
            return words;
        }
        let quote = bytes.next_if(|byte| matches!(byte, b'"' | b'\''));
        let mut raw = Vec::new();
        while let Some(byte) = bytes.next() {
            let ends = match quote {
                Some(quote) => byte == quote,
                None => is_space(&byte),
            };
            if ends {
                break;
            }
            raw.push(byte);
            if byte == b'\\' {
                let escaped = |next: &u8| is_space(next) || matches!(next, b'"' | b'\'');
                raw.extend(bytes.next_if(escaped));
            }
        }
        words.push(without_backslashes(&raw));
    }
}

fn without_backslashes(word: &[u8]) -> Vec<u8> {
    let mut is_escaped = false;
    let mut plain = Vec::with_capacity(word.len());
    for byte in word {
        is_escaped = !is_escaped && *byte == b'\\';
        if !is_escaped {
            plain.push(*byte);
        }
    }
    plain
}

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

    #[test]
    fn splits_a_command() {
        for (command, expected) in [
            ("", &[][..]),
            ("  a  b\tc ", &["a", "b", "c"]),
            (r#"a "b c" 'd e'"#, &["a", "b c", "d e"]),
            (r#"a\ b c\"d e\\f"#, &["a b", "c\"d", "e\\f"]),
            (r#"a"b c"d"#, &["a\"b", "c\"d"]),
            (r#""a"b"#, &["a", "b"]),
            (r#""a\"b" "open"#, &["a\"b", "open"]),
        ] {
            let found = arguments(command.as_bytes());
            let expected: Vec<_> = expected
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect();
            assert_eq!(found, expected, "{command}");
        }
    }
}
