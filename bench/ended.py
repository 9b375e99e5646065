"""Lists of ended sessions: records in the module's own forms, and a store with them.

`listed` gives a list to a server, and `check_list` makes sure that the server has it.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator

from client import Client, is_read, make_sessions
from httpd import OTHER_USER, OURS, Ended, HarnessError, Httpd, Server, Setup, free_port

# Records of a list.
RECORDS = 100_000

# Where a session ends all sessions of its user.
END = "/end"

# Seconds for which each record counts: the lifetime of a section that has none.
LIFETIME = 30 * 86400

# One record of so many ends the sessions of a user, so that each opening of a session
# looks for its user too.
USERS = 100

# What the module hashes before a token without a birth (core/src/life/entry.rs).
OF_TOKEN = b"mod_session_crypto session of token 1"

# The beginning of the file (core/src/revocation/file.rs).
TITLE = "mod_session_crypto ended sessions 1\n"

# The sorted set of the store (agent/src/store.rs).
KEY = "session-crypto:1"

# Records of one command.
BATCH = 1000

STORE_TIMEOUT = 10.0
# The same, until a server has learned of the records.
NEWS_TIMEOUT = 10.0

# Debian's redis-tools has the program of the server under the name of another one.
PROGRAMS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")


@dataclass(frozen=True)
class Record:
    """A session that is ended, or a user whose sessions are."""

    id: str
    is_user: bool
    before: int
    until: int

    def line(self) -> str:
        """The form of the file."""
        ends = "user" if self.is_user else "session"
        return f"{self.id} {ends} {self.before} {self.until} sent\n"

    def member(self) -> str:
        """The form of the store (agent/src/entry.rs)."""
        return f"{'u' if self.is_user else 's'}{self.id}.{self.before}.{self.until}"


@contextmanager
def listed(httpd: Httpd, setup: Setup, root: Path) -> Iterator[tuple[Setup, str]]:
    """A setup with its list, and the cookie of a session that the list ends."""
    if setup.ended is Ended.NONE or setup.kind != OURS:
        yield setup, ""
        return
    with Server(httpd, replace(setup, ended=Ended.NONE), root / "before") as server:
        # It has no birth, because this server has no list.
        [session] = make_sessions(server)
    made = records(RECORDS, session)
    with ExitStack() as stack:
        if setup.ended is Ended.FILE:
            write_file(root / "ended", made)
            where = f'on "file={root}/ended"'
        else:
            store = stack.enter_context(Store(made, root / "store"))
            where = f"redis://127.0.0.1:{store.port}"
        directives = f"""\
SessionCryptoRevocation {where} size={RECORDS}
<Location "{END}">
    SetHandler session-crypto-end-sessions
</Location>
"""
        yield replace(setup, ended_list=directives), session


def check_list(server: Server, ended: str) -> None:
    """Makes sure that a server knows a session that its list ends, and one that a user
    ends there."""
    deadline = time.monotonic() + NEWS_TIMEOUT
    while is_read(server, ended):
        if time.monotonic() > deadline:
            raise HarnessError("a session is read that the list ends")
        time.sleep(0.05)
    [other] = make_sessions(server, path=f"/make/{OTHER_USER}")
    if not is_read(server, other):
        raise HarnessError("a session is not read that nothing ends")
    with Client(server) as client:
        status = client.send("POST", END, other).status
    if status != 204:
        raise HarnessError(f"a user ends no sessions: status {status}\n{server.error_log()[-2000:]}")
    if is_read(server, other):
        raise HarnessError("a session is read whose user has ended it")


def records(count: int, token: str) -> list[Record]:
    """So many records that nobody meets, of which the last ends the session of a token
    without a birth."""
    now = int(time.time())
    ids = [os.urandom(16).hex() for _ in range(count - 1)]
    made = [Record(id_, number % USERS == 0, now, now + LIFETIME) for number, id_ in enumerate(ids)]
    return made + [Record(_id_of(token), False, now, now + LIFETIME)]


def write_file(path: Path, made: list[Record]) -> None:
    """Writes what `file=` of SessionCryptoRevocation reads. The module refuses a file in
    any other form."""
    text = TITLE + "".join(record.line() for record in made)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(f"{text}end {len(made)} {checksum}\n")


def _id_of(token: str) -> str:
    """The id of a session that has its name from its token."""
    name = hashlib.sha256(OF_TOKEN + token.encode()).digest()[:16]
    return hashlib.sha256(name).hexdigest()[:32]


def store_program() -> str | None:
    """The program of a Redis or Valkey server, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Store:
    """A Redis with records. `with Store(...) as store:` stops it in every case."""

    def __init__(self, made: list[Record], root: Path):
        self._records = made
        self._root = root
        self._process: subprocess.Popen | None = None
        self.port = 0

    def __enter__(self) -> "Store":
        self._root.mkdir(parents=True)
        self.port = free_port()
        # The program looks at its own name.
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._root)]
        self._process = subprocess.Popen(
            command,
            executable=store_program(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=(self._root / "stdout").open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        process, self._process = self._process, None
        if process is not None:
            # Nothing in it is worth keeping.
            process.kill()
            process.wait()

    def info(self) -> tuple[dict[str, str], int, int]:
        """What the program says of itself (INFO), and the bytes of the question and the answer."""
        question = b"INFO all\r\n"
        with self.connect() as connection, connection.makefile("rb") as answers:
            connection.sendall(question)
            header = answers.readline()
            text = answers.read(int(header[1:]) + len("\r\n"))
        fields = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        return fields, len(question), len(header) + len(text)

    def _fill(self) -> None:
        with self.connect() as connection, connection.makefile("rb") as answers:
            for start in range(0, len(self._records), BATCH):
                batch = self._records[start : start + BATCH]
                words = [word for record in batch for word in (str(record.until), record.member())]
                self._ask(connection, answers, ["ZADD", KEY, *words], len(batch))
            self._ask(connection, answers, ["ZCARD", KEY], len(self._records))

    def _ask(self, connection: socket.socket, answers, words: list[str], expected: int) -> None:
        """Sends a command, whose answer has to be this number."""
        parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        connection.sendall(f"*{len(words)}\r\n{parts}".encode())
        answer = answers.readline().decode().strip()
        if answer != f":{expected}":
            raise HarnessError(f"the store answers {answer} to {words[0]}, and not :{expected}")

    def connect(self) -> socket.socket:
        deadline = time.monotonic() + STORE_TIMEOUT
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), STORE_TIMEOUT)
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said = (self._root / "stdout").read_text(errors="replace")
                    raise HarnessError(f"the store did not start: {error}\n{said}") from error
                time.sleep(0.02)
