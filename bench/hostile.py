"""Cookies that no server has made as they are."""

import base64
import random
import re
import time
from typing import Callable

from cases import JUNK_SHARE

COUNT = 1000


def with_junk(good: str) -> list[str]:
    """A thousand cookies, of which every fiftieth is junk.

    Junk is in turn a damaged token, a random one of the same length, and plain text.
    """
    rng = random.Random(1)
    every = round(1 / JUNK_SHARE)
    kinds: list[Callable[[], str]] = [
        lambda: good[: len(good) // 2],
        lambda: ("B" if good[0] != "B" else "C") + good[1:],
        lambda: base64.b64encode(rng.randbytes(len(good) * 3 // 4)).decode(),
        lambda: "not-a-token-" + str(rng.randrange(10**9)),
    ]
    return [good if n % every else kinds[n // every % len(kinds)]() for n in range(1000)]


def junk(good: str) -> list[str]:
    """A thousand cookies, all of them junk: damaged, and random ones of the same length."""
    rng = random.Random(1)
    raw = base64.b64decode(good)
    return [
        base64.b64encode(rng.randbytes(8) + raw[8:] if n % 2 else rng.randbytes(len(raw))).decode()
        for n in range(COUNT)
    ]


def junk_signatures(good: str) -> list[str]:
    """A thousand JWEs for a certificate, each with a random signature.

    Both halves begin with a zero byte, and so are below the order of the curve or
    the modulus. A larger number would be refused without a verification.
    """
    rng = random.Random(1)
    header, *rest = good.split(".")
    text = _decode(header).decode()
    [signature] = re.findall(r'"sig":"([^"]+)"', text)
    half = len(_decode(signature)) // 2

    def another() -> str:
        halves = [b"\0" + rng.randbytes(half - 1) for _ in range(2)]
        return _encode(text.replace(signature, _encode(b"".join(halves))).encode())

    return [".".join((another(), *rest)) for _ in range(COUNT)]


def junk_jwes() -> list[str]:
    """A thousand JWEs of today, each with an unknown key id."""
    rng = random.Random(1)
    day = int(time.time()) // 86_400

    def another() -> str:
        kid = f"{_encode(rng.randbytes(6))}.{day}"
        header = f'{{"alg":"dir","enc":"A256GCM","kid":"{kid}"}}'
        nonce, session, tag = (_encode(rng.randbytes(size)) for size in (12, 130, 16))
        return f"{_encode(header.encode())}..{nonce}.{session}.{tag}"

    return [another() for _ in range(COUNT)]


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
