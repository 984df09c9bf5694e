"""A short name for a group of failures: an error's own text may hold anything, and has no place in an address."""

import hashlib


def failure_key(signature: str) -> str:
    """Return sixteen hexadecimal digits that stand for the signature."""
    return hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest()[:16]
