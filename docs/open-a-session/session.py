#!/usr/bin/env python3
"""Decrypts a session that mod_session_crypto encrypted as a JWE, or encrypts one.

    SESSION_PASSPHRASE_FILE=FILE session.py open [PURPOSE] <token >session
    SESSION_PASSPHRASE_FILE=FILE session.py make ENC [PURPOSE] <session >token

FILE has one passphrase a line, unquoted: the first encrypts, each decrypts.
ENC is A128GCM, A192GCM or A256GCM. A token that is refused, or has expired, ends
the program with status 1 and a reason.

Needs jwcrypto (on Debian: python3-jwcrypto).
"""

import hashlib
import hmac
import os
import re
import sys
import time
from urllib.parse import parse_qs

from jwcrypto import jwe, jwk
from jwcrypto.common import base64url_decode, base64url_encode, json_decode

KEY_LENGTH = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}


class Refused(Exception):
    pass


def read_passphrases():
    with open(os.environ["SESSION_PASSPHRASE_FILE"], "rb") as file:
        return [line for line in file.read().splitlines() if line]


def master_key(passphrase):
    # The slow step (a fifth of a second): do it once, when the application starts.
    salt = b"mod_session_crypto JWE 1"
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, 600_000, 32)


def expand(master, info, length):
    # HKDF-Expand (RFC 5869, section 2.3) of no more than one block.
    return hmac.digest(master, info + b"\x01", "sha256")[:length]


def key_id(master):
    return base64url_encode(expand(master, b"kid", 6))


def day_key(master, enc, day):
    info = b"enc\0" + enc.encode() + b"\0" + day.to_bytes(4, "big")
    key = expand(master, info, KEY_LENGTH[enc])
    return jwk.JWK(kty="oct", k=base64url_encode(key))


def write_header(enc, kid, purpose):
    # httpd takes no spaces. The members may come in any order.
    aud = f',"aud":"{purpose}"' if purpose else ""
    return f'{{"alg":"dir","enc":"{enc}","kid":"{kid}"{aud}}}'


def open_session(token, purpose, masters):
    if not re.fullmatch(r"[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
        raise Refused("not a token")
    try:
        header = json_decode(base64url_decode(token.split(".")[0]))
        identity, day = re.fullmatch(r"([\w-]{8})\.(\d{1,10})", header["kid"]).groups()
        enc = header["enc"]
    except Exception:
        raise Refused("not a header of a session") from None
    # The token chooses nothing: its whole header must be the agreed one.
    expected = {"alg": "dir", "enc": enc, "kid": header["kid"]}
    if purpose:
        expected["aud"] = purpose
    if header != expected or enc not in KEY_LENGTH:
        raise Refused("another purpose or another algorithm")
    master = {key_id(master): master for master in masters}.get(identity)
    if master is None or int(day) >= 2**32:
        raise Refused("no passphrase has this key id")
    opened = jwe.JWE(algs=["dir", enc])
    try:
        opened.deserialize(token, key=day_key(master, enc, int(day)))
    except jwe.InvalidJWEData:
        raise Refused("the tag is wrong") from None
    session = opened.payload
    # In microseconds since 1970. An application must check it, as mod_session does.
    expiry = parse_qs(session.decode("latin-1"), encoding="latin-1").get("expiry")
    if expiry and int(expiry[0]) < time.time() * 1_000_000:
        raise Refused("expired")
    return session


def make_token(session, enc, purpose, master):
    day = int(time.time()) // 86_400
    header = write_header(enc, f"{key_id(master)}.{day}", purpose)
    token = jwe.JWE(plaintext=session, protected=header, recipient=day_key(master, enc, day))
    return token.serialize(compact=True)


def main(action, *arguments):
    masters = [master_key(passphrase) for passphrase in read_passphrases()]
    if action == "open":
        purpose = arguments[0] if arguments else None
        session = open_session(sys.stdin.read().strip(), purpose, masters)
        sys.stdout.buffer.write(session)
    elif action == "make":
        enc, purpose = arguments[0], arguments[1] if arguments[1:] else None
        sys.stdout.write(make_token(sys.stdin.buffer.read(), enc, purpose, masters[0]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Refused as reason:
        sys.exit(f"refused: {reason}")
