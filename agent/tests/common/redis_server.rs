//! A Redis or Valkey of the system, in a process and a directory of the test.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use redis::{Client, Connection, FromRedisValue};

use super::wait_until;

/// A server, which ends with this value.
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Option<Child>,
}

/// A certificate for `localhost` that signs itself, with its key.
pub(crate) const CERTIFICATE: &str = "localhost.pem";

impl RedisServer {
    /// Starts a server on a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(free_port(), arguments)
    }

    pub(crate) fn start_on(port: u16, arguments: &[&str]) -> Self {
        let mut server = Self {
            port,
            directory: directory(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            process: None,
        };
        server.start_again();
        server
    }

    /// Starts a server that speaks TLS alone, with a certificate from [`certificate`].
    pub(crate) fn start_tls(arguments: &[&str]) -> (Self, PathBuf) {
        let directory = directory();
        let certificate = certificate(&directory);
        let mut server = Self {
            port: free_port(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            directory,
            process: None,
        };
        let path = certificate.to_str().unwrap().to_owned();
        for (option, value) in [
            ("--tls-port", server.port.to_string()),
            ("--tls-cert-file", path.clone()),
            ("--tls-key-file", path),
            ("--tls-auth-clients", "no".to_owned()),
        ] {
            server.arguments.extend([option.to_owned(), value]);
        }
        server.start_again();
        (server, certificate)
    }

    /// Starts the server on its port, after it was killed.
    pub(crate) fn start_again(&mut self) {
        let is_tls = self.arguments.iter().any(|word| word == "--tls-port");
        let port = if is_tls { 0 } else { self.port };
        let mut command = program();
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--dir"])
            .arg(&self.directory)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().expect("redis-server: run tools/deps test"));
        let port = self.port;
        wait_until("redis listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops the process where it is, as a machine that hangs.
    pub(crate) fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let process = self.process.as_ref().unwrap().id().try_into().unwrap();
        // SAFETY: the process is a child of this one that was not waited for (kill(2)).
        assert_eq!(unsafe { libc::kill(process, signal) }, 0);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connection(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// The answer to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query(&mut self.connection()).unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.thaw();
        }
        self.kill();
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

/// A port that nothing listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A command that runs the server. Debian's `redis-tools` has the program under another
/// name, by which it knows that it is to check a file.
fn program() -> Command {
    let path = std::env::var_os("PATH").unwrap();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    for (name, other) in [
        ("redis-server", "redis-check-rdb"),
        ("valkey-server", "valkey-check-rdb"),
    ] {
        let paths = [name, other].into_iter();
        let mut paths = paths.flat_map(|program| folders.iter().map(move |f| f.join(program)));
        if let Some(path) = paths.find(|path| path.is_file()) {
            let mut command = Command::new(path);
            command.arg0(name);
            end_with_this_process(&mut command);
            return command;
        }
    }
    panic!("neither Redis nor Valkey is installed: run tools/deps test");
}

fn end_with_this_process(command: &mut Command) {
    let end = || {
        // SAFETY: the call only sets a number of the process (prctl(2)).
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        Ok(())
    };
    // SAFETY: the closure makes one call of the system, which may be made between fork
    // and exec.
    unsafe { command.pre_exec(end) };
}

fn directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("session-crypto-agent-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir(&directory).unwrap();
    directory
}

/// Makes a certificate for `localhost`, and its key, in a file.
fn certificate(directory: &Path) -> PathBuf {
    use openssl::asn1::Asn1Time;
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
    use openssl::x509::{X509, X509Name};

    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "a store").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let (start, end) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(1));
    builder.set_not_before(&start.unwrap()).unwrap();
    builder.set_not_after(&end.unwrap()).unwrap();
    let authority = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(authority).unwrap();
    let context = builder.x509v3_context(None, None);
    let alternative = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&context);
    builder.append_extension(alternative.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let mut pem = builder.build().to_pem().unwrap();
    pem.extend(key.private_key_to_pem_pkcs8().unwrap());
    let path = directory.join(CERTIFICATE);
    fs::write(&path, pem).unwrap();
    path
}
