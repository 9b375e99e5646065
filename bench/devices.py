"""A browser that binds the session of a server to a key, which `openssl` has made.

`bind` returns the cookies of a session that is bound, and a refresh that can be sent again
and again. A server of devices has the lines DEVICES.
"""

import base64
import http.client
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from client import MAKE, PAGE, is_read
from httpd import HarnessError, Server, run

# The path of the handler, and the endpoints below.
PATH = "/session-device"
REGISTER, REFRESH = f"{PATH}/register", f"{PATH}/refresh"

# The names of the cookies.
SESSION, BOUND, KEY = "session", "__Host-session-device", "__Secure-session-device-key"

# httpd believes that TLS ends before it. A refresh is good for an hour, which is longer than a
# measurement.
DEVICES = f"""\
ServerName https://127.0.0.1
SessionCryptoDevice enforce
SessionCryptoDeviceLifetime 1h
<Location "{PATH}">
    SetHandler session-crypto-device
</Location>
"""


@dataclass(frozen=True)
class Bound:
    """What a browser with a bound session sends."""

    # The value of the session's cookie.
    session: str
    # The bound cookie, beside it.
    cookie: str
    # The headers of a refresh.
    refresh: dict[str, str]


def bind(server: Server, key_file: Path) -> Bound:
    """Begins a session, and binds it to a new key."""
    key = _Key(key_file)
    begun = _ask(server, "GET", MAKE)
    offered = _quoted(begun, "Secure-Session-Registration", "challenge=")
    registered = _ask(
        server, "POST", REGISTER, {"Secure-Session-Response": key.proof(offered, with_key=True)}
    )
    challenge = _quoted(registered, "Secure-Session-Challenge")
    refresh = {
        "Cookie": f"{KEY}={registered.cookie(KEY)}",
        "Sec-Secure-Session-Id": json.loads(registered.body)["session_identifier"],
        "Secure-Session-Response": key.proof(challenge),
    }
    refreshed = _ask(server, "POST", REFRESH, refresh)
    cookie = f"{BOUND}={refreshed.cookie(BOUND)}"
    session = f"{SESSION}={begun.cookie(SESSION)}"
    bound = _ask(server, "GET", PAGE, {"Cookie": f"{session}; {cookie}"}).cookie(SESSION)
    if is_read(server, bound):
        raise HarnessError("a bound session is read without its device")
    return Bound(bound, cookie, refresh)


class _Key:
    """A key of a device in a file."""

    def __init__(self, file: Path):
        self._file = str(file)
        run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-out", self._file])

    def proof(self, challenge: str, with_key: bool = False) -> str:
        """A JWS of a challenge, as browsers make it."""
        header = {"alg": "ES256", "typ": "dbsc+jwt"}
        if with_key:
            header["jwk"] = self._jwk()
        parts = [_encode(json.dumps(part).encode()) for part in (header, {"jti": challenge})]
        text = ".".join(parts)
        return f"{text}.{_encode(self._sign(text.encode()))}"

    def _jwk(self) -> dict[str, str]:
        der = self._openssl("pkey", "-in", self._file, "-pubout", "-outform", "DER")
        # The point is the end, uncompressed.
        x, y = der[-64:-32], der[-32:]
        return {"crv": "P-256", "kty": "EC", "x": _encode(x), "y": _encode(y)}

    def _sign(self, text: bytes) -> bytes:
        """A signature with both numbers in 32 bytes each, and not in DER."""
        der = self._openssl("dgst", "-sha256", "-sign", self._file, text=text)
        r_end = 4 + der[3]
        numbers = (der[4:r_end], der[r_end + 2 :])
        return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)

    @staticmethod
    def _openssl(*words: str, text: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *words], input=text, check=True, capture_output=True).stdout


@dataclass(frozen=True)
class _Answer:
    headers: http.client.HTTPMessage
    body: bytes

    def cookie(self, name: str) -> str:
        """The value of a cookie that the answer sets."""
        for line in self.headers.get_all("Set-Cookie", []):
            set_, _, value = line.partition(";")[0].partition("=")
            if set_ == name:
                return value
        raise HarnessError(f"no cookie {name} was set")


def _ask(server: Server, method: str, path: str, headers: dict[str, str] | None = None) -> _Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise HarnessError(f"{path}: status {response.status}\n{server.error_log()[-2000:]}")
    return _Answer(response.headers, body)


def _quoted(answer: _Answer, name: str, before: str = "") -> str:
    """The quoted text after these characters of a header."""
    parts = answer.headers.get(name, "").partition(f'{before}"')[2].partition('"')
    if not parts[1]:
        raise HarnessError(f"an answer has no {name}")
    return parts[0]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
