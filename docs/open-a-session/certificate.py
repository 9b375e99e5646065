#!/usr/bin/env python3
"""Decrypts a session that mod_session_crypto encrypted for a certificate, or encrypts one.

    export SESSION_CERTIFICATE_FILE=FILE SESSION_KEY_FILE=FILE
    certificate.py open [PURPOSE] <token >session
    certificate.py make ENC [PURPOSE] <session >token

The files are PEM: the certificate first in its file, and its private key without
a passphrase. ENC is A128GCM, A192GCM or A256GCM. A token that is refused, or has expired, ends the program
with status 1 and a reason.

Needs jwcrypto (on Debian: python3-jwcrypto).
"""

import hashlib
import json
import os
import re
import ssl
import sys
import time
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_der_x509_certificate
from jwcrypto import jwe, jwk
from jwcrypto.common import base64url_decode, base64url_encode

KEY_LENGTH = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
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

    def algs(self):
        return ["ECDH-ES+A256KW"] if self.curve else ["RSA-OAEP-256", "RSA-OAEP"]

    def sign(self, data):
        private = self.private.get_op_key("unwrapKey")
        if not self.curve:
            return private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32), hashes.SHA256())
        # The form of JWS: r and s, each as long as the order of the curve.
        size = (self.public.key_size + 7) // 8
        numbers = utils.decode_dss_signature(private.sign(data, ec.ECDSA(self.digest())))
        return b"".join(number.to_bytes(size, "big") for number in numbers)

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
        text = base64url_decode(encoded).decode("ascii")
        header = json.loads(text)
        sig, epk, alg, enc = header.pop("sig", ""), header.pop("epk", None), header["alg"], header["enc"]
    except (ValueError, KeyError, AttributeError):
        raise Refused("not a token") from None
    # The token chooses nothing: its whole header must be the agreed one.
    expected = {"alg": alg, "enc": enc, "kid": certificate.id}
    if purpose:
        expected["aud"] = purpose
    has_point = isinstance(epk, dict) and epk.get("crv") == certificate.curve
    if header != expected or alg not in certificate.algs() or enc not in KEY_LENGTH or has_point != bool(certificate.curve):
        raise Refused("another certificate, purpose or algorithm")
    if not sig:
        raise Refused("another algorithm: there is no signature")
    # Anybody can encrypt for a certificate. Only the signature proves that httpd did it.
    unsigned = re.sub(r',"sig":"[^"]*"|"sig":"[^"]*",', "", text, count=1)
    signed = base64url_encode(unsigned) + "." + encrypted_key
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


def make_token(session, enc, purpose, certificate):
    header = {"alg": certificate.algs()[0], "enc": enc, "kid": certificate.id}
    if purpose:
        header["aud"] = purpose
    # The library encrypts a key of our own for the certificate. The rest of this first
    # token is thrown away, because its header has no signature yet.
    key = os.urandom(KEY_LENGTH[enc])
    first = jwe.JWE(b"-", protected=json.dumps(header, separators=(",", ":")))
    first.cek = key
    first.add_recipient(certificate.private)
    encoded, encrypted_key = first.serialize(compact=True).split(".")[:2]
    sig = base64url_encode(certificate.sign(f"{encoded}.{encrypted_key}".encode()))
    encoded = base64url_encode(base64url_decode(encoded).decode()[:-1] + f',"sig":"{sig}"}}')
    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, session, encoded.encode())
    return ".".join([encoded, encrypted_key, *map(base64url_encode, (nonce, sealed[:-16], sealed[-16:]))])


def main(action, *arguments):
    certificate = Certificate()
    if action == "open":
        purpose = arguments[0] if arguments else None
        sys.stdout.buffer.write(open_session(sys.stdin.read().strip(), purpose, certificate))
    elif action == "make":
        enc, purpose = arguments[0], arguments[1] if arguments[1:] else None
        sys.stdout.write(make_token(sys.stdin.buffer.read(), enc, purpose, certificate))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Refused as reason:
        sys.exit(f"refused: {reason}")
