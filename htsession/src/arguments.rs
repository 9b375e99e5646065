//! The command line. Help, completions and manual pages follow from it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::failure::{Failure, Kind};

/// Makes and changes the keys of mod_session_crypto, and reads and writes its sessions
///
/// A session that is sealed (encrypted and authenticated) is a token: the value of the
/// cookie, or of the row in the database. In place of a file, '-' is standard input.
#[derive(Debug, Parser)]
#[command(name = "htsession", version, after_long_help = STATUSES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Print JSON, errors and warnings too
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const STATUSES: &str = "\
Exit statuses:
  0  all went well
  1  a token does not open, is no token, or its key is not there
  2  the command line is wrong
  3  keys, passphrases, a certificate or an algorithm cannot be used
  4  a file or a stream cannot be read or written
  5  OpenSSL fails
  6  a server does not answer with a report
  7  a server is behind, or a key is in use";

/// A verb of the command.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a set with one random key, or a random passphrase
    ///
    /// The key begins at once and has no end. The file has mode 0600, and a file that is
    /// there already stays as it is.
    #[command(override_usage = "htsession key [--passphrase] [-o FILE] [--json]")]
    Key(KeyArguments),
    /// Add a key that begins later, and give the older ones an end
    ///
    /// Keys that have ended are dropped. The file is replaced at once, keeps its owner and
    /// its mode, and is never half written. One host rotates, and all others receive its
    /// file before the new key begins. With --status, nothing changes if a server is silent or
    /// behind, or if the rotation ended or dropped a key that is in use.
    Rotate(RotateArguments),
    /// Show what each key does now, and when that changes
    ///
    /// With --status, show what each server of a farm does with each key, whether the key
    /// may go, and which servers are behind.
    Keys(KeysArguments),
    /// Show what a token says without a key
    Inspect(InspectArguments),
    /// Decrypt a token, and show its session
    ///
    /// The session is printed only after the token has been verified.
    Open(OpenArguments),
    /// Encrypt a session from standard input
    ///
    /// The session is as mod_session writes it: name=value pairs, joined by '&'.
    Seal(SealArguments),
    /// Seal the tokens of a database again, under the key that seals now
    ///
    /// Standard input has lines of an id, a tab and a token. Standard output has the same
    /// lines with the new tokens. An id that is on a line of standard error has a token
    /// that does not open, and no line on standard output.
    Rekey(RekeyArguments),
    /// Write manual pages and completions for shells into a directory
    #[command(hide = true)]
    Generate {
        /// The directory
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// Write to a new FILE in place of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Make a passphrase in place of a key
    #[arg(long)]
    pub(crate) passphrase: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArguments {
    /// The JWK Set
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How long from now the new key begins: every server must have the file by then
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub(crate) lead: u64,
    /// How long the older keys still open sessions, counted from then
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration)]
    pub(crate) keep: u64,
    /// Do nothing if the newest key was made less than this time ago
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) if_older: Option<u64>,
    #[command(flatten)]
    pub(crate) farm: StatusArguments,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArguments {
    /// JWK Sets
    #[arg(value_name = "FILE", required_unless_present = "status")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) farm: StatusArguments,
}

/// The servers of a farm, and how they are asked.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// The page 'session-crypto-status' of each server that has these keys
    #[arg(long, value_name = "URL", num_args = 1..)]
    pub(crate) status: Vec<String>,
    /// Trust the certificates of this file, in PEM, and no others
    #[arg(long, value_name = "FILE", requires = "status")]
    pub(crate) ca: Option<PathBuf>,
    /// Log in with the user and the password of this file, a line user:password
    #[arg(long, value_name = "FILE", requires = "status")]
    pub(crate) user_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// Say which key of this JWK Set the token is under
    #[arg(short = 'k', long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The token; without it, standard input has it
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<OsString>,
}

/// The secrets to seal and to open with, and the settings beside them.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("secrets").required(true).multiple(true)
    .args(["key_file", "passphrase_file", "certificate"]))]
pub(crate) struct SealingArguments {
    /// A JWK Set, as in SessionCryptoKeyFile
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Passphrases, as in SessionCryptoPassphraseFile
    #[arg(short, long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A variable that exec: programs of that file get, as in SessionCryptoPassEnv; may be given
    /// several times
    #[arg(long, value_name = "NAME", requires = "passphrase_file")]
    pub(crate) pass_env: Vec<OsString>,
    /// A certificate, as in SessionCryptoCertificateFile; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub(crate) certificate: Vec<PathBuf>,
    /// The private key of a certificate; may be given several times
    #[arg(short = 'K', long, value_name = "FILE", requires = "certificate")]
    pub(crate) certificate_key: Vec<PathBuf>,
    /// Ciphers, as in SessionCryptoCipher; the first one seals
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) cipher: Vec<String>,
    /// The digest, as in SessionCryptoDigest
    #[arg(long, value_name = "NAME")]
    pub(crate) digest: Option<String>,
    /// The purpose, as in SessionCryptoPurpose
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
    /// Show passwords (entries whose name ends in '-pw') too
    #[arg(long)]
    pub(crate) show_passwords: bool,
    /// Print the session as mod_session wrote it, and no more
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    /// The token; without it, standard input has it
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
    /// The session is on standard input, and nowhere else
    #[arg(value_name = "-", value_parser = only_stdin)]
    pub(crate) session: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RekeyArguments {
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
    /// Leave out tokens that are under the key and the cipher that seal now
    #[arg(long)]
    pub(crate) only_stale: bool,
    /// Print the old token as well, after the new one and a tab
    #[arg(long)]
    pub(crate) with_old: bool,
    /// The lines are on standard input, and nowhere else
    #[arg(value_name = "-", value_parser = only_stdin)]
    pub(crate) lines: Option<String>,
}

impl SealingArguments {
    /// The files that these arguments name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let single = self.key_file.iter().chain(&self.passphrase_file);
        let lists = self.certificate.iter().chain(&self.certificate_key);
        single.chain(lists).map(PathBuf::as_path)
    }
}

/// The failure of a command line that cannot be read, in the first paragraph of clap's
/// words.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let words = error.to_string();
    let lines = words.lines().take_while(|line| !line.is_empty());
    let first = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let first = first.strip_prefix("error: ").unwrap_or(&first);
    Failure::new(Kind::Usage, first)
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads the `-` that stands for standard input.
fn only_stdin(text: &str) -> Result<String, &'static str> {
    match text {
        "-" => Ok(text.to_owned()),
        _ => Err("it is read from standard input: take it off the command line"),
    }
}

/// Reads a time like `90d`, as directives take it; `0` is no time.
fn duration(text: &str) -> Result<u64, String> {
    if matches!(text, "0" | "0s" | "0min" | "0h" | "0d") {
        return Ok(0);
    }
    session_crypto_core::times::lifetime(text)
        .map_err(|error| format!("{error}: write it as 90s, 30min, 1h or 30d"))
}
