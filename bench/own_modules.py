"""Compiles the modules of the bench's own, in bench/modules."""

import os
import shlex
from pathlib import Path

from httpd import FIND, run

SOURCES = Path(__file__).resolve().parent / "modules"


def compile_module(name: str, directory: Path) -> Path:
    """Compiles bench/modules/NAME.c into a directory, for the httpd of apxs/find."""
    names = ("includedir", "apr_includedir", "apu_includedir", "cppflags")
    found = dict(line.split("=", 1) for line in run([FIND, *names]).splitlines())
    output = directory / f"mod_{name}.so"
    command = [
        *shlex.split(os.environ.get("CC", "cc")),
        *shlex.split(found["cppflags"]),
        *(f"-I{found[name]}" for name in names[:3] if found[name]),
        *("-O2", "-Wall", "-Wno-unused-parameter", "-Werror", "-fPIC", "-shared"),
        *("-o", str(output), str(SOURCES / f"{name}.c")),
    ]
    run(command)
    return output
