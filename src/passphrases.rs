//! Where passphrases come from: a word of the configuration, the first line
//! that a program prints, or a file of such words.

use std::ffi::{CStr, OsStr};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;

use session_crypto_core::{
    EmptyPassphrase, Keyring, Origin, Passphrase, PassphraseFile, Payer, Weakness,
};
use zeroize::Zeroizing;

use crate::ffi::{Parms, arguments, path, pipe, server_root_relative, with_words};

/// What makes a word the name of a program.
const EXEC: &[u8] = b"exec:";

/// As much of a program's output as is read, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;

/// Passphrases, and what to warn of.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) passphrases: Vec<Arc<Passphrase>>,
    pub(crate) cautions: Vec<Arc<Caution>>,
}

/// A warning, which does not show the passphrase.
pub(crate) struct Caution {
    /// The line, and what is wrong there.
    pub(crate) message: String,
    /// It is about sessions: a PIN or what opens a private key may be short.
    pub(crate) is_of_sessions: bool,
}

/// Makes passphrases of the words of a line.
pub(crate) fn from_words(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
) -> Result<Found, String> {
    let mut found = Found::default();
    for word in words {
        let passphrase = from_word(parms, keyring, word)?;
        found.add(passphrase, || {
            format!("{}: SessionCryptoPassphrase", parms.place())
        });
    }
    Ok(found)
}

/// Makes a passphrase of a word, running a program if the word says so, and
/// looks for its weakness.
fn from_word(
    parms: &Parms<'_>,
    keyring: &Keyring,
    word: &CStr,
) -> Result<(Arc<Passphrase>, Option<Weakness>), String> {
    let Some(command) = word.to_bytes_with_nul().strip_prefix(EXEC) else {
        let passphrase = keyring
            .passphrase(word.to_bytes(), origin(parms))
            .map_err(|_| {
                "empty passphrase, which would protect nothing: \
             write one, or take the empty quotes out"
                    .to_owned()
            })?;
        // A request is not the time to warn of it.
        let weakness = (!parms.in_htaccess()).then(|| Weakness::of(word.to_bytes()));
        return Ok((passphrase, weakness.flatten()));
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
) -> Result<Found, String> {
    let pool = parms.temporary();
    let file = server_root_relative(pool, name)
        .ok_or_else(|| format!("{} is not the name of a file", name.to_string_lossy()))?;
    let shown = path(file).display();
    let place = format!("{}: SessionCryptoPassphraseFile: {shown}", parms.place());
    let file = PassphraseFile::read(path(file)).map_err(|error| format!("{shown} {error}"))?;
    let at_line = |number, message: String| format!("{shown} line {number}: {message}");
    let lines = file
        .lines()
        .map_err(|(number, error)| at_line(number, error.to_string()))?;
    let mut found = Found::default();
    if let Some(exposure) = file.exposure() {
        found.cautions.push(Arc::new(Caution {
            message: format!("{place} {exposure}"),
            is_of_sessions: false,
        }));
    }
    for line in lines {
        let place = format!("{place} line {}", line.number);
        let read = |word: &&CStr| {
            let passphrase = from_word(parms, keyring, word)?;
            found.add(passphrase, || place.clone());
            Ok(())
        };
        with_words(pool, line.text(), |words| {
            words
                .iter()
                .take_while(|word| !word.to_bytes().starts_with(b"#"))
                .try_for_each(read)
        })
        .map_err(|message| at_line(line.number, message))?;
    }
    if found.passphrases.is_empty() {
        return Err(format!(
            "{shown} has no passphrase in it, and sessions would go out in clear: \
             write one on a line of its own, without a # before it"
        ));
    }
    Ok(found)
}

impl Found {
    /// Adds a passphrase, and warns of its weakness.
    fn add(
        &mut self,
        (passphrase, weakness): (Arc<Passphrase>, Option<Weakness>),
        place: impl FnOnce() -> String,
    ) {
        self.passphrases.push(passphrase);
        let Some(weakness) = weakness else {
            return;
        };
        let place = place();
        let message = format!(
            "{place}: a passphrase {weakness}, and who has a session's cookie can guess it: write \
             one that 'openssl rand -base64 32' prints"
        );
        // A line may have a thousand of them.
        if self.cautions.last().map(|last| &last.message) != Some(&message) {
            self.cautions.push(Arc::new(Caution {
                message,
                is_of_sessions: true,
            }));
        }
    }
}

/// Takes the first line that a program prints.
///
/// As in httpd's module, the program's path is relative to ServerRoot, and it
/// runs in its own directory with an empty environment.
fn from_program(
    parms: &Parms<'_>,
    keyring: &Keyring,
    command: &CStr,
) -> Result<(Arc<Passphrase>, Option<Weakness>), String> {
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
    let passphrase = keyring
        .passphrase(&line, Origin::Server)
        .map_err(|EmptyPassphrase| {
            explain("printed an empty passphrase: the first line must be the passphrase".to_owned())
        })?;
    Ok((passphrase, Weakness::of(&line)))
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

/// The payer for keys of the passphrases on this line.
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
