"""The whole application on a stage of its own: broker, database, web server, and workers when they are called for."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db, engine
from gnb.models import User
from gnb.services.accounts import passwords
from tests.browser import page_jobs  # noqa: F401  (declares its types)
from tests.servers import Broker, free_port
from tests.sessions import sign_in

PASSWORD = "a long enough password 42"
ADMIN, SUPPORT, DRIVER = "admin@gnb.example", "support@gnb.example", "driver@gnb.example"


class Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        pass


class Stage:
    """Everything runs between `start` and `stop`; `url` is where pages are."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.broker = Broker(folder / "broker", durable=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.variables = {
            "APP_ENV": "testing",
            "SECRET_KEY": "a key for tests, long enough to sign",
            "DATABASE_URL": f"sqlite:///{folder / 'gnb.db'}",
            "REDIS_URL": self.broker.url,
            "EMAIL_RATE_LIMIT": "none",
            "EMAIL_RECIPIENT_RATE_LIMIT": "none",
            "LOG_LEVEL": "ERROR",
        }
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> "Stage":
        self.broker.start()
        self.app = create_app(Settings.from_env(self.variables))
        with self.app.app_context():
            db.create_all()
            hashed = passwords.hash_password(PASSWORD)
            db.session.add(User(email=ADMIN, name="Ayşe Yılmaz", role="admin", password_hash=hashed))
            db.session.add(User(email=SUPPORT, name="Deniz Kaya", role="support", password_hash=hashed))
            db.session.commit()
        self._server = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self.stop_workers()
        self._server.shutdown()
        self.broker.stop()

    @property
    def cookie_name(self) -> str:
        return str(self.app.config["SESSION_COOKIE_NAME"])

    def session_of(self, email: str) -> str:
        """The cookie of a browser in which this account has just signed in."""
        with self.app.app_context():
            client = self.app.test_client()
            sign_in(client, db.session.scalars(sa.select(User).where(User.email == email)).one())
            cookie = client.get_cookie(self.cookie_name)
            assert cookie
            return str(cookie.value)

    def start_workers(self, *queues: str) -> None:
        """A worker for each queue named, once for each time it is named."""
        environment = {**os.environ, **self.variables, "LOG_LEVEL": "ERROR"}
        command = [sys.executable, "-m", "tests.browser.workers", *queues]
        self._workers.append(subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2]))
        self.until(lambda: len(engine().workers()) >= len(queues))

    def stop_workers(self) -> None:
        for process in self._workers:
            process.terminate()
        for process in self._workers:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._workers.clear()

    def forget_jobs(self) -> None:
        """Empties the broker."""
        with self.app.app_context():
            engine().broker.client.flushall()

    def queue(self, name: str = "email") -> Any:
        with self.app.app_context():
            return engine().queue(name)

    def enqueue(self, booking: int = 1, ending: str = "good", **options: Any) -> Any:
        """A welcome mail that will end like that."""
        note = options.pop("note", None)
        data = {"booking": booking, "ending": ending, **({"note": note} if note is not None else {})}
        return self.queue().enqueue("welcome-mail", data, **options)

    def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """What the condition gives as soon as it gives something; it is asked inside the application."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.app.app_context():
                if found := condition():
                    return found
            time.sleep(0.05)
        raise TimeoutError(f"not within {seconds} s")
