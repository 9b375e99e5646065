#!/usr/bin/env python3
"""Measures mod_session_crypto side by side with the session in clear and with
httpd's own C module. bench/README.md describes the cases and the figures.

    bench/run.py              every case, about sixteen minutes
    bench/run.py CASE ...     some; `bench/run.py --list` names them

Environment:
    ROUNDS        rounds of each case               (default: 5)
    SECONDS_PER   seconds of a run in a round       (default: 2)
    CONNECTIONS   connections kept open             (default: 16)
    REQUESTS      requests of the memory case       (default: 50000)
    MPM           event, worker or prefork          (default: event)
    APXS, WRK     these tools                       (default: from PATH)
    MODULE        the module under test             (default: what cargo built)
    C_MODULE      the C module                      (default: httpd's own)
    OUT           directory for the results         (default: bench/results)
"""

import os
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import chart
import report
from case import Case
from cases import CASES
from httpd import HarnessError, Httpd
from machine import describe
from measure import Bench, Options
from own_modules import compile_module

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    if arguments == ["--list"]:
        for case in CASES:
            print(f"{case.name:<16}{case.title}")
        return 0
    cases = select(arguments)
    httpd = Httpd.find(module(), os.environ.get("C_MODULE"))
    options = Options(
        rounds=number("ROUNDS", 5),
        seconds=number("SECONDS_PER", 2),
        connections=number("CONNECTIONS", 16),
        requests=number("REQUESTS", 50_000),
        mpm=mpm(httpd),
    )
    out = Path(os.environ.get("OUT", HERE / "results"))
    out.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="mod_session_crypto-bench-"))
    root.chmod(0o755)
    try:
        httpd = replace(httpd, padded=compile_module("padded", root))
        measure(httpd, options, cases, root, out)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


def measure(httpd: Httpd, options: Options, cases: list[Case], root: Path, out: Path) -> None:
    """Runs the cases, and then writes the results."""
    machine = describe(httpd, options.mpm, root)
    print(report.machine_line(machine))
    if httpd.c is None:
        print("no C module: ours is compared with the session in clear only")
    print()
    bench = Bench(httpd, options, root, progress)
    results = []
    for case in cases:
        problem = bench.possible(case)
        if problem:
            print(f"{case.name}: left out, {problem}\n")
            continue
        progress(case.title)
        result = bench.run(case)
        progress("")
        print(report.as_text(result), flush=True)
        results.append(result)
    # A selection has files of its own, so that figures of separate runs do not mix.
    stem = "latest" if len(cases) == len(CASES) else "partial"
    report.write_json(out / f"{stem}.json", machine, options, results)
    report.write_markdown(out / f"{stem}.md", machine, results)
    chart.write(out / f"{stem}.svg", machine, results)
    print(f"written: {out}/{stem}.json, .md and .svg")


def select(names: list[str]) -> list[Case]:
    """The cases of these names; all, if there are none."""
    known = {case.name: case for case in CASES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise HarnessError(f"no such case: {' '.join(unknown)}; there are: {' '.join(known)}")
    return [known[name] for name in names] or list(CASES)


def module() -> Path:
    """The module under test."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    return Path(os.environ.get("MODULE", target / "release/libmod_session_crypto.so"))


def mpm(httpd: Httpd) -> str:
    """The MPM of the environment, or the first that this httpd has."""
    have = httpd.mpms()
    wanted = os.environ.get("MPM", have[0] if have else "event")
    if wanted not in have:
        raise HarnessError(f"this httpd has no MPM {wanted}; it has: {' '.join(have)}")
    return wanted


def number(name: str, default: int) -> int:
    """A whole number from the environment."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise HarnessError(f"{name}={text}: give a whole number, 1 or more")
    return int(text)


def progress(text: str) -> None:
    """A line that the next one overwrites."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def interrupted(_signal, _frame) -> None:
    """Unwinds, which stops every server."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    try:
        sys.exit(main(sys.argv[1:]))
    except HarnessError as error:
        sys.exit(f"\nbench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
