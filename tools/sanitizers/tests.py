"""Runs the tests of the crates, and those with httpd, and gathers the reports of a tool."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from planting import TOP

OUT = TOP / "target/sanitize"
# The copy of the code that is built.
TREE = OUT / "tree"
HOST = f"{os.uname().machine}-unknown-linux-gnu"

# Lines of a test's output that are shown if it fails.
LAST_LINES = 60


@dataclass
class Result:
    """What came of a part."""

    tests: int
    passed: bool
    reports: list[str]
    log: Path

    def is_clean(self):
        return self.passed and self.tests > 0 and not self.reports

    def last_words(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([*lines[-LAST_LINES:], f"The whole is in {self.log}"])


@dataclass
class Mistake:
    """One line of code to get wrong, and the test that runs it."""

    name: str
    test: str
    file: str
    before: str
    after: str
    # A pattern of the report. Another report is not the one that is meant.
    report: str


@dataclass
class Part:
    """One tool over one kind of tests."""

    # `address/httpd`: what an argument of tools/sanitize names, whole or up to the slash.
    name: str
    words: str
    # Takes the tree, and words that choose tests: files of t/, or arguments of cargo. All
    # tests run without.
    run: Callable[[Path, list[str]], Result]
    # The files of httpd's tests, if they are not all.
    files: list[str] = field(default_factory=list)
    # Files or tests of all that are left out, with the reason.
    left_out: dict[str, str] = field(default_factory=dict)
    # Patterns of assertions that may fail, with the reason.
    excused: dict[str, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def is_named(self, names):
        return self.name in names or self.name.split("/")[0] in names


class Reports:
    """A directory for the reports of all processes of a run, whoever runs them."""

    def __init__(self, part):
        self.kept = OUT / "reports" / part
        shutil.rmtree(self.kept, ignore_errors=True)
        # Below TMPDIR, because the unprivileged user of t/run may not reach the checkout.
        self.folder = Path(tempfile.mkdtemp(prefix="sanitize-"))
        self.folder.chmod(0o1777)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kept.mkdir(parents=True)
        for path in self.folder.glob("report*"):
            shutil.copy(path, self.kept)
        shutil.rmtree(self.folder)

    def read(self):
        texts = (path.read_text(errors="replace") for path in sorted(self.folder.glob("report*")))
        return [text for text in texts if text.strip()]


def build(tree, tool, environment):
    """Builds the module and the command, and returns the path of the module."""
    words = ["build", "--locked", "--target", HOST, "--target-dir", OUT / tool]
    log = log_of(f"{tool}-build")
    if run([tree / "tools/cargo", *words], tree, environment, log) != 0:
        sys.exit(f"the module does not build:\n{log.read_text()[-4000:]}")
    return OUT / tool / HOST / "debug/libmod_session_crypto.so"


def run_crates(tree, tool, environment, words, packages=("--workspace",)):
    """Runs the tests of the crates; returns how many there are, whether all pass, and the log.

    Words for cargo choose some.
    """
    log = log_of(f"{tool}-crates")
    command = [
        tree / "tools/cargo", "test", "--locked", "--no-fail-fast", "--target", HOST,
        "--target-dir", OUT / tool, *packages, *(words or ["--tests"]),
    ]  # fmt: skip
    status = run(command, tree, environment, log)
    text = log.read_text(errors="replace")
    counts = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.M)
    return sum(int(count) for pair in counts for count in pair), status == 0, log


def run_httpd(tree, tool, environment, httpd, module, files, excused):
    """Runs files of t/ with a program that starts httpd; returns as `run_crates` does."""
    log = log_of(f"{tool}-httpd")
    # t/run looks for libraries of the tests in the target directory of the checkout.
    environment = {
        "MPM": "event",
        "CARGO_TARGET_DIR": str(TOP / "target"),
        "APACHE_TEST_STARTUP_TIMEOUT": "600",
        "HTTPD": str(httpd),
        "MODULE": str(module),
        **environment,
    }
    status = run([tree / "t/run", *files], tree, environment, log)
    text = log.read_text(errors="replace")
    # t/run repeats the failures at the end.
    counts = re.findall(r"^Files=\d+, Tests=(\d+),", text.partition("\nFailures under")[0], re.M)
    return sum(map(int, counts)), status == 0 or is_excused(text, excused), log


def is_excused(text, excused):
    """Whether excused assertions are all that failed in the output of t/run."""
    failed = re.findall(r"^#\s+Failed test '(.*)'$", text, re.M)
    files = re.findall(r"\(Wstat: (\d+).*? Tests: \d+ Failed: (\d+)\)", text)
    # A file that only fails exits with the number of its failures.
    ends = all(int(status) == int(count) << 8 and count != "0" for status, count in files)
    told = sum(int(count) for _, count in files)
    # t/run repeats the failures at the end.
    return bool(files) and ends and len(failed) >= told and all(
        any(re.fullmatch(pattern, name) for pattern in excused) for name in failed
    )


def files_but(left_out):
    """All files of t/ but these."""
    names = [f"t/{path.name}" for path in sorted((TOP / "t").glob("*.t"))]
    for name in left_out:
        if name not in names:
            sys.exit(f"{name}, which is left out, is not there")
    return [name for name in names if name not in left_out]


def log_of(name):
    (OUT / "logs").mkdir(parents=True, exist_ok=True)
    return OUT / "logs" / name



def run(command, folder, environment, log):
    with log.open("wb") as out:
        settings = os.environ | environment
        return subprocess.run(command, cwd=folder, env=settings, stdout=out, stderr=out).returncode


def write_httpd(folder, *lines):
    """Writes the program that t/run starts as httpd. `$httpd` is httpd itself."""
    found = subprocess.run([TOP / "apxs/find", "httpd"], check=True, capture_output=True, text=True)
    program = folder / "httpd"
    program.write_text("\n".join(["#!/bin/sh", f"httpd='{found.stdout.strip()}'", *lines, ""]))
    program.chmod(0o755)
    return program


def sysroot():
    """The directory of the Rust that tools/cargo runs."""
    words = [TOP / "tools/cargo", "rustc", "--quiet", "-Zunstable-options", "--print", "sysroot"]
    settings = os.environ | {"RUSTC_BOOTSTRAP": "1"}
    asked = subprocess.run(words, cwd=TOP, env=settings, check=True, capture_output=True, text=True)
    return Path(asked.stdout.strip())
