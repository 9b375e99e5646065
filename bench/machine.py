"""The machine and the software of the measurement."""

import ctypes
import os
import platform
import re
from datetime import date
from pathlib import Path

from httpd import Httpd, Server, Setup
from load import wrk_version

# OpenSSL_version(3): the full version text.
OPENSSL_VERSION = 0


def describe(httpd: Httpd, mpm: str, root: Path) -> dict[str, str]:
    """One line of text for each fact; starts a server for a moment."""
    with Server(httpd, Setup("ours", mpm=mpm), root / "machine") as server:
        crypto = _libcrypto(server.pids()[-1])
    return {
        "date": date.today().isoformat(),
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "httpd": httpd.version(),
        "mpm": mpm,
        "openssl": crypto,
        "client": wrk_version(),
        "load_average_before": f"{os.getloadavg()[0]:.2f}",
    }


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.processor() or "unknown"


def _libcrypto(pid: int) -> str:
    """The version of the library that a running httpd has loaded."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        found = re.search(r"\S*/libcrypto\.so[\w.]*$", maps, re.MULTILINE)
        library = ctypes.CDLL(found.group(0))
        library.OpenSSL_version.restype = ctypes.c_char_p
        text = library.OpenSSL_version(OPENSSL_VERSION).decode()
    except (OSError, AttributeError):
        return "unknown"
    return " ".join(text.split()[:2])
