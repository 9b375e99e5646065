"""One request at a time: to make sessions, to check what a server does, and to
time first requests. The load itself comes from wrk (load.py)."""

import http.client
import time
from dataclasses import dataclass

from httpd import HarnessError, Server

PAGE = "/page/index.txt"
# Where a session is made.
MAKE = "/make/session"

# bench/modules/padded.c appends it.
PADDING = "!"

# A written session has a new expiry, and its token has whole cipher blocks.
SLACK = 32


@dataclass(frozen=True)
class Answer:
    """The parts of a response that matter here."""

    status: int
    session: str | None
    seconds: float
    closes: bool


class Client:
    """A connection that is kept alive."""

    def __init__(self, server: Server):
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_exception) -> None:
        self._connection.close()

    def get(self, path: str, session: str | None = None, host: str = "") -> Answer:
        """Asks for a page."""
        return self.send("GET", path, session, host)

    def send(self, method: str, path: str, session: str | None = None, host: str = "") -> Answer:
        """Sends a request, on a new connection if there is none."""
        headers = {"Cookie": f"session={session}"} if session else {}
        others = self._server.setup.other_cookies
        if session and others:
            headers["Cookie"] += f"; {others}"
        if host:
            headers["Host"] = host
        begin = time.perf_counter()
        self._connection.request(method, path, headers=headers)
        response = self._connection.getresponse()
        response.read()
        seconds = time.perf_counter() - begin
        return Answer(
            status=response.status,
            session=_session_of(response),
            seconds=seconds,
            closes=response.will_close,
        )


def make_sessions(
    server: Server, count: int = 1, path: str = MAKE, host: str = ""
) -> list[str]:
    """Has a server make sessions, and keeps their cookies."""
    sessions = []
    with Client(server) as client:
        for _ in range(count):
            answer = client.get(path, host=host)
            if answer.status != 200 or not answer.session:
                raise HarnessError(
                    f"{server.setup.kind}: no session was made (status {answer.status})\n"
                    + server.error_log()[-2000:]
                )
            sessions.append(answer.session)
    return sessions


def check(server: Server, session: str, writes: bool, host: str = "") -> None:
    """Makes sure that a server reads this session, and writes it only if it should."""
    with Client(server) as client:
        answer = client.get(PAGE, session, host)
    kind = server.setup.kind
    if answer.status != 200:
        raise HarnessError(f"{kind}: status {answer.status}\n{server.error_log()[-2000:]}")
    if not writes and answer.session is not None:
        raise HarnessError(f"{kind}: a session that is only read was written again")
    if writes and answer.session is None:
        raise HarnessError(f"{kind}: the session was not written again")
    sent, returned = length(session), length(answer.session or "")
    if writes and abs(returned - sent) > SLACK:
        raise HarnessError(
            f"{kind}: {sent} bytes of session cookie were sent, {returned} came back: "
            "the session was not read"
        )


def is_read(server: Server, session: str) -> bool:
    """Whether a session that each request writes is read, and not an empty one instead."""
    with Client(server) as client:
        answer = client.get(PAGE, session)
    return answer.status == 200 and length(answer.session or "") + SLACK > length(session)


def length(session: str) -> int:
    """The bytes of a session's cookie, without the padding."""
    return len(session.rstrip(PADDING))


def _session_of(response: http.client.HTTPResponse) -> str | None:
    for header in response.headers.get_all("Set-Cookie", []):
        name, _, value = header.partition(";")[0].partition("=")
        if name == "session":
            return value
    return None
