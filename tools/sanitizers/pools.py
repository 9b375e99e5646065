"""The library that shows a tool the memory in APR's pools: pools.c."""

import subprocess

from .tests import TOP


def pools(folder, *flags):
    """Compiles it into a directory, and returns its path."""
    words = [TOP / "apxs/find", "apr_includedir", "cppflags"]
    answer = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = dict(line.split("=", 1) for line in answer.splitlines())
    library = folder / "pools.so"
    command = ["cc", "-Wall", "-O1", "-g", "-shared", "-fPIC", "-Wl,-z,lazy", *flags, f"-I{found['apr_includedir']}"]
    command += [*found["cppflags"].split(), "-o", library, TOP / "tools/sanitizers/pools.c"]
    subprocess.run(command, check=True)
    return library
