#!/usr/bin/env python3
"""Decrypts a session that mod_session_crypto encrypted for a certificate.

    export SESSION_CERTIFICATE_FILE=FILE SESSION_KEY_FILE=FILE
    certificate.py open [PURPOSE] <token >session

The files are PEM: the certificate first in its file, and its private key without
a passphrase. A token that is refused, or has expired, ends the program
with status 1 and a reason.

Needs jwcrypto (on Debian: python3-jwcrypto).
"""

import hashlib
import os
import re
import ssl
import sys
import time
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.x509 import load_der_x509_certificate
from jwcrypto import jwe, jwk
from jwcrypto.common import base64url_decode, base64url_encode

# The curve's name, and the digest of its signatures.
CURVES = {256: ("P-256", hashes.SHA256), 384: ("P-384", hashes.SHA384), 521: ("P-521", hashes.SHA512)}


class Refused(Exception):
    pass


class Certificate:
    def __init__(self):
        with open(os.environ["SESSION_CERTIFICATE_FILE"], encoding="latin-1") as file:
            begin, text, end = re.search(
                "(-----BEGIN CERTIFICATE-----)(.*?)(-----END CERTIFICATE-----)", file.read(), re.DOTALL
            ).groups()
        with open(os.environ["SESSION_KEY_FILE"], "rb") as file:
            self.private = jwk.JWK.from_pem(file.read())
        der = ssl.PEM_cert_to_DER_cert(begin + text + end)
        self.public = load_der_x509_certificate(der).public_key()
        self.id = base64url_encode(hashlib.sha256(der).digest())
        self.curve = None
        if isinstance(self.public, ec.EllipticCurvePublicKey):
            self.curve, self.digest = CURVES[self.public.key_size]

    def header_pattern(self, purpose):
        alg, epk = "RSA-OAEP(?:-256)?", ""
        if self.curve:
            alg = re.escape("ECDH-ES+A256KW")
            epk = rf',"epk":{{"kty":"EC","crv":"{self.curve}","x":"[\w-]+","y":"[\w-]+"}}'
        aud = re.escape(f',"aud":"{purpose}"') if purpose else ""
        return rf'({{"alg":"({alg})","enc":"(A(?:128|192|256)GCM)","kid":"{self.id}"{aud}{epk}),"sig":"([\w-]+)"}}'

    def verify(self, signature, data):
        if not self.curve:
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
            self.public.verify(signature, data, pss, hashes.SHA256())
            return
        # The form of JWS: r and s, each as long as the order of the curve.
        size = (self.public.key_size + 7) // 8
        if len(signature) != 2 * size:
            raise InvalidSignature
        numbers = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
        self.public.verify(utils.encode_dss_signature(*numbers), data, ec.ECDSA(self.digest()))


def open_session(token, purpose, certificate):
    if not re.fullmatch(r"[\w-]+(\.[\w-]+){4}", token, re.ASCII):
        raise Refused("not a token")
    encoded, encrypted_key = token.split(".")[:2]
    try:
        header = base64url_decode(encoded).decode("ascii")
    except ValueError:
        raise Refused("not a token") from None
    # The token chooses nothing: its header must be the agreed one, to the letter.
    match = re.fullmatch(certificate.header_pattern(purpose), header, re.ASCII)
    if not match:
        raise Refused("another certificate, purpose or algorithm")
    unsigned, alg, enc, sig = match.groups()
    # Anybody can encrypt for a certificate. Only the signature proves that httpd did it.
    signed = base64url_encode(unsigned + "}") + "." + encrypted_key
    try:
        certificate.verify(base64url_decode(sig), signed.encode())
    except (InvalidSignature, ValueError):
        raise Refused("the signature is wrong") from None
    opened = jwe.JWE(algs=[alg, enc])
    try:
        opened.deserialize(token, key=certificate.private)
    except jwe.InvalidJWEData:
        raise Refused("the tag is wrong") from None
    session = opened.payload
    # In microseconds since 1970. An application must check it, as mod_session does.
    expiry = parse_qs(session.decode("latin-1"), encoding="latin-1").get("expiry")
    if expiry and int(expiry[0]) < time.time() * 1_000_000:
        raise Refused("expired")
    return session


def main(action, purpose=None):
    if action != "open":
        sys.exit(__doc__)
    session = open_session(sys.stdin.read().strip(), purpose, Certificate())
    sys.stdout.buffer.write(session)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Refused as reason:
        sys.exit(f"refused: {reason}")
