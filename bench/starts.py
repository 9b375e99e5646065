"""Starts, graceful restarts and memory of servers with many hosts.

A start ends with the first answer. A graceful restart ends when httpd writes
`resuming normal operations` with the time of day: the new configuration is in force
then, and children of it start. Whether these answer at once is httpd's matter: it looks
once a second whether a child of the former configuration has ended.
"""

import ctypes
import hashlib
import http.client
import os
import re
import resource
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Callable

from case import Case, Subject
from cases import ONE_PASSPHRASE_JWE, OURS_JWE, OURS_KEY_SETS, OWN_CERTIFICATES
from client import PAGE, SLACK, Client, check, length, make_sessions
from figures import Spread, ratios
from httpd import CLEAR, MPM_DEFAULTS, HarnessError, Httpd, Server, children, run
from key_sets import write_key_set
from load import machine_seconds
from result import Finding, Measured, Result

# Graceful restarts of each server in a round: of a case with a bound, and of another. Where
# httpd looks for ended children too early, it waits a second.
RESTARTS, FEW_RESTARTS = 3, 1

# Seconds of a start above which it is measured once, and not in each round.
LONG_START = 3.0

# 500 keys of JWE take a minute of one processor, and much more of a busy one.
TIMEOUT = 600.0
# The same, until httpd has said that it restarted, and former children have ended.
SETTLE_TIMEOUT = 60.0

STATUS = "/server-status"

RESUMED = "resuming normal operations"

# A later line replaces that of MPM_DEFAULTS. A new child need not wait for the place of a
# former one.
ROOM_FOR_FORMER_CHILDREN = "ServerLimit 64\n"

# mod_status tells the generation of the child that answers. The error log has the time of
# day in a form that datetime reads.
OF_ALL_HOSTS = f"""\
ErrorLogFormat "%{{cu}}t %M"
ExtendedStatus Off
<Location {STATUS}>
    SetHandler server-status
    Session Off
</Location>
"""


@dataclass(frozen=True)
class Restart:
    """One graceful restart, in seconds."""

    # Until the new configuration is in force.
    time: float
    # Processor time of the parent, and of the new children until one has answered.
    cpu: float
    # The longest time without an answer, to a client that always asks.
    silence: float
    # The first request after it that makes a session, to the last host.
    first_session: float


class ServerOfHosts(Server):
    """A server with virtual hosts. It is up when it answers."""

    def __init__(self, httpd: Httpd, subject: Subject, hosts: int, secrets: Path, root: Path):
        sections = "".join(_section(subject, number, secrets) for number in range(hosts))
        # These sections inherit the directives of all hosts, wherever these stand.
        setup = replace(
            subject.setup,
            modules=("status",),
            processes=MPM_DEFAULTS[subject.setup.mpm] + ROOM_FOR_FORMER_CHILDREN,
            more=OF_ALL_HOSTS + sections,
        )
        super().__init__(httpd, setup, root)
        self.last = _name(hosts - 1)
        # Seconds, and seconds of the parent's processor time, until the first answer.
        self.start = 0.0
        self.start_cpu = 0.0

    def restart(self) -> Restart:
        """Restarts gracefully, and waits until the former children have ended."""
        former = children(self.pid)
        generation = self._generation()
        said, cpu = len(self._resumed()), cpu_seconds(self.pid)
        at, begin = time.time(), time.perf_counter()
        os.kill(self.pid, signal.SIGUSR1)
        last, silence = begin, 0.0
        while True:
            answering = self._generation()
            now = time.perf_counter()
            silence, last = max(silence, now - last), now
            if answering != generation:
                break
            if now - begin > TIMEOUT:
                raise HarnessError(f"{self.setup.kind}: no graceful restart in {TIMEOUT:g} s")
        cpu = cpu_seconds(self.pid) - cpu
        cpu += sum(cpu_seconds(pid) for pid in children(self.pid) if pid not in former)
        first_session = self.first_session()
        begin = time.perf_counter()
        # Under prefork, children may answer before the line is written.
        while len(self._resumed()) <= said or set(former) & set(children(self.pid)):
            if time.perf_counter() - begin > SETTLE_TIMEOUT:
                raise HarnessError(f"{self.setup.kind}: no end of a graceful restart")
            time.sleep(0.01)
        [resumed] = self._resumed()[said:]
        return Restart(resumed - at, cpu, silence, first_session)

    def first_session(self) -> float:
        """Seconds of a request that makes a session, to the last host."""
        begin = time.perf_counter()
        make_sessions(self, host=self.last)
        return time.perf_counter() - begin

    def memory_mib(self) -> float:
        """Memory of the parent and its first child, shared pages in their share."""
        return sum(_pss_mib(pid) for pid in (self.pid, *children(self.pid)[:1]))

    def _wait_until_up(self) -> None:
        while True:
            try:
                self._ask(PAGE)
            except OSError:
                if self._process.poll() is not None or time.perf_counter() - self.begun > TIMEOUT:
                    raise self._did_not_start()
                time.sleep(0.001)
                continue
            self.start = time.perf_counter() - self.begun
            self.start_cpu = cpu_seconds(self.pid)
            return

    def _resumed(self) -> list[float]:
        """The times of day at which a configuration came into force."""
        lines = [line for line in self.error_log().splitlines() if RESUMED in line]
        stamps = [" ".join(line.split()[:2]) for line in lines]
        return [datetime.fromisoformat(stamp).timestamp() for stamp in stamps]

    def _ask(self, path: str) -> str:
        """Asks the last host, on a connection that no child has to keep."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers={"Host": self.last, "Connection": "close"})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise HarnessError(f"{self.setup.kind}: {path}: status {response.status}")
        return text

    def _generation(self) -> int:
        """The generation of the child that answers."""
        found = re.search(r"^ParentServerMPMGeneration: (\d+)$", self._ask(f"{STATUS}?auto"), re.M)
        if not found:
            raise HarnessError("mod_status tells no generation")
        return int(found[1])


def measure_starts(
    case: Case,
    subjects: list[Subject],
    httpd: Httpd,
    rounds: int,
    root: Path,
    say: Callable[[str], None],
) -> Result:
    """Starts each server of a case in each round, and restarts it some times."""
    root.mkdir()
    secrets = root / "secrets"
    secrets.mkdir()
    for number in range(case.hosts):
        write_key_set(_key_set(secrets, number))
    if any(subject.name == OWN_CERTIFICATES for subject in subjects):
        say(f"making {case.hosts} certificates")
        make_certificates(case.hosts, secrets)
    measured = {subject.name: _Values() for subject in subjects}
    before = machine_seconds(), _own_seconds()
    with ExitStack() as stack:
        running: dict[str, ServerOfHosts] = {}
        stack.callback(lambda: [server.stop() for server in running.values()])
        for number in range(rounds):
            # Another server begins each round.
            first = number % len(subjects)
            order = subjects[first:] + subjects[:first]
            for subject in order:
                if subject.name in running and running[subject.name].start > LONG_START:
                    continue
                say(f"{case.title}, round {number + 1} of {rounds}: {subject.name} starts")
                if subject.name in running:
                    running.pop(subject.name).stop()
                tree = root / f"{number}-{len(running)}-{subjects.index(subject)}"
                server = ServerOfHosts(httpd, subject, case.hosts, secrets, tree)
                server.__enter__()
                running[subject.name] = server
                measured[subject.name].starts.append(server.start)
                measured[subject.name].start_cpus.append(server.start_cpu)
                measured[subject.name].first_sessions.append(server.first_session())
                _check(server, subject)
            for _ in range(RESTARTS if case.target else FEW_RESTARTS):
                say(f"{case.title}, round {number + 1} of {rounds}: graceful restarts")
                for subject in order:
                    measured[subject.name].restarts.append(running[subject.name].restart())
            for subject in order:
                measured[subject.name].memory.append(running[subject.name].memory_mib())
    shutil.rmtree(root, ignore_errors=True)
    after = machine_seconds(), _own_seconds()
    foreign = (after[0][0] - before[0][0] - (after[1] - before[1])) / (after[0][1] - before[0][1])
    return Result(
        case,
        [row for name, values in measured.items() for row in values.rows(name)],
        _findings(case, measured),
        Spread.of([max(0.0, foreign)]),
        _note(case, measured),
    )


class _Values:
    """The values of one server, in seconds and MiB."""

    def __init__(self):
        self.starts: list[float] = []
        self.start_cpus: list[float] = []
        self.first_sessions: list[float] = []
        self.restarts: list[Restart] = []
        self.memory: list[float] = []

    def rows(self, name: str) -> list[Measured]:
        restarts = self.restarts
        times = {
            "start": self.starts,
            "start, CPU": self.start_cpus,
            "first session after a start": self.first_sessions,
            "graceful restart": [restart.time for restart in restarts],
            "graceful restart, CPU": [restart.cpu for restart in restarts],
            "longest silence": [restart.silence for restart in restarts],
            "first session after a restart": [restart.first_session for restart in restarts],
        }
        rows = [
            Measured(f"{name}, {title}", "ms", [value * 1000 for value in values])
            for title, values in times.items()
        ]
        return [*rows, Measured(f"{name}, memory", "MiB", self.memory)]


def _findings(case: Case, measured: dict[str, _Values]) -> list[Finding]:
    findings = []
    for comparison in case.comparisons:
        if comparison.above not in measured:
            continue
        above, below = (measured[name].restarts for name in (comparison.above, comparison.below))
        more = [(a.time - b.time) * 1000 for a, b in zip(above, below, strict=True)]
        title = f"{comparison.above} - {comparison.below}, graceful restart"
        # Only a comparison with a bound of its own has that of the case.
        bound = case.target if comparison.target else None
        findings.append(Finding(title, Spread.of(more), "ms", bound))
        times = ratios([r.time for r in above], [r.time for r in below])
        cpu = ratios([r.cpu for r in above], [r.cpu for r in below])
        findings.append(
            Finding(comparison.title, Spread.of(times), "", comparison.target, Spread.of(cpu))
        )
    return findings


def _note(case: Case, measured: dict[str, _Values]) -> str:
    """What a start with a JWE passphrase for each host costs, and what costs less."""
    if ONE_PASSPHRASE_JWE not in measured:
        return ""
    seconds, cpu = (
        median(values) for values in (measured[OURS_JWE].starts, measured[OURS_JWE].start_cpus)
    )
    cores = len(os.sched_getaffinity(0))
    shared, own = (median(measured[n].starts) for n in (ONE_PASSPHRASE_JWE, OURS_KEY_SETS))
    return (
        f"A start with {case.hosts} JWE passphrases takes {seconds:.1f} s on {cores} cores: "
        f"{seconds:.1f} s x {cores} / {case.hosts} = {seconds * cores / case.hosts * 1000:.0f} ms "
        f"for each passphrase, of which {cpu / case.hosts * 1000:.0f} ms are processor time. "
        "Hosts that trust each other should share one passphrase, and have a "
        f"SessionCryptoPurpose each: that starts in {shared:.2f} s. Hosts that do not should "
        f"have a key file each: that starts in {own:.2f} s."
    )


def _check(server: ServerOfHosts, subject: Subject) -> None:
    """Makes sure that a host reads its own session, and not that of another host."""
    [session] = make_sessions(server, host=server.last)
    check(server, session, True, server.last)
    first = _name(0)
    if subject.setup.kind == CLEAR or server.last == first:
        return
    with Client(server) as client:
        answer = client.get(PAGE, session, first)
    if abs(length(answer.session or "") - length(session)) <= SLACK:
        raise HarnessError(f"{subject.name}: {first} reads a session of {server.last}")


def _section(subject: Subject, number: int, secrets: Path) -> str:
    directives = subject.of_host.format(
        number=number,
        secret=hashlib.sha256(f"the secret of host {number}".encode()).hexdigest(),
        key_set=_key_set(secrets, number),
        certificate=_certificate(secrets, number),
    )
    return f"<VirtualHost *>\nServerName {_name(number)}\n{directives}</VirtualHost>\n"


def _key_set(secrets: Path, number: int) -> Path:
    return secrets / f"{number}.jwks"


def _certificate(secrets: Path, number: int) -> Path:
    return secrets / f"{number}.pem"


def _name(number: int) -> str:
    return f"host-{number}.example"


def make_certificates(count: int, directory: Path) -> None:
    """Makes files with a private key and its certificate each."""

    def make(number: int) -> None:
        key, certificate = directory / f"{number}.key", directory / f"{number}.crt"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        subject = ("-subj", f"/CN={_name(number)}", "-days", "3650")
        files = ("-keyout", str(key), "-out", str(certificate))
        run(["openssl", "req", "-x509", *curve, "-nodes", *subject, *files])
        _certificate(directory, number).write_text(key.read_text() + certificate.read_text())

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(make, range(count)))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its threads, also those that have ended."""
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise HarnessError(f"process {pid}: {os.strerror(error)}")
    return time.clock_gettime(clock.value)


def _own_seconds() -> float:
    """Processor time of the harness and of the servers that it has stopped."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _pss_mib(pid: int) -> float:
    """Pss, by proc_pid_smaps(5): a page of several processes counts in parts."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.M)
    if not found:
        raise HarnessError(f"no Pss of process {pid}")
    return int(found[1]) / 1024
