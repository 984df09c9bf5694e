"""Settings: what stands without any variable, what a good one makes, and the one line that a wrong one gives."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gnb.config import ROOT, ConfigError, Settings, environment, settings_or_exit
from gnb.environment import Environment, read_env_file

KEY = {
    "SECRET_KEY": "some secret that is long enough for production",
    "SITE_URL": "https://gnb.example",
    "EMAIL_PROVIDER": "sink",
    "DATABASE_URL": "sqlite:////var/lib/gnb/gnb.db",
}


def test_in_production_a_missing_database_is_not_replaced_by_a_new_sqlite_file() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL is required in production, for example"):
        Settings.from_env({name: value for name, value in KEY.items() if name != "DATABASE_URL"})


def test_in_development_everything_embedded_is_used() -> None:
    settings = Settings.from_env({"APP_ENV": "development"})
    assert settings.database_url == f"sqlite:///{ROOT / 'instance' / 'gnb.db'}"
    assert settings.redis_url == f"unix://{ROOT / 'instance' / 'broker' / 'valkey.sock'}"
    assert (settings.export_storage, settings.email_provider, settings.openai_api_key) == ("database", "sink", "")


def test_the_defaults_of_the_queues_stand() -> None:
    settings = Settings.from_env(KEY)
    assert settings.worker_concurrency == {"export": 2, "email": 5, "ai": 3, "scheduled": 2}
    assert settings.rate_limits == {"export": "10/60s", "email": "50/60s", "ai": "20/60s", "scheduled": "none"}
    assert settings.worker_shutdown_grace == 25
    assert 256 << 20 <= settings.worker_max_memory <= 1024 << 20
    assert settings.queue_enabled


def test_an_empty_variable_is_the_same_as_none() -> None:
    assert Settings.from_env({**KEY, "PORT": "", "EXPORT_RATE_LIMIT": " "}).port == 5000


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_means_psycopg_3(scheme: str) -> None:
    settings = Settings.from_env({**KEY, "DATABASE_URL": f"{scheme}://gnb:pa%40ss@db:5432/gnb?sslmode=require"})
    assert settings.database_url == "postgresql+psycopg://gnb:pa%40ss@db:5432/gnb?sslmode=require"


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379",
        "redis://:password@localhost:6379",
        "redis://user:password@cache.example:12345/3",
        "rediss://user:password@cache.example:12345/0",
        "redis+sentinel://localhost:26379/mymaster",
        "redis+sentinel://user:pass@s1:26379,s2:26379,s3:26380/mymaster/2",
        "rediss+sentinel://user:pass@s1:26379,s2:26379/mymaster/2?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/valkey.sock",
        "unix:///run/valkey.sock?db=2",
    ],
)
def test_every_form_of_a_redis_address_is_taken(url: str) -> None:
    assert Settings.from_env({**KEY, "REDIS_URL": url}).redis_url == url


WRONG = [
    ("DATABASE_URL", "mysql://root@localhost/gnb"),
    ("DATABASE_URL", "postgres://"),
    ("DATABASE_URL", "not an address"),
    ("DATABASE_URL", "postgresql://localhost/gnb?sslmode=bogus"),
    ("DATABASE_URL", "postgresql://localhost/gnb?foo=bar"),
    ("REDIS_URL", "redis://localhost:6379/0?foo=bar"),
    ("REDIS_URL", "redis://localhost:6379/0?db=abc"),
    ("REDIS_URL", "unix:///run/valkey.sock?foo=bar"),
    ("REDIS_URL", "rediss://localhost:6379/0?ssl_cert_reqs=bogus"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "redis://localhost:notaport"),
    ("REDIS_URL", "redis://localhost:6379/first"),
    ("REDIS_URL", "redis+sentinel://localhost:26379"),
    ("REDIS_URL", "redis+sentinel://localhost/mymaster"),
    ("REDIS_URL", "redis+sentinel://localhost:26379/mymaster?ssl_ca_certs=/etc/ca.pem"),
    ("REDIS_URL", "unix://"),
    ("QUEUE_ENABLED", "perhaps"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "80a"),
    ("SITE_URL", "gnb.example"),
    ("SITE_URL", "https://gnb.example/shop"),
    ("SITE_URL", "https://user@gnb.example"),
    ("WEB_CONCURRENCY", "-1"),
    ("TRUSTED_PROXIES", "all"),
    ("EXPORT_WORKER_CONCURRENCY", "0"),
    ("EMAIL_WORKER_CONCURRENCY", "many"),
    ("BIND", "localhost"),
    ("AI_RATE_LIMIT", "20"),
    ("AI_RATE_LIMIT", "20/minute"),
    ("AI_RATE_LIMIT", "0/60s"),
    ("AI_RATE_LIMIT", "2000000/60s"),
    ("SCHEDULED_RATE_LIMIT", "-5/60s"),
    ("EXPORT_CONCURRENCY_LIMIT", "0"),
    ("EXPORT_CONCURRENCY_LIMIT", "10001"),
    ("EXPORT_CONCURRENCY_LIMIT", "two"),
    ("WORKER_SHUTDOWN_GRACE", "soon"),
    ("WORKER_MAX_MEMORY", "1"),
    ("EXPORT_STORAGE", "disk"),
    ("EXPORT_STORAGE", "file://"),
    ("EXPORT_STORAGE", "s3:///prefix"),
    ("EMAIL_PROVIDER", "pigeon"),
    ("EMAIL_FROM", "nobody"),
    ("EMAIL_FROM", "a@gnb.example, b@gnb.example"),
    ("SMTP_PORT", "smtp"),
    ("SMTP_SECURE", "maybe"),
    ("OPENAI_BASE_URL", "ftp://api.example"),
    ("SENTRY_DSN", "sentry"),
    ("SENTRY_DSN", "https://sentry.example/1"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("APP_ENV", "staging"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_named_with_its_shape_and_an_example(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({**KEY, name: value})
    line = str(caught.value)
    assert line.startswith(f"{name} must be ")
    assert f", for example {name}=" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "value"), [("REDIS_URL", "http://:hunter2@cache"), ("DATABASE_URL", "my://:hunter2@db/x")]
)
def test_a_refusal_does_not_repeat_the_value_which_may_be_a_secret(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({**KEY, name: value})
    assert "hunter2" not in str(caught.value)


def test_the_example_of_a_refusal_is_itself_taken() -> None:
    for name, value in WRONG:
        with pytest.raises(ConfigError) as caught:
            Settings.from_env({**KEY, name: value})
        example = str(caught.value).split(f"for example {name}=")[1].split(" or ")[0]
        Settings.from_env({**KEY, name: example})


@pytest.mark.parametrize("app_env", ["production", "testing"])
def test_a_secret_key_is_required_outside_development(app_env: str) -> None:
    with pytest.raises(ConfigError, match="SECRET_KEY is required outside development"):
        Settings.from_env({"APP_ENV": app_env})


def test_in_development_a_secret_key_is_made() -> None:
    assert len(Settings.from_env({"APP_ENV": "development"}).secret_key) == 64


@pytest.mark.parametrize(
    ("provider", "missing"), [("gmail", "EMAIL_USER"), ("mailtrap", "MAILTRAP_USER"), ("smtp", "SMTP_HOST")]
)
def test_a_mail_provider_names_what_it_lacks(provider: str, missing: str) -> None:
    line = rf"{missing} is required with EMAIL_PROVIDER={provider}, for example {missing}=\w+"
    with pytest.raises(ConfigError, match=line):
        Settings.from_env({**KEY, "EMAIL_PROVIDER": provider})


def test_settings_never_show_their_secrets_when_printed() -> None:
    assert "some secret" not in repr(Settings.from_env(KEY))


def test_whoever_names_a_database_or_key_gets_nothing_from_the_development_file() -> None:
    assert environment({"DATABASE_URL": "sqlite:///x.db"}) == {"DATABASE_URL": "sqlite:///x.db"}


def test_a_wrong_setting_ends_the_start_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        settings_or_exit({**KEY, "PORT": "eighty"})
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "flask", "--app", "wsgi", "routes"],
        ["-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:0"],
    ],
)
def test_commands_end_without_a_traceback_when_a_setting_is_wrong(command: list[str]) -> None:
    variables = {"PATH": "/usr/bin:/bin", "APP_ENV": "production"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("gnb: SECRET_KEY is required outside development")
    assert done.stderr.count("\n") == 1


def test_an_env_file_has_comments_quotes_and_exports(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\n\nPORT=5001  # the web's\nexport LOG_LEVEL=debug\n"
        "EMAIL_FROM='GNB <a@b.example>'\nSECRET_KEY=\"a#b\"\n"
    )
    assert read_env_file(path) == {
        "PORT": "5001",
        "LOG_LEVEL": "debug",
        "EMAIL_FROM": "GNB <a@b.example>",
        "SECRET_KEY": "a#b",
    }


def test_a_line_of_an_env_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("PORT=5001\nthis is no variable\n")
    with pytest.raises(ConfigError, match=r"\.env line 2"):
        read_env_file(path)


def test_every_variable_stands_in_the_example_file() -> None:
    known = Environment(KEY)
    Settings.read(known)
    assert set(read_env_file(ROOT / ".env.example")) == known.asked


def test_every_variable_stands_in_the_table_of_the_docs() -> None:
    known = Environment(KEY)
    Settings.read(known)
    table = [line.split("|")[1] for line in (ROOT / "docs/configuration.md").read_text().splitlines() if "| `" in line]
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(table))) == known.asked
