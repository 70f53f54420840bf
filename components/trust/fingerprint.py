"""Fingerprints of random secrets, which tell secrets apart but do not reveal them. Pure."""

import hashlib


def fingerprint(secret: str) -> str:
    """Return the first 128 bits of the SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]
