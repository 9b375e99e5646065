"""Key files: JWK Sets in the form that `htsession key` gives them."""

import json
import os
import secrets
from pathlib import Path


def write_key_set(path: Path) -> None:
    """Makes a file with one random key, which has begun and does not end."""
    key = {
        "kty": "oct",
        "kid": secrets.token_urlsafe(6),
        "alg": "A256KW",
        "k": secrets.token_urlsafe(32),
    }
    # httpd warns of a key file that others may read.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps({"keys": [key]}) + "\n")
