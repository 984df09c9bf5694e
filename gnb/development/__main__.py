"""`python -m gnb.development [--fresh]`: what bin/dev does once everything is installed.

State is kept under `instance/`: a lock so that only one bin/dev runs, secrets, and the data itself.
"""

import fcntl
import http.client
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from gnb.broker import BrokerError, EmbeddedBroker
from gnb.config import DEVELOPMENT_FILE, INSTANCE, ROOT, ConfigError, Settings
from gnb.development.supervisor import Supervisor, procfile, say
from gnb.environment import Environment, read_env_file

ADMIN_EMAIL = "admin@gnb-transfer.example"
LOCK = "dev.lock"


def main(arguments: list[str]) -> int:
    """Run until a process fails or Ctrl-C; return the exit status after all have ended."""
    try:
        with locked(INSTANCE):
            return _run(fresh="--fresh" in arguments)
    except AlreadyRunning as error:
        return _refuse(f"already running in this folder (process {error}); stop that one first")
    except (ConfigError, BrokerError, PortTaken) as error:
        return _refuse(str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        return _refuse(f"the database could not be prepared: {reason}")
    except click.ClickException as error:
        return _refuse(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return 130


class PortTaken(Exception):
    """The port is in use; the message says which and what to do."""


def _run(fresh: bool) -> int:
    named = {**read_env_file(ROOT / ".env"), **os.environ, "APP_ENV": "development"}
    known = Environment(named)
    settings = Settings.read(known)
    _check_port(settings.bind, settings.port)
    if fresh:
        clear(INSTANCE)
        if named.get("DATABASE_URL") or named.get("REDIS_URL"):
            say("bin/dev: what DATABASE_URL and REDIS_URL name is left as it is; only instance/ starts over")
    variables = {name: named[name] for name in sorted(known.asked) if name in named}
    variables["PORT"] = str(settings.port)
    variables["DATABASE_URL"] = settings.database_url
    variables["SECRET_KEY"] = named.get("SECRET_KEY") or secret(INSTANCE, "secret-key", 32)
    with _broker(named.get("REDIS_URL")) as broker:
        variables["REDIS_URL"] = broker.url if broker else named["REDIS_URL"]
        write_variables(DEVELOPMENT_FILE, variables)
        # From here on this process is the application, too: the programs of the Procfile run in its forks.
        os.environ.update(variables, PATH=f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", PYTHONUNBUFFERED="1")
        password = secret(INSTANCE, "admin-password", 12)
        from gnb.development.preparation import prepare

        prepare(ADMIN_EMAIL, password)
        return _serve(settings, password, broker)


@contextmanager
def _broker(url: str | None) -> Iterator[EmbeddedBroker | None]:
    """Yield an embedded broker that runs meanwhile, or None if a URL is configured."""
    if url:
        yield None
        return
    with EmbeddedBroker(INSTANCE / "broker") as broker:
        yield broker


def _serve(settings: Settings, password: str, broker: EmbeddedBroker | None) -> int:
    def watch() -> None:
        announce(settings.port, password)
        while broker:
            keep_running(broker)
            time.sleep(1)

    supervisor = Supervisor(ROOT, settings.worker_shutdown_grace, watch)
    for name, command in procfile(ROOT / "Procfile").items():
        if name == "scheduler" and not settings.queue_enabled:
            say("QUEUE_ENABLED is false: nothing is queued, so no scheduler starts")
        elif name != "release":  # a platform runs it before the others: the preparation has done the same
            supervisor.add(name, command)
    return supervisor.run()


def keep_running(broker: EmbeddedBroker) -> None:
    """Start the broker again if it has ended by itself, and say so."""
    try:
        if broker.restart_if_ended():
            say("bin/dev: the embedded broker had ended and was started again")
    except BrokerError as error:
        say(f"bin/dev: {error}")


def announce(port: int, password: str) -> None:
    """Print the address and the admin's credentials as soon as application, database and broker answer."""
    told = False
    while (status := _readiness(port)) != 200:
        if status and not told:
            told = True
            say(f"bin/dev: not ready: database or broker does not answer, see http://127.0.0.1:{port}/readyz")
        time.sleep(1 if status else 0.1)
    say(f"\nReady: http://127.0.0.1:{port}\nE-mail: {ADMIN_EMAIL}\nPassword: {password}\n")


def _readiness(port: int) -> int | None:
    """Return the status of /readyz, None while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _check_port(bind: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except PermissionError:
            raise PortTaken(f"port {port} needs root; choose one above 1023: PORT=5001 bin/dev") from None
        except OSError:
            raise PortTaken(f"port {port} is taken; choose another: PORT={port + 1} bin/dev") from None


def _refuse(reason: str) -> int:
    print(f"bin/dev: {reason}", file=sys.stderr)  # noqa: T201
    return 1


class AlreadyRunning(Exception):
    """Another bin/dev runs in this folder; the message is its process id."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder for this process; the lock ends with the process. Raises AlreadyRunning."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(lock.read().strip()) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def clear(folder: Path) -> None:
    """Delete everything in the folder except the lock."""
    for path in folder.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def secret(folder: Path, name: str, length: int) -> str:
    """Return the secret with this name, generated on first use; only its owner can read it."""
    path = folder / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(length))
    return path.read_text(encoding="utf-8").strip()


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Write the variables for commands in other terminals; only their owner can read them."""
    write_private(path, "".join(f'{name}="{value}"\n' for name, value in variables.items() if "\n" not in value))


def write_private(path: Path, text: str) -> None:
    """Write the file atomically, readable only by its owner."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signal_number, _frame: sys.exit(128 + signal_number))
    sys.exit(main(sys.argv[1:]))
