"""The extensions that serve requests: created here, bound to the application in create_app if it has pages."""

import hashlib
import hmac
import ipaddress
import threading
import time
from typing import Any, cast

from apispec import APISpec
from flask import Flask, current_app, request
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user
from flask_smorest import Api, Blueprint
from flask_wtf import CSRFProtect
from limits.storage import MemoryStorage, RedisSentinelStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from marshmallow import Schema, fields, validate
from redis import RedisError


class ErrorDetails(Schema):
    """An error: `code` for programs, `message` for people, `details` by field if there are fields."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Raw(required=True, allow_none=True)


class Failure(Schema):
    """The response to a request that was rejected: `{"success": false, "error": {…}}`."""

    success = fields.Boolean(required=True, validate=validate.Equal(False))
    error = fields.Nested(ErrorDetails, required=True)


class _Api(Api):
    """The API and its OpenAPI document; `error_handlers` responds to errors, in the project's one format."""

    ERROR_SCHEMA = Failure
    DEFAULT_ERROR_RESPONSE_NAME = None  # each endpoint lists what it may answer

    def __init__(self) -> None:
        self._lock = threading.RLock()
        super().__init__()

    def _init_spec(self, **options: Any) -> None:
        self._spec: APISpec | None = None
        self._blueprints: list[Blueprint] = []

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Register the endpoints of the blueprint with the application; `spec` describes them."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self._blueprints.append(blueprint)

    @property
    def spec(self) -> APISpec:
        """The OpenAPI document, made when it is first read: few processes serve it, and making it is slow."""
        with self._lock:
            if self._spec is None:
                super()._init_spec()
                for blueprint in self._blueprints:
                    name = blueprint.name
                    blueprint.register_views_in_doc(self, self._app, self._spec, name=name, parameters=None)
                    self.spec.tag({"name": name, "description": blueprint.description})
            return cast("APISpec", self._spec)

    @spec.setter
    def spec(self, spec: APISpec | None) -> None:
        self._spec = spec

    def _register_error_handlers(self) -> None:
        pass


class Csrf(CSRFProtect):
    """CSRF protection for requests with a session.

    A browser never sends a bearer token by itself, and an anonymous API request has nothing to protect.
    """

    def protect(self, apply_exemptions: bool = False) -> None:
        """Raise CSRFError for a changing request without the token of its session."""
        if request.method not in current_app.config["WTF_CSRF_METHODS"]:
            return
        if request.path.startswith("/api/") and (
            "Authorization" in request.headers or not current_user.is_authenticated
        ):
            return
        super().protect(apply_exemptions=apply_exemptions)


class LockedMemoryStorage(MemoryStorage):
    """Rate limit counts in the memory of the process, for several threads.

    `MemoryStorage` starts its expiry timer without a lock: two threads that count at the same moment may start the same
    timer twice, which raises RuntimeError. Fixed windows reach the timer through `incr` alone.
    """

    STORAGE_SCHEME = ["locked-memory"]  # registers the class for this scheme of RATELIMIT_STORAGE_URI

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str):
        self._lock = threading.Lock()
        super().__init__(uri, wrap_exceptions, **options)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count and return it, one thread at a time."""
        with self._lock:
            return super().incr(key, expiry, amount)


class _RedisStorage(RedisStorage):
    """Rate limit counts in the broker, without importing valkey's client: that takes longer than a whole request.

    Flask-Limiter asks a broker that has not answered again before it counts in memory. Here it counts in memory for
    `ASKED_AGAIN_AFTER` seconds first, so that a request without the broker waits once.
    """

    STORAGE_SCHEME = ["redis", "rediss", "redis+unix"]  # replaces the library's own class for these schemes
    DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}
    ASKED_AGAIN_AFTER = 1.0
    _failed_at = float("-inf")

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count and return it. Raises RedisError."""
        try:
            return super().incr(key, expiry, amount)
        except RedisError:
            self._failed_at = time.monotonic()
            raise

    def check(self) -> bool:
        """Return whether the broker answers."""
        return time.monotonic() - self._failed_at > self.ASKED_AGAIN_AFTER and super().check()


class _SentinelStorage(_RedisStorage, RedisSentinelStorage):
    """The same, for a broker that sentinels watch."""

    STORAGE_SCHEME = ["redis+sentinel"]
    DEPENDENCIES = {name: RedisSentinelStorage.DEPENDENCIES[name] for name in ("redis", "redis.sentinel")}


class _Limiter(Limiter):
    """Flask-Limiter, with a fallback storage that threads can share."""

    def init_app(self, app: Flask) -> None:
        """Bind the limiter to the application, with a new fallback storage."""
        super().init_app(app)
        self._fallback_storage = LockedMemoryStorage()
        self._fallback_limiter = FixedWindowRateLimiter(self._fallback_storage)


def source() -> str:
    """Return the network address that counts as the source of the request.

    Of an IPv6 address it is the /64 network: a single customer of a provider has all of its 2^64 addresses.
    """
    try:
        address = ipaddress.ip_address(get_remote_address().partition("%")[0])
    except ValueError:  # a proxy's word that is no address
        return get_remote_address()
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def keyed_digest(text: str) -> str:
    """Return an HMAC of the text, so that the broker does not store addresses."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:24]


login_manager = LoginManager()
csrf = Csrf()
limiter = _Limiter(lambda: keyed_digest(source()))
jwt = JWTManager()
api = _Api()


def bind(app: Flask) -> None:
    """Bind them to the application."""
    for extension in (login_manager, csrf, limiter, jwt, api):
        extension.init_app(app)
