"""How long a verification with a public key takes on this machine."""

import functools
import subprocess

from httpd import HarnessError


@functools.cache
def verification_us(algorithm: str) -> float:
    """Microseconds of processor time, by a second of `openssl speed`."""
    command = ["openssl", "speed", "-mr", "-seconds", "1", algorithm]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise HarnessError(f"openssl speed: {error}") from error
    # +F4:INDEX:BITS:SIGNATURES:VERIFICATIONS, both a second; F2 for RSA.
    lines = [line.split(":") for line in said.splitlines() if line.startswith(("+F2:", "+F4:"))]
    if len(lines) != 1:
        raise HarnessError(f"openssl speed {algorithm} said:\n{said}")
    return 1e6 / float(lines[0][4])
