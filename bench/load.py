"""Drives a server with wrk, and measures the processor time meanwhile."""

import json
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from client import PAGE
from devices import REFRESH
from httpd import HarnessError, Server

SCRIPT = Path(__file__).with_name("load.lua")
# The name of the session's cookie.
COOKIE = "session="
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One run of wrk against one server."""

    requests: int
    seconds: float
    # Processor time of the server, parent and children.
    cpu_seconds: float
    p50_us: int
    p99_us: int
    # Responses other than 2xx and 3xx, and connections that were refused or stuck.
    errors: int
    # Connections that httpd closed between requests, as it may.
    closed: int
    # The share of the machine that other processes used.
    foreign: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's processor time for each request."""
        return self.cpu_seconds / self.requests * 1e6 if self.requests else float("nan")


@dataclass(frozen=True)
class Load:
    """What wrk sends: requests of the page, or refreshes, with the cookies of a file."""

    cookies: Path
    # The headers of a refresh beside its cookie.
    refresh: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """Of the URL."""
        return REFRESH if self.refresh else PAGE

    @property
    def words(self) -> list[str]:
        """The arguments of load.lua."""
        if not self.refresh:
            return [str(self.cookies)]
        headers = (*self.refresh, ("Content-Length", "0"))
        return [str(self.cookies), "POST", *(word for header in headers for word in header)]


def drive(server: Server, load: Load, seconds: float, connections: int) -> Run:
    """Runs wrk for about `seconds`."""
    pids = server.pids()
    # wrk takes whole seconds only.
    command = [
        _wrk(),
        "--threads=1",
        f"--connections={connections}",
        f"--duration={max(1, round(seconds))}s",
        "--timeout=10s",
        f"--script={SCRIPT}",
        f"http://127.0.0.1:{server.port}{load.path}",
        "--",
        *load.words,
    ]
    before = _cpu(pids), _own_children(), machine_seconds()
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    after = _cpu(pids), _own_children(), machine_seconds()

    line = next((l for l in result.stdout.splitlines() if l.startswith("RESULT ")), None)
    if result.returncode != 0 or line is None:
        raise HarnessError(f"wrk failed:\n{result.stdout}{result.stderr}")
    said = json.loads(line.removeprefix("RESULT "))
    if not said["requests"]:
        raise HarnessError(
            f"{server.setup.kind}: no request was answered\n{server.error_log()[-2000:]}"
        )
    server_cpu = after[0] - before[0]
    used = after[2][0] - before[2][0]
    capacity = after[2][1] - before[2][1]
    foreign = (used - server_cpu - (after[1] - before[1])) / capacity if capacity else 0.0
    return Run(
        requests=said["requests"],
        seconds=said["microseconds"] / 1e6,
        cpu_seconds=server_cpu,
        p50_us=said["p50"],
        p99_us=said["p99"],
        errors=said["bad_status"] + said["broken"],
        closed=said["closed"],
        foreign=max(0.0, foreign),
    )


def of_sessions(path: Path, sessions: list[str], others: str = "") -> Load:
    """Requests with these sessions in turn, and with the same other cookies."""
    end = f"; {others}" if others else ""
    path.write_text("".join(f"{COOKIE}{session}{end}\n" for session in sessions))
    return Load(path)


def of_refresh(path: Path, headers: dict[str, str]) -> Load:
    """One refresh, again and again."""
    path.write_text(headers["Cookie"] + "\n")
    return Load(path, tuple(header for header in headers.items() if header[0] != "Cookie"))


def wrk_version() -> str:
    """For example `wrk 4.1.0-3`."""
    said = subprocess.run([_wrk(), "--version"], capture_output=True, text=True).stdout
    return "wrk " + said.split()[1].removeprefix("debian/") if len(said.split()) > 1 else "wrk"


def _wrk() -> str:
    found = os.environ.get("WRK") or shutil.which("wrk")
    if not found:
        raise HarnessError("no wrk: install it, or name it in WRK=")
    return found


def _cpu(pids: list[int]) -> float:
    """Processor seconds of these processes, by proc_pid_stat(5).

    The first process is the parent. Its account of children that have ended is
    added, so that a child that ends during a run counts too.
    """
    ticks = 0
    for index, pid in enumerate(pids):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        utime, stime, cutime, cstime = map(int, fields[11:15])
        ticks += utime + stime + (cutime + cstime if index == 0 else 0)
    return ticks / TICKS


def _own_children() -> float:
    """Processor seconds of processes that the harness has waited for: wrk."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def machine_seconds() -> tuple[float, float]:
    """Busy and total processor seconds of the machine, by proc_stat(5)."""
    first = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, first.split()[1:9])
    busy = user + nice + system + irq + softirq + steal
    return busy / TICKS, (busy + idle + iowait) / TICKS
