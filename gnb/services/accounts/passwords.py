"""Password hashing with argon2id; verification takes the same time whether the account exists or not."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gnb.messages import DomainError

MINIMUM_LENGTH = 10
MAXIMUM_LENGTH = 200

# OWASP's recommendation for argon2id: 19 MiB and two passes, about 20 ms, so that a burst of sign-ins fits into the
# memory of a small machine. A hash made with other figures is renewed at the next sign-in.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class WeakPassword(DomainError, ValueError):
    """The password is rejected; the message says why."""

    code = "weak_password"


def check_strength(password: str, email: str) -> None:
    """Raise WeakPassword if the password is too short, too long or equal to the address."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise WeakPassword("length", low=MINIMUM_LENGTH, high=MAXIMUM_LENGTH)
    if len(set(password)) < 4:
        raise WeakPassword("repetitive")
    if password.strip().lower() in (email.lower(), email.lower().partition("@")[0]):
        raise WeakPassword("address")


def hash_password(password: str) -> str:
    """Return the argon2id hash of the password, as a PHC string."""
    return _hasher.hash(password)


def verify(password: str, password_hash: str | None) -> bool:
    """Return whether the password matches the hash; takes the same time without a hash."""
    try:
        return _hasher.verify(password_hash or _dummy_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters than the current ones."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("nobody has this password")
