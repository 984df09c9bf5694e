"""Every setting that the application reads from its environment: typed, validated, and read nowhere else.

`Settings.from_env()` returns frozen `Settings` or raises `ConfigError` with one line that names the variable, the
shape of its value and an example. Values are never repeated in the message: they may be secrets.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from gnb.environment import ConfigError, Environment, read_env_file

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
# Written by bin/dev: lets `flask` commands and `rq` in another terminal reach what bin/dev runs.
DEVELOPMENT_FILE = INSTANCE / "development.env"

QUEUES = ("export", "email", "ai", "scheduled")
_CONCURRENCY = {"export": 2, "email": 5, "ai": 3, "scheduled": 2}
_RATE_LIMITS = {"export": "10/60s", "email": "50/60s", "ai": "20/60s", "scheduled": "none"}
_SHORTEST_KEY = 32
_FEWEST_CHARACTERS = 8  # different ones: `kkkk…` is long enough, but easy to guess
# The variables that each provider requires, each with an example.
_REQUIRED_BY_PROVIDER = {
    "sink": {},
    "gmail": {"EMAIL_USER": "bookings@gmail.com", "EMAIL_PASSWORD": "abcdefghijklmnop"},
    "mailtrap": {"MAILTRAP_USER": "1a2b3c4d5e6f7a", "MAILTRAP_PASSWORD": "7a6f5e4d3c2b1a"},
    "smtp": {"SMTP_HOST": "mail.example"},
}

__all__ = [
    "DEVELOPMENT_FILE",
    "INSTANCE",
    "QUEUES",
    "ROOT",
    "ConfigError",
    "Settings",
    "environment",
    "settings_or_exit",
]


@dataclass(frozen=True, repr=False)
class Settings:
    """The settings of one process; a field is the lower-case name of its variable."""

    app_env: str
    secret_key: str
    database_url: str
    redis_url: str
    queue_enabled: bool
    bind: str
    port: int
    site_url: str
    site_url_given: bool
    trusted_proxies: int
    web_concurrency: int
    worker_concurrency: dict[str, int]
    rate_limits: dict[str, str]
    concurrency_limits: dict[str, int | None]
    email_recipient_rate_limit: str
    booking_hold: int
    worker_shutdown_grace: float
    worker_max_memory: int
    export_storage: str
    exports_kept_days: int | None
    price_changes_kept_days: int | None
    audit_kept_days: int | None
    booking_data_kept_days: int | None
    email_provider: str
    email_user: str
    email_password: str
    email_from: str
    mailtrap_host: str
    mailtrap_port: int
    mailtrap_user: str
    mailtrap_password: str
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: str
    smtp_secure: bool
    smtp_require_tls: bool
    openai_api_key: str
    openai_base_url: str
    openai_model: str
    sentry_dsn: str
    metrics_token: str
    prometheus_multiproc_dir: str
    alert_webhook_private: bool
    log_level: str
    log_format: str

    @property
    def development(self) -> bool:
        return self.app_env == "development"

    @property
    def testing(self) -> bool:
        return self.app_env == "testing"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Return the settings of these variables. Raises ConfigError for the first invalid one."""
        return cls.read(Environment(environ))

    @classmethod
    def read(cls, env: Environment) -> "Settings":
        """Return the settings of an `Environment`, which then knows the names of all variables."""
        app_env = env.choice("APP_ENV", ("production", "development", "testing"), "production")
        port = env.integer("PORT", 5000, 1, 65535)
        secret_key = _secret_key(env, app_env)
        if app_env == "production":
            # A database that is missing in an environment file must not become a new, empty one.
            env.required("DATABASE_URL", "in production", "postgresql://user:password@db.example:5432/gnb")
            env.required("SITE_URL", "in production", "https://gnb.example")
            env.required("EMAIL_PROVIDER", "in production (sink: no message leaves)", "smtp")
        provider = env.choice("EMAIL_PROVIDER", tuple(_REQUIRED_BY_PROVIDER), "sink")
        for name, example in _REQUIRED_BY_PROVIDER[provider].items():
            env.required(name, f"with EMAIL_PROVIDER={provider}", example)
        return cls(
            app_env=app_env,
            secret_key=secret_key,
            database_url=env.database_url("DATABASE_URL", f"sqlite:///{INSTANCE / 'gnb.db'}"),
            redis_url=env.redis_url("REDIS_URL", f"unix://{INSTANCE / 'broker' / 'valkey.sock'}"),
            queue_enabled=env.boolean("QUEUE_ENABLED", True),
            bind=_bind(env, app_env),
            port=port,
            site_url=env.site_url("SITE_URL", f"http://127.0.0.1:{port}"),
            site_url_given=bool(env.text("SITE_URL")),
            trusted_proxies=env.integer("TRUSTED_PROXIES", 0, 0, 10),
            web_concurrency=env.integer("WEB_CONCURRENCY", 2, 1, 64),
            worker_concurrency={
                queue: env.integer(f"{queue.upper()}_WORKER_CONCURRENCY", _CONCURRENCY[queue], 1, 256)
                for queue in QUEUES
            },
            rate_limits={queue: env.rate(f"{queue.upper()}_RATE_LIMIT", _RATE_LIMITS[queue]) for queue in QUEUES},
            concurrency_limits={queue: env.concurrency_limit(f"{queue.upper()}_CONCURRENCY_LIMIT") for queue in QUEUES},
            email_recipient_rate_limit=env.rate("EMAIL_RECIPIENT_RATE_LIMIT", "5/60s"),
            booking_hold=env.integer("BOOKING_HOLD", 30, 1, 43_200),
            worker_shutdown_grace=env.seconds("WORKER_SHUTDOWN_GRACE", 25.0),
            worker_max_memory=env.integer("WORKER_MAX_MEMORY", memory_of_a_process(), 64, 1_000_000) << 20,
            export_storage=env.storage("EXPORT_STORAGE", "database"),
            exports_kept_days=env.days("EXPORTS_KEPT_DAYS", "365"),
            price_changes_kept_days=env.days("PRICE_CHANGES_KEPT_DAYS", "1095"),
            audit_kept_days=env.days("AUDIT_KEPT_DAYS", "730"),
            booking_data_kept_days=env.days("BOOKING_DATA_KEPT_DAYS", "none"),
            email_provider=provider,
            email_user=env.text("EMAIL_USER"),
            email_password=env.text("EMAIL_PASSWORD"),
            email_from=env.mailbox("EMAIL_FROM", "GNB Transfer <no-reply@gnb-transfer.example>"),
            mailtrap_host=env.text("MAILTRAP_HOST", "sandbox.smtp.mailtrap.io"),
            mailtrap_port=env.integer("MAILTRAP_PORT", 2525, 1, 65535),
            mailtrap_user=env.text("MAILTRAP_USER"),
            mailtrap_password=env.text("MAILTRAP_PASSWORD"),
            smtp_host=env.text("SMTP_HOST"),
            smtp_port=env.integer("SMTP_PORT", 587, 1, 65535),
            smtp_user=env.text("SMTP_USER"),
            smtp_password=env.text("SMTP_PASSWORD"),
            smtp_secure=env.boolean("SMTP_SECURE", False),
            smtp_require_tls=env.boolean("SMTP_REQUIRE_TLS", False),
            openai_api_key=env.text("OPENAI_API_KEY"),
            openai_base_url=env.http_url("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            openai_model=env.text("OPENAI_MODEL", "gpt-4o-mini"),
            sentry_dsn=env.sentry_dsn("SENTRY_DSN"),
            metrics_token=env.text("METRICS_TOKEN"),
            prometheus_multiproc_dir=env.text("PROMETHEUS_MULTIPROC_DIR"),
            alert_webhook_private=env.boolean("ALERT_WEBHOOK_PRIVATE", False),
            log_level=env.choice("LOG_LEVEL", ("debug", "info", "warning", "error", "critical"), "info").upper(),
            log_format=env.choice("LOG_FORMAT", ("text", "json"), "text"),
        )


def memory_of_a_process() -> int:
    """Return how many MB a worker process may use: a quarter of what the machine or cgroup has, from 256 to 1024."""
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            available = min(available, int(Path(file).read_text()))
        except (OSError, ValueError):  # no such cgroup version, or "max"
            continue
    return max(256, min(available // 4 >> 20, 1024))


def _secret_key(env: Environment, app_env: str) -> str:
    """Return the key that signs sessions and tokens; development may generate one for the lifetime of the process."""
    if app_env == "development" and not env.text("SECRET_KEY"):
        return secrets.token_hex(32)
    made = "$(python3 -c 'import secrets; print(secrets.token_hex(32))')"
    key = env.required("SECRET_KEY", "outside development", made)
    if app_env == "production" and (len(key) < _SHORTEST_KEY or len(set(key)) < _FEWEST_CHARACTERS):
        shape = f"at least {_SHORTEST_KEY} random characters in production"
        raise ConfigError(f"SECRET_KEY must be {shape}, for example SECRET_KEY={made}")
    return key


def _bind(env: Environment, app_env: str) -> str:
    """Return the address that the web server listens on.

    The web server has no deadline for reading a request: a few slow clients could occupy all of its threads. A proxy
    reads requests whole and passes them on, so in production only a proxy may reach it.
    """
    address = env.ip_address("BIND", "127.0.0.1")
    bare = not ip_address(address).is_loopback and env.integer("TRUSTED_PROXIES", 0, 0, 10) == 0
    if bare and app_env == "production":
        raise ConfigError(
            "BIND must be a loopback address in production unless TRUSTED_PROXIES says that a proxy stands in front, "
            "for example BIND=127.0.0.1"
        )
    return address


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the process's variables, over those that bin/dev left for commands on a developer's machine.

    A process that sets APP_ENV, SECRET_KEY, DATABASE_URL or REDIS_URL gets only its own variables.
    """
    if any(environ.get(name) for name in ("APP_ENV", "SECRET_KEY", "DATABASE_URL", "REDIS_URL")):
        return dict(environ)
    return {**read_env_file(DEVELOPMENT_FILE), **environ}


def settings_or_exit(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process; an invalid one ends it with a line on standard error and exit status 2."""
    try:
        return Settings.from_env(environment() if environ is None else environ)
    except ConfigError as error:
        print(f"gnb: {error}", file=sys.stderr)  # noqa: T201 - no log exists before its settings do
        raise SystemExit(2) from None
