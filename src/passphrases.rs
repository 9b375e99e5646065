//! Where passphrases come from: a word of the configuration, the first line
//! that a program prints, or a file of such words.

use std::ffi::{CStr, OsStr};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;

use session_crypto_core::{EmptyPassphrase, Keyring, Origin, Passphrase, Payer};
use zeroize::Zeroizing;

use crate::ffi::{ConfigFile, Parms, arguments, path, pipe, server_root_relative};

/// What makes a word the name of a program.
const EXEC: &[u8] = b"exec:";

/// As much of a program's output as is read, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;

/// Makes a passphrase of a word, running a program if the word says so.
pub(crate) fn from_word(
    parms: &Parms<'_>,
    keyring: &Keyring,
    word: &CStr,
) -> Result<Arc<Passphrase>, String> {
    let Some(command) = word.to_bytes_with_nul().strip_prefix(EXEC) else {
        return keyring
            .passphrase(word.to_bytes(), origin(parms))
            .map_err(|_| {
                "empty passphrase, which would protect nothing: \
             write one, or take the empty quotes out"
                    .to_owned()
            });
    };
    if parms.in_htaccess() {
        return Err(
            "exec: is not allowed in .htaccess, which would let whoever writes it \
                    run programs as the server: write the passphrase itself, or set it in \
                    the server configuration"
                .to_owned(),
        );
    }
    let command = CStr::from_bytes_with_nul(command).unwrap_or_default();
    from_program(parms, keyring, command)
}

/// Reads every passphrase of a file; there is one at least.
///
/// Words and quotes are those of httpd's configuration; a word that begins
/// with `#` ends its line, as in httpd's module.
pub(crate) fn from_file(
    parms: &Parms<'_>,
    keyring: &Keyring,
    name: &CStr,
) -> Result<Vec<Arc<Passphrase>>, String> {
    let pool = parms.temporary();
    let file = server_root_relative(pool, name)
        .ok_or_else(|| format!("{} is not the name of a file", name.to_string_lossy()))?;
    let shown = path(file).display();
    let mut lines = ConfigFile::open(pool, file).map_err(|reason| {
        format!(
            "{shown} cannot be read ({reason}): write the name of a file \
             that holds the passphrases"
        )
    })?;
    let mut passphrases = Vec::new();
    while let Some(line) = lines
        .line()
        .map_err(|(number, reason)| format!("{shown} line {number}: {reason}"))?
    {
        let found = lines.with_words(&line, |words| {
            let words = words
                .iter()
                .take_while(|word| !word.to_bytes().starts_with(b"#"));
            words
                .map(|word| from_word(parms, keyring, word))
                .collect::<Result<Vec<_>, _>>()
        });
        let found = found.map_err(|message| format!("{shown} line {}: {message}", line.number))?;
        passphrases.extend(found);
    }
    if passphrases.is_empty() {
        return Err(format!(
            "{shown} has no passphrase in it, and sessions would go out in clear: \
             write one on a line of its own, without a # before it"
        ));
    }
    Ok(passphrases)
}

/// Takes the first line that a program prints.
///
/// As in httpd's module, the program's path is relative to ServerRoot, and it
/// runs in its own directory with an empty environment.
fn from_program(
    parms: &Parms<'_>,
    keyring: &Keyring,
    command: &CStr,
) -> Result<Arc<Passphrase>, String> {
    let pool = parms.temporary();
    let words = arguments(pool, command);
    let (program, rest) = words
        .split_first()
        .filter(|(program, _)| !program.is_empty())
        .ok_or("exec: names no program: write exec:/path/to/program")?;
    let name = std::ffi::CString::new(program.as_encoded_bytes()).unwrap_or_default();
    let program = server_root_relative(pool, &name)
        .ok_or_else(|| format!("exec:{} is not a path", name.to_string_lossy()))?;
    let explain = |reason| format!("exec:{} {reason}", path(program).display());
    let line = first_line(path(program), rest).map_err(explain)?;
    keyring
        .passphrase(&line, Origin::Server)
        .map_err(|EmptyPassphrase| {
            explain("printed an empty passphrase: the first line must be the passphrase".to_owned())
        })
}

/// Runs a program to its end, and returns the first line that it printed.
///
/// What it started and left behind may hold its output open for longer; that
/// is not waited for.
fn first_line(program: &Path, arguments: &[&OsStr]) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(program.parent().unwrap_or(Path::new("/")))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!("cannot be run ({error}): write the path of a program that may be run")
        })?;
    let output = child.stdout.take().map_or_else(
        || Ok(Zeroizing::default()),
        |mut pipe| read_until_exit(&mut child, &mut pipe),
    );
    // Waiting comes first: a program that was started is not left behind.
    let status = child
        .wait()
        .map_err(|error| format!("cannot be waited for ({error})"))?;
    let mut output = output.map_err(|error| format!("cannot be read from ({error})"))?;
    if !status.success() {
        return Err(format!(
            "failed with {}: it must print the passphrase and exit with status 0",
            outcome(status)
        ));
    }
    if output.is_empty() {
        return Err("printed nothing: it must print the passphrase".to_owned());
    }
    let line = output
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    if line.contains(&0) {
        return Err("printed a NUL byte, which no passphrase has".to_owned());
    }
    let length = line.len();
    output.truncate(length);
    Ok(output)
}

/// Reads what a program prints until it exits or closes its output; of more
/// than [`MAX_OUTPUT`], the program is told by a closed pipe.
fn read_until_exit(child: &mut Child, pipe: &mut ChildStdout) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT));
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        let has_exited = child.try_wait()?.is_some();
        // Once it has exited, what it printed is there without waiting.
        if pipe::is_readable(pipe.as_fd(), if has_exited { 0 } else { PATIENCE })? {
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

/// How often to look whether a silent program has exited, in milliseconds.
const PATIENCE: i32 = 20;

/// How long what this line names is to be kept.
pub(crate) fn origin(parms: &Parms<'_>) -> Origin {
    if parms.in_htaccess() {
        Origin::Htaccess
    } else {
        Origin::Server
    }
}

/// Who pays for keys of what this line names.
pub(crate) fn payer(parms: &Parms<'_>) -> Payer {
    if parms.in_htaccess() {
        Payer::Author(parms.owner().unwrap_or(NOBODY_KNOWN))
    } else {
        Payer::Server
    }
}

/// The user of a file that cannot be looked at.
const NOBODY_KNOWN: u32 = u32::MAX;

fn outcome(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    }
}
