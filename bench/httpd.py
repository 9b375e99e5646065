"""Finds an httpd, configures it, and runs it for the time of a `with`.

A `Setup` describes a server. The kinds differ only in the session_crypto module
that they load, and in the directives in `Setup.crypto`, which the servers without
such a module leave out.
"""

import os
import pwd
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from key_sets import write_key_set

FIND = str(Path(__file__).resolve().parent.parent / "apxs/find")

# PADDED is in clear too, in a cookie as long as that of another server.
CLEAR, PADDED, OURS, C = "clear", "clear, padded", "ours", "C"

# A hundred keys of JWE take six seconds of two idle processors.
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0

# Tokens of 3,000-byte sessions pass through both the Cookie line and Set-Cookie.
FIELD_SIZE = 32768

# The modules that a session needs, and no others: the cheaper the rest of a
# request is, the larger is the share of the session in it.
MODULES = ("unixd", "authz_core", "session", "session_cookie", "asis")

# The key file in the ServerRoot of each server, with a key of its own.
KEY_FILE = "session-keys"

# A page there that ends the session.
OUT = "out"

# A user that a session made there names, if other sessions have a user too.
OTHER_USER = "other"

SESSION_BASICS = """\
Session On
SessionHeader X-S
SessionCookieName session path=/
"""

# One child, because the spread of connections over two changes the throughput of
# the same server by a fifth from run to run. More threads than connections, because
# a child whose threads all work closes idle connections.
MPM_EVENT = """\
StartServers 1
ServerLimit 1
ThreadsPerChild 32
ThreadLimit 32
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
"""

MPM_PREFORK = """\
StartServers 32
ServerLimit 32
MaxRequestWorkers 32
MinSpareServers 1
MaxSpareServers 32
"""

MPM_DEFAULTS = {"event": MPM_EVENT, "worker": MPM_EVENT, "prefork": MPM_PREFORK}


class Ended(Enum):
    """Where a list of ended sessions comes from."""

    NONE = "there is none"
    FILE = "a file"
    STORE = "a Redis"


class HarnessError(Exception):
    """The measurement cannot go on; the text says why."""


@dataclass(frozen=True)
class Httpd:
    """An installed httpd, and the modules to compare in it."""

    binary: Path
    modules: Path
    built_in: frozenset[str]
    ours: Path
    c: Path | None
    # The module that only lengthens the cookie (own_modules.py).
    padded: Path | None = None

    @classmethod
    def find(cls, ours: Path, c: str | None) -> "Httpd":
        """Asks apxs/find, which reads APXS."""
        found = dict(line.split("=", 1) for line in run([FIND, "httpd", "modules"]).splitlines())
        binary, modules = Path(found["httpd"]), Path(found["modules"])
        if not ours.is_file():
            raise HarnessError(f"no module at {ours}: run `cargo build --release`, or set MODULE=")
        c_module = Path(c) if c else modules / "mod_session_crypto.so"
        return cls(
            binary=binary,
            modules=modules,
            built_in=_built_in(binary),
            ours=ours.resolve(),
            c=c_module if c_module.is_file() else None,
        )

    def version(self) -> str:
        """For example `Apache/2.4.62 (Debian)`."""
        first = run([str(self.binary), "-v"]).splitlines()[0]
        return first.partition(":")[2].strip()

    def mpms(self) -> list[str]:
        """The MPMs this httpd can run."""
        return [
            name
            for name in MPM_DEFAULTS
            if f"mod_mpm_{name}" in self.built_in
            or name in self.built_in
            or (self.modules / f"mod_mpm_{name}.so").is_file()
        ]

    def load_module(self, name: str) -> str:
        """The line that loads a module of the distribution; none if built in."""
        if f"mod_{name}" in self.built_in or name.removeprefix("mpm_") in self.built_in:
            return ""
        return f'LoadModule {name}_module "{self.modules}/mod_{name}.so"\n'

    def load_crypto(self, kind: str) -> str:
        """The line that differs between the kinds of server."""
        if kind == CLEAR:
            return ""
        if kind == PADDED:
            return f'LoadModule session_padded_module "{self.padded}"\n'
        path = self.ours if kind == OURS else self.c
        return f'LoadModule session_crypto_module "{path}"\n'


@dataclass(frozen=True)
class Setup:
    """The configuration of one server."""

    kind: str
    # Directives of sessions, the same for every kind.
    sessions: str = "SessionMaxAge 86400\n"
    # Directives of encryption, for OURS and C.
    crypto: str = "SessionCryptoPassphrase secret\n"
    # Replaces `crypto` in the server that makes the sessions.
    crypto_to_make: str = ""
    # The .htaccess of every folder; it replaces the directives above.
    htaccess: str = ""
    mpm: str = "event"
    # Replaces the MPM's directives in MPM_DEFAULTS.
    processes: str = ""
    # Whether to log the keys that a request derives; the C module has no such line.
    log_derivations: bool = False
    # Bytes of the session that the server makes.
    size: int = 100
    # The user that the session names; none if empty.
    user: str = ""
    # The list of ended sessions, and its directives, for OURS.
    ended: Ended = Ended.NONE
    ended_list: str = ""
    # Directives of devices, for OURS.
    devices: str = ""
    # Other cookies of each request, as in a Cookie header.
    other_cookies: str = ""
    # Bytes of the cookie, for PADDED.
    pad_to: int = 0
    # Further modules, and lines of the server's configuration.
    modules: tuple[str, ...] = ()
    more: str = ""


class Server:
    """A running httpd. `with Server(...) as server:` stops it in every case.

    With a command before its own, such as a debugger's, httpd has no children.
    """

    def __init__(self, httpd: Httpd, setup: Setup, root: Path, before: tuple[str, ...] = ()):
        self.setup = setup
        self._httpd = httpd
        self._root = root
        self._before = before
        self._process: subprocess.Popen | None = None
        self.port = 0
        # When httpd began to start, by `time.perf_counter`.
        self.begun = 0.0

    def __enter__(self) -> "Server":
        self._write_tree()
        self.port = free_port()
        config = self._root / "httpd.conf"
        config.write_text(self._configuration())
        # A process group of its own: Ctrl-C reaches the harness, which stops
        # the servers in order.
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            [
                *self._before,
                str(self._httpd.binary),
                *("-f", str(config)),
                "-X" if self._before else "-DFOREGROUND",
            ],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=(self._root / "stdout").open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_until_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The parent process."""
        assert self._process is not None
        return self._process.pid

    def pids(self) -> list[int]:
        """The parent and the children that live now."""
        return [self.pid, *children(self.pid)]

    def error_log(self) -> str:
        """All of the error log."""
        log = self._root / "error_log"
        return log.read_text(errors="replace") if log.exists() else ""

    def stop(self) -> None:
        """Stops the parent, which stops its children; then kills what is left."""
        process, self._process = self._process, None
        if process is None:
            return
        left = children(process.pid)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            left += children(process.pid)
            process.kill()
            process.wait()
            for pid in left:
                # It is in this server's process group, so its number is not reused.
                try:
                    if os.getpgid(pid) == process.pid:
                        os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        pid_file = self._root / "httpd.pid"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            # No probe connection: it would use up a child's first request.
            has_children = self._before or children(self.pid)
            if pid_file.exists() and has_children and _listens(self.port):
                time.sleep(0.2)
                return
            time.sleep(0.02)
        raise self._did_not_start()

    def _did_not_start(self) -> HarnessError:
        said = (self._root / "stdout").read_text(errors="replace") + self.error_log()
        return HarnessError(f"httpd ({self.setup.kind}) did not start:\n{said}")

    def _write_tree(self) -> None:
        page, make = self._root / "docs/page", self._root / "docs/make"
        page.mkdir(parents=True)
        make.mkdir()
        (page / "index.txt").write_text("A static page of no particular length.\n")
        if self.setup.htaccess:
            (page / ".htaccess").write_text(self.setup.htaccess)
            (make / ".htaccess").write_text(self.setup.htaccess)
        self._write_maker(make / "session", self.setup.user)
        if self.setup.user:
            self._write_maker(make / OTHER_USER, OTHER_USER)
        if self.setup.ended is not Ended.NONE:
            # A session without entries is a logout.
            (make / OUT).write_text("X-S: k=\nContent-Type: text/plain\n\nout\n")
        # httpd's unprivileged user reads here, under every umask.
        for path in (self._root, *self._root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        write_key_set(self._root / KEY_FILE)

    def _write_maker(self, path: Path, user: str) -> None:
        """Writes a page that makes a session."""
        session = f"user={user}&k=" if user else "k="
        session += "v" * (self.setup.size - len(session))
        path.write_text(f"X-S: {session}\nContent-Type: text/plain\n\nmade\n")

    def _configuration(self) -> str:
        setup, root, httpd = self.setup, self._root, self._httpd
        names = ("mpm_" + setup.mpm, *MODULES, *setup.modules)
        crypto, crypto_to_make = setup.crypto, setup.crypto_to_make
        if setup.kind in (CLEAR, PADDED):
            crypto = crypto_to_make = ""
        sessions = SESSION_BASICS + setup.sessions + crypto
        derivations = setup.kind == OURS and setup.log_derivations
        return f"""\
ServerRoot "{root}"
ServerName 127.0.0.1
Listen 127.0.0.1:{self.port}
DefaultRuntimeDir "{root}"
PidFile "{root}/httpd.pid"
ErrorLog "{root}/error_log"
{"".join(map(httpd.load_module, names))}\
{httpd.load_crypto(setup.kind)}\
{f"SessionPadTo {setup.pad_to}" if setup.kind == PADDED else ""}
LogLevel warn {"session_crypto:debug" if derivations else ""}
{unprivileged_user()}\
{setup.processes or MPM_DEFAULTS[setup.mpm]}\
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestFieldSize {FIELD_SIZE}
{setup.more}\
{setup.ended_list + setup.devices if setup.kind == OURS else ""}\
{"" if setup.htaccess else sessions}\
DocumentRoot "{root}/docs"
<Directory "{root}/docs">
    Options FollowSymLinks
    AllowOverride {"AuthConfig" if setup.htaccess else "None"}
</Directory>
<Directory "{root}/docs/make">
    SetHandler send-as-is
    {crypto_to_make}
</Directory>
"""


def children(parent: int) -> list[int]:
    """The living child processes of a process."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                state, ppid = _stat(int(entry.name))
            except OSError:
                continue
            if int(ppid) == parent and state != "Z":
                found.append(int(entry.name))
    return found


def state(pid: int) -> str:
    """The state of a process, by proc_pid_stat(5): `R` for running, `S` for waiting."""
    return _stat(pid)[0]


def _stat(pid: int) -> tuple[str, str]:
    """The state and the parent of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    # The name in parentheses may hold anything; the rest is numbers.
    state_, parent = stat.rpartition(")")[2].split()[:2]
    return state_, parent


def unprivileged_user() -> str:
    """The directives that name the children's user, if httpd starts as root."""
    if os.geteuid() != 0:
        return ""
    for name in ("www-data", "apache", "daemon", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return f"User {name}\nGroup #{user.pw_gid}\n"
    return ""


def _listens(port: int) -> bool:
    """Whether a socket of this machine listens on the port, asked without connecting."""
    wanted = f"{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, _remote, state = line.split()[1:4]
        if state == "0A" and local.endswith(":" + wanted):
            return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _built_in(binary: Path) -> frozenset[str]:
    lines = run([str(binary), "-l"]).splitlines()
    return frozenset(line.strip().removesuffix(".c") for line in lines if line.startswith(" "))


def run(command: list[str]) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise HarnessError(f"{command[0]}: {error.stderr.strip() or error}") from error
    except OSError as error:
        raise HarnessError(f"{command[0]}: {error}") from error
