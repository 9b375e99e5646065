"""Running a case: the servers start, are checked, and are driven in turn."""

import contextlib
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Callable

from case import Case, Comparison, Cookies, Method, Subject
from cases import COLLECTED, NEW_CHILDREN, SERVERS
from client import MAKE, PAGE, Client, check, make_sessions
from devices import bind
from ended import check_list, listed, store_program
from figures import Spread, ratios
from httpd import C, CLEAR, OURS, Ended, HarnessError, Httpd, Server, Setup, children
from hostile import junk, junk_jwes, junk_signatures, with_junk
from load import COOKIE, Load, Run, drive, of_refresh, of_sessions
from result import Finding, Measured, Result
from starts import measure_starts
from verification import verification_us

DERIVED = "a key was derived, or a private key used, during this request"

# Requests with the server's own token before a child counts as at rest.
WARM_UP_REQUESTS = 30_000
# Seconds in which threads end and memory is freed or paged in, after the last response.
SETTLE_SECONDS = 0.6


@dataclass(frozen=True)
class Options:
    """The length and the size of a measurement."""

    rounds: int
    seconds: int
    connections: int
    requests: int
    mpm: str


class Bench:
    """Runs cases in a temporary directory."""

    def __init__(self, httpd: Httpd, options: Options, root: Path, say: Callable[[str], None]):
        self._httpd = httpd
        self._options = options
        self._root = root
        self._say = say
        # By kind of cookies: the C module takes a while to make them.
        self._of_c_servers: dict[Cookies, list[str]] = {}
        self._next = 0

    def possible(self, case: Case) -> str | None:
        """The reason why a case cannot be measured here; empty if it can."""
        # A subject without `processes` runs under the MPM of the options.
        wanted = {s.setup.mpm for s in case.subjects if s.setup.processes}
        missing = wanted - set(self._httpd.mpms())
        if missing:
            return f"this httpd has no MPM {' '.join(sorted(missing))}"
        of_c = (Cookies.OF_C_SERVERS, Cookies.REPLAYED)
        if self._httpd.c is None and any(s.cookies in of_c for s in case.subjects):
            return "there is no C module to make tokens with"
        if store_program() is None and any(s.setup.ended is Ended.STORE for s in case.subjects):
            return "there is no redis-server or valkey-server"
        return None

    def run(self, case: Case) -> Result:
        """Measures one case."""
        subjects = [s for s in case.subjects if self._httpd.c or s.setup.kind != C]
        if case.method is Method.THROUGHPUT:
            return self._throughput(case, subjects)
        if case.method is Method.FIRST_REQUEST:
            return self._first_requests(case, subjects)
        if case.method is Method.STARTS:
            return self._starts(case, subjects)
        return self._memory(case, subjects)

    # Throughput

    def _throughput(self, case: Case, subjects: list[Subject]) -> Result:
        measured = {s.name: Measured(s.name, "requests/s") for s in subjects}
        runs: list[Run] = []
        with contextlib.ExitStack() as stack:
            ready = self._start_all(stack, subjects)
            for subject, server, load in ready:
                # Uses up the derivations that a server allows at once.
                self._drive(subject, server, load, 3 if subject.cookies.hostile else 1)
            for number in range(self._options.rounds):
                self._say(f"round {number + 1} of {self._options.rounds}")
                # Another server begins each round.
                first = number % len(ready)
                for subject, server, load in ready[first:] + ready[:first]:
                    run = self._drive(subject, server, load, self._options.seconds)
                    runs.append(run)
                    of = measured[subject.name]
                    of.values.append(run.rate)
                    of.cpu_us.append(run.cpu_us)
                    of.errors += run.errors
                    of.closed += run.closed
        return Result(
            case,
            list(measured.values()),
            _compare(case, measured) + _per_minute(case, measured),
            Spread.of([run.foreign for run in runs]),
        )

    def _drive(self, subject: Subject, server: Server, load: Load, seconds: int) -> Run:
        # At some hundred requests a second, a longer run gives no better average.
        short = 1 if subject.setup.kind == C else seconds
        return drive(server, load, short, self._options.connections)

    # First requests

    def _first_requests(self, case: Case, subjects: list[Subject]) -> Result:
        measured = {s.name: Measured(s.name, "us") for s in subjects}
        derivations, reached = [], []
        for number in range(self._options.rounds):
            self._say(f"round {number + 1} of {self._options.rounds}")
            first = number % len(subjects)
            for subject in subjects[first:] + subjects[:first]:
                with self._server(subject) as server:
                    time.sleep(SETTLE_SECONDS)
                    before = set(children(server.pid))
                    times = _time_first_requests(server, subject.cookies)
                    time.sleep(SETTLE_SECONDS / 2)
                    if subject.setup.kind == OURS:
                        derivations.append(server.error_log().count(DERIVED))
                        reached.append(len(before - set(children(server.pid))))
                measured[subject.name].values.append(median(times) * 1e6)
        findings = _compare(case, measured) + [
            Finding("derivations per round", Spread.of(derivations), "", case.target),
            Finding("children that served a first request", Spread.of(reached), ""),
        ]
        return Result(case, list(measured.values()), findings)

    # Memory

    def _memory(self, case: Case, subjects: list[Subject]) -> Result:
        measured, findings = [], []
        for subject in subjects:
            with contextlib.ExitStack() as stack:
                server, load = self._start(stack, subject)
                own = of_sessions(self._file(), make_sessions(server))
                self._many(server, own, WARM_UP_REQUESTS)
                time.sleep(SETTLE_SECONDS)
                [child] = children(server.pid)
                at_rest = _resident_mib(child)
                done = self._many(server, load, self._options.requests)
                time.sleep(SETTLE_SECONDS)
                if children(server.pid) != [child]:
                    raise HarnessError("the child under measurement was replaced")
                afterwards = _resident_mib(child)
            measured += [
                Measured(f"{subject.name}, at rest", "MiB", [at_rest]),
                Measured(f"{subject.name}, after {done:,} requests", "MiB", [afterwards]),
            ]
            target = case.target if subject.setup.kind == OURS else None
            growth = Spread.of([afterwards - at_rest])
            findings.append(Finding(f"{subject.name}, growth", growth, "MiB", target))
        return Result(case, measured, findings)

    def _many(self, server: Server, load: Load, requests: int) -> int:
        """Drives until so many requests are answered."""
        done = 0
        while done < requests:
            self._say(f"{server.setup.kind}: {done:,} of {requests:,} requests")
            rate = done and done / elapsed
            slice_ = max(1, min(10, int((requests - done) / rate))) if rate else 1
            run = drive(server, load, slice_, self._options.connections)
            elapsed = run.seconds if not done else elapsed + run.seconds
            done += run.requests
        return done

    # Starts

    def _starts(self, case: Case, subjects: list[Subject]) -> Result:
        subjects = [replace(s, setup=replace(s.setup, mpm=self._options.mpm)) for s in subjects]
        self._next += 1
        root = self._root / f"starts-{self._next}"
        return measure_starts(case, subjects, self._httpd, self._options.rounds, root, self._say)

    # Servers and cookies

    def _start_all(
        self, stack: contextlib.ExitStack, subjects: list[Subject]
    ) -> list[tuple[Subject, Server, Load]]:
        """Starts the servers of a case. Those that have something of others come last."""
        started: dict[str, tuple[Subject, Server, Load]] = {}
        for subject in sorted(subjects, key=lambda s: bool(s.as_long_as or s.cookie_of)):
            if subject.as_long_as:
                session, _ = _cookies(started[subject.as_long_as][2])
                setup = replace(subject.setup, pad_to=len(session.removeprefix(COOKIE)))
                subject = replace(subject, setup=setup)
            if subject.cookie_of:
                _, others = _cookies(started[subject.cookie_of][2])
                subject = replace(subject, setup=replace(subject.setup, other_cookies=others))
            started[subject.name] = (subject, *self._start(stack, subject))
        return [started[s.name] for s in subjects]

    def _start(self, stack: contextlib.ExitStack, subject: Subject) -> tuple[Server, Load]:
        """Starts a subject's server, and checks that it reads and writes as it should."""
        list_ = listed(self._httpd, self._setup(subject), self._file())
        setup, ended = stack.enter_context(list_)
        server = stack.enter_context(self._server(replace(subject, setup=setup)))
        if ended:
            check_list(server, ended)
        if subject.bound:
            return server, self._bound(subject, server)
        sessions = self._sessions(subject, server)
        good = sessions[1] if subject.cookies is Cookies.WITH_JUNK else sessions[0]
        if subject.cookies.hostile:
            [good] = make_sessions(server)
        wanted = subject.setup.pad_to
        if subject.as_long_as and len(good) != wanted:
            raise HarnessError(f"a cookie of {len(good)} bytes is not as long as one of {wanted}")
        check(server, good, subject.writes)
        return server, of_sessions(self._file(), sessions, subject.setup.other_cookies)

    def _bound(self, subject: Subject, server: Server) -> Load:
        """The load of a session that is bound to a device."""
        bound = bind(server, self._file())
        server.setup = replace(server.setup, other_cookies=bound.cookie)
        check(server, bound.session, subject.writes)
        if subject.refreshes:
            return of_refresh(self._file(), bound.refresh)
        return of_sessions(self._file(), [bound.session], bound.cookie)

    def _server(self, subject: Subject) -> Server:
        self._next += 1
        return Server(self._httpd, self._setup(subject), self._root / f"server-{self._next}")

    def _setup(self, subject: Subject) -> Setup:
        setup = subject.setup
        return setup if setup.processes else replace(setup, mpm=self._options.mpm)

    def _file(self) -> Path:
        self._next += 1
        return self._root / f"file-{self._next}"

    def _sessions(self, subject: Subject, server: Server) -> list[str]:
        if subject.cookies is Cookies.OWN:
            return make_sessions(server)
        if subject.cookies is Cookies.WITH_JUNK:
            return with_junk(make_sessions(server)[0])
        if subject.cookies is Cookies.JUNK:
            return junk(make_sessions(server)[0])
        if subject.cookies is Cookies.JUNK_JWE:
            return junk_jwes()
        if subject.cookies is Cookies.JUNK_SIGNATURE:
            return junk_signatures(make_sessions(server)[0])
        # A request to PAGE without a session gets one that says nothing about a user.
        count, path = (COLLECTED, PAGE) if subject.cookies.hostile else (SERVERS, MAKE)
        if subject.setup.kind == CLEAR:
            return make_sessions(server, count, path)
        if subject.cookies not in self._of_c_servers:
            self._say(f"making {count:,} tokens with the C module")
            maker = replace(subject, setup=replace(subject.setup, kind=C))
            with self._server(maker) as c_server:
                self._of_c_servers[subject.cookies] = make_sessions(c_server, count, path)
        return self._of_c_servers[subject.cookies]


def _time_first_requests(server: Server, cookies: Cookies) -> list[float]:
    """Times one request to each child, on a new connection.

    The first request makes the session that the others read and write. A hostile
    load has cookies of its own.
    """
    [session] = make_sessions(server)
    if cookies is Cookies.JUNK_JWE:
        [session, *_] = junk_jwes()
    times = []
    for _ in range(NEW_CHILDREN - 1):
        # The child of the request before ends meanwhile.
        time.sleep(0.01)
        with Client(server) as client:
            answer = client.get(PAGE, session)
        if answer.status != 200 or answer.session is None and not cookies.hostile:
            raise HarnessError(
                f"{server.setup.kind}: a first request failed\n{server.error_log()[-2000:]}"
            )
        times.append(answer.seconds)
    return times


def _compare(case: Case, measured: dict[str, Measured]) -> list[Finding]:
    findings = []
    for comparison in case.comparisons:
        names = (comparison.above, comparison.below, *(comparison.beside or ()))
        if any(name not in measured for name in names):
            continue
        subjects = [measured[name] for name in names]
        values = _quotients([m.values for m in subjects])
        if comparison.cost:
            values = [1 / value for value in values]
        cpu = _quotients([m.cpu_us for m in subjects])
        if comparison.cpu:
            values, cpu = _cpu_quotients(comparison, *subjects), []
        findings.append(
            Finding(
                comparison.title,
                Spread.of(values),
                "",
                comparison.target,
                Spread.of(cpu) if cpu else None,
            )
        )
    return findings


def _per_minute(case: Case, measured: dict[str, Measured]) -> list[Finding]:
    """How often one processor can answer in a minute."""
    if not case.per_minute:
        return []
    values = [60e6 / us for us in measured[case.per_minute].cpu_us]
    title = f"{case.per_minute}, a minute of one processor"
    return [Finding(title, Spread.of(values), "", case.target)]


def _cookies(load: Load) -> tuple[str, str]:
    """The first session of a load, and its other cookies."""
    session, _, others = load.cookies.read_text().splitlines()[0].partition("; ")
    return session, others


def _quotients(of: list[list[float]]) -> list[float]:
    """The first by the second. With four, divided by the third by the fourth."""
    values = ratios(of[0], of[1])
    return ratios(values, ratios(of[2], of[3])) if len(of) == 4 else values


def _cpu_quotients(comparison: Comparison, above: Measured, below: Measured) -> list[float]:
    """The ratio of processor times; a verification, if named, is added to `below`."""
    name = comparison.verification
    more = verification_us(name) if name else 0.0
    return ratios(above.cpu_us, [value + more for value in below.cpu_us])


def _resident_mib(pid: int) -> float:
    """VmRSS, by proc_pid_status(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if not found:
        raise HarnessError(f"no VmRSS of process {pid}")
    return int(found.group(1)) / 1024
