"""Reading environment variables by type: each method returns a valid value or raises ConfigError in one line."""

import re
from collections.abc import Mapping
from email.utils import getaddresses
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class ConfigError(Exception):
    """An environment variable is missing or invalid; the message is one line for the person who starts the process."""


_RATE = re.compile(r"none|[1-9][0-9]{0,5}/[1-9][0-9]{0,5}s")
_SECONDS = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)s?")
_TLS_OPTION = r"ssl_(?:cert_reqs|ca_certs|certfile|keyfile)=[^&\s]+"
_SENTINEL = re.compile(
    r"(?:redis(?!.*\?)|rediss)\+sentinel://(?:[^@/]*@)?[^@/:,\s]+:[0-9]+(?:,[^@/:,\s]+:[0-9]+)*"
    rf"/[^/?\s]+(?:/[0-9]+)?/?(?:\?{_TLS_OPTION}(?:&{_TLS_OPTION})*)?"
)
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_DATABASE_SHAPE = "a SQLite or PostgreSQL address"
_DATABASE_EXAMPLE = "postgresql://user:password@db.example:5432/gnb or sqlite:////var/lib/gnb/gnb.db"
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_EXAMPLE = "postgresql://user:password@db.example/gnb?sslmode=require"
_REDIS_SHAPE = "a redis://, rediss://, redis+sentinel://, rediss+sentinel:// or unix:// address"
_REDIS_EXAMPLE = "redis://:password@cache.example:6379/0 or redis+sentinel://s1.example:26379,s2.example:26379/mymaster"


class Environment:
    """Variables of the environment; an empty one counts as missing. `asked` has the names read so far."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.asked: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self.asked.add(name)
        return self._variables.get(name, "").strip() or default

    def required(self, name: str, when: str, example: str) -> str:
        if value := self.text(name):
            return value
        raise ConfigError(f"{name} is required {when}, for example {name}={example}")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default).lower()
        if value not in choices:
            raise _wrong(name, "one of " + ", ".join(choices), choices[0])
        return value

    def boolean(self, name: str, default: bool) -> bool:
        value = self.text(name, str(default)).lower()
        if value not in _TRUE | _FALSE:
            raise _wrong(name, "true or false", str(default).lower())
        return value in _TRUE

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise _wrong(name, f"a whole number from {low} to {high}", str(default))
        return int(value)

    def days(self, name: str, default: str) -> int | None:
        """Return a number of days; None for `none`: kept for ever."""
        value = self.text(name, default).lower()
        if value == "none":
            return None
        if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) < 1:
            raise _wrong(name, "a number of days, or none", "365")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        match = _SECONDS.fullmatch(self.text(name, str(default)))
        if not match:
            raise _wrong(name, "a number of seconds", f"{default:g}")
        return float(match[1])

    def rate(self, name: str, default: str) -> str:
        value = self.text(name, default).lower()
        if not _RATE.fullmatch(value):
            raise _wrong(name, "starts/seconds, or none", "10/60s")
        return value

    def concurrency_limit(self, name: str) -> int | None:
        """Return a number of jobs; None where the variable is `none` or not set."""
        value = self.text(name, "none").lower()
        if value == "none":
            return None
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 10_000:
            raise _wrong(name, "a number of jobs from 1 to 10000, or none", "3")
        return int(value)

    def ip_address(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            return str(ip_address(value))
        except ValueError:
            raise _wrong(name, "an IP address of this machine", default) from None

    def site_url(self, name: str, default: str) -> str:
        """Return an http or https origin: scheme, host and perhaps a port."""
        value = self.http_url(name, default)
        parts = _split(value)
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            raise _wrong(name, "an http or https address without path, query and user", "https://gnb.example")
        return value

    def sentry_dsn(self, name: str) -> str:
        """Return a DSN that Sentry's client accepts, or ""."""
        value = self.http_url(name, "")
        if value:
            from sentry_sdk.utils import BadDsn, Dsn

            try:
                Dsn(value)
            except BadDsn:
                raise _wrong(name, "an address with a key and a project", "https://key@sentry.example/1") from None
        return value

    def http_url(self, name: str, default: str) -> str:
        """Return an http or https URL without trailing slash."""
        value = self.text(name, default)
        if value and not _is_url(value, ("http", "https")):
            raise _wrong(name, "an http or https address", default or "https://key@sentry.example/1")
        return value.rstrip("/")

    def database_url(self, name: str, default: str) -> str:
        """Return a URL for SQLAlchemy; `postgres://` as platforms write it means PostgreSQL by psycopg 3."""
        value = re.sub(r"^(postgres|postgresql)://", "postgresql+psycopg://", self.text(name, default))
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise _wrong(name, _DATABASE_SHAPE, _DATABASE_EXAMPLE) from None
        named = url.database or url.query.get("host")
        if url.drivername not in ("sqlite", "postgresql+psycopg") or not named:
            raise _wrong(name, _DATABASE_SHAPE, _DATABASE_EXAMPLE)
        if url.drivername == "postgresql+psycopg" and url.query:
            _check_libpq_options(name, url.query)
        return value

    def redis_url(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if value.startswith(("redis+sentinel://", "rediss+sentinel://")):
            good = bool(_SENTINEL.fullmatch(value))
        elif value.startswith("unix://"):
            good = bool(_split(value).path)
        else:
            good = (
                _is_url(value, ("redis", "rediss")) and re.fullmatch(r"/?|/[0-9]{1,3}", _split(value).path) is not None
            )
        if not good:
            raise _wrong(name, _REDIS_SHAPE, _REDIS_EXAMPLE)
        if "?" in value and "sentinel" not in _split(value).scheme:
            from redis import ConnectionPool, RedisError

            try:
                ConnectionPool.from_url(value).make_connection()  # connects to nothing yet
            except (ValueError, TypeError, RedisError):
                raise _wrong(name, f"{_REDIS_SHAPE} with options of redis-py", _REDIS_EXAMPLE) from None
        return value

    def storage(self, name: str, default: str) -> str:
        value = self.text(name, default)
        parts = _split(value)
        good = {"": value == "database", "file": not parts.netloc and len(parts.path) > 1, "s3": bool(parts.netloc)}
        if not good.get(parts.scheme):
            raise _wrong(name, "database, file:///folder or s3://bucket/prefix", "s3://gnb-exports/production")
        return value

    def mailbox(self, name: str, default: str) -> str:
        value = self.text(name, default)
        found = getaddresses([value])
        if len(found) != 1 or not re.fullmatch(r"[^@\s]+@[^@\s]+", found[0][1]) or "\n" in value:
            raise _wrong(name, "one e-mail address, with or without a name", default)
        return value


def _check_libpq_options(name: str, query: Mapping[str, str | tuple[str, ...]]) -> None:
    """Raise ConfigError for an option that libpq does not have, or an `sslmode` that it would reject."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo("", **{option: str(value) for option, value in query.items()})
    except ProgrammingError:
        raise _wrong(name, f"{_DATABASE_SHAPE} with options of libpq", _DATABASE_EXAMPLE) from None
    if query.get("sslmode", "prefer") not in _SSL_MODES:
        raise _wrong(name, f"an address whose sslmode is one of {', '.join(_SSL_MODES)}", _SSL_EXAMPLE)


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a .env file: NAME=value lines, `#` comments, optional quotes; none if it does not
    exist."""
    if not path.is_file():
        return {}
    variables = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removeprefix("export ").lstrip()
        if not text or text.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", text)
        if not match:
            raise ConfigError(f"{path.name} line {number} is not NAME=value, for example PORT=5000")
        variables[match[1]] = _unquote(match[2])
    return variables


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.split(r"\s+#", value)[0].strip()


def _wrong(name: str, shape: str, example: str) -> ConfigError:
    return ConfigError(f"{name} must be {shape}, for example {name}={example}")


def _split(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        return SplitResult("invalid", "", "", "", "")


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    parts = _split(value)
    try:
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
