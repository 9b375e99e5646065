#!/usr/bin/env python3
"""Decrypts a session that mod_session_crypto encrypted under a JWK Set, or encrypts one.

    SESSION_KEY_SET_FILE=FILE key-set.py open [PURPOSE] <token >session
    SESSION_KEY_SET_FILE=FILE key-set.py make ENC [PURPOSE] <session >token

FILE is the JWK Set of SessionCryptoKeyFile. ENC is A128GCM, A192GCM or A256GCM. A token
that is refused, or has expired, ends the program with status 1 and a reason.

Needs jwcrypto (on Debian: python3-jwcrypto).
"""

import json
import os
import re
import sys
import time
from urllib.parse import parse_qs

from jwcrypto import jwe, jwk
from jwcrypto.common import base64url_decode, json_decode

ALG = {16: "A128KW", 24: "A192KW", 32: "A256KW"}
ENC = ["A128GCM", "A192GCM", "A256GCM"]


class Refused(Exception):
    pass


class Key:
    def __init__(self, members):
        self.jwk = jwk.JWK(kty="oct", k=members["k"])
        self.id = members.get("kid") or self.jwk.thumbprint()
        self.alg = ALG[len(base64url_decode(members["k"]))]
        self.begins, self.ends = members.get("nbf", 0), members.get("exp", float("inf"))


def read_keys():
    # Read it again when it changes: keys come and go without a restart.
    with open(os.environ["SESSION_KEY_SET_FILE"], encoding="utf-8") as file:
        return [Key(members) for members in json.load(file)["keys"]]


def open_session(token, purpose, keys):
    if not re.fullmatch(r"[\w-]+(\.[\w-]+){4}", token, re.ASCII):
        raise Refused("not a token")
    try:
        header = json_decode(base64url_decode(token.split(".")[0]))
        kid, enc = header["kid"], header["enc"]
    except Exception:
        raise Refused("not a header of a session") from None
    key = next((key for key in keys if key.id == kid and time.time() < key.ends), None)
    if key is None:
        raise Refused("no key has this key id")
    # The token chooses nothing: its whole header must be the agreed one.
    expected = {"alg": key.alg, "enc": enc, "kid": kid}
    if purpose:
        expected["aud"] = purpose
    if header != expected or enc not in ENC:
        raise Refused("another purpose or another algorithm")
    opened = jwe.JWE(algs=[key.alg, enc])
    try:
        opened.deserialize(token, key=key.jwk)
    except jwe.InvalidJWEData:
        raise Refused("the encrypted key or the tag is wrong") from None
    session = opened.payload
    # In microseconds since 1970. An application must check it, as mod_session does.
    expiry = parse_qs(session.decode("latin-1"), encoding="latin-1").get("expiry")
    if expiry and int(expiry[0]) < time.time() * 1_000_000:
        raise Refused("expired")
    return session


def make_token(session, enc, purpose, keys):
    now = time.time()
    begun = [key for key in keys if key.begins <= now < key.ends]
    # The newest; of two that begin together, the later one in the file.
    key = max(reversed(begun), key=lambda key: key.begins)
    header = {"alg": key.alg, "enc": enc, "kid": key.id}
    if purpose:
        header["aud"] = purpose
    token = jwe.JWE(plaintext=session, protected=json.dumps(header, separators=(",", ":")), recipient=key.jwk)
    return token.serialize(compact=True)


def main(action, *arguments):
    keys = read_keys()
    if action == "open":
        purpose = arguments[0] if arguments else None
        sys.stdout.buffer.write(open_session(sys.stdin.read().strip(), purpose, keys))
    elif action == "make":
        enc, purpose = arguments[0], arguments[1] if arguments[1:] else None
        sys.stdout.write(make_token(sys.stdin.buffer.read(), enc, purpose, keys))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Refused as reason:
        sys.exit(f"refused: {reason}")
