"""How gunicorn serves the application. Read by gunicorn itself; every value comes from the settings."""

import gc
import os
import socket
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from gnb import logs
from gnb.config import settings_or_exit
from gnb.queueing.worker.supervisor import warn_of_eviction
from gnb.services import web_processes

# From the process's own variables alone: a server never falls back on what bin/dev left on a developer's machine.
_settings = settings_or_exit(os.environ)
logs.configure(_settings)
web_processes.prepare(_settings.prometheus_multiproc_dir)


class logger_class(Logger):
    """Gunicorn's lines in the application's own format; each request's line is the application's."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class worker_class(ThreadWorker):
    """Threads that answer requests. The event loop answers `/healthz` by itself, whatever holds the threads."""

    liveness = b""

    def enqueue_req(self, conn: TConn) -> None:
        """Wait in the event loop for the first bytes of a new connection; then let a thread answer it."""
        if not (conn.initialized or conn.data_ready):
            conn.set_timeout()
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
        elif not self._answer_liveness(conn):
            super().enqueue_req(conn)

    def _answer_liveness(self, conn: TConn) -> bool:
        if conn.parser and conn.parser.unreader.buf.getvalue():  # the rest of what a thread has begun to read
            return False
        try:
            head = conn.sock.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if not (head.startswith(b"GET /healthz HTTP/1.") and head.endswith(b"\r\n\r\n")):
                return False
            conn.sock.recv(len(head))
            conn.sock.send(self.liveness)
        except OSError:
            return False
        self.nr_conns -= 1
        conn.close()
        return True

    def handle(self, conn: TConn) -> object:
        """Answer in a thread, which also waits for the client to close; gunicorn's event loop would wait there."""
        keep: object = super().handle(conn)
        if keep is False:
            conn.close(graceful=True)
        return keep

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Count a connection that its thread has closed once: a shutdown waits until none is left."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)


bind = f"[{_settings.bind}]:{_settings.port}" if ":" in _settings.bind else f"{_settings.bind}:{_settings.port}"
workers = _settings.web_concurrency
threads = web_processes.THREADS
preload_app = True  # imported once, its memory shared by the workers
timeout = 60  # seconds without a heartbeat; a download occupies a thread and does not stop the heartbeat
graceful_timeout = 25
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - heartbeats, never data
limit_request_line = 8190
limit_request_fields = 100
# No client's header becomes part of the WSGI environment: ProxyFix alone reads the proxies' headers (TRUSTED_PROXIES).
forwarded_allow_ips = ""
forwarder_headers = ""
proc_name = "gnb-web"
control_socket_disable = True


def when_ready(server: Any) -> None:
    """What was imported stays shared with the workers: their collectors leave it alone."""
    if _settings.queue_enabled:
        warn_of_eviction(_settings.redis_url)
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Each worker counts its requests in a slot that none beside it has."""
    worker.slot = web_processes.free_slot({other.slot for other in server.WORKERS.values()})


def post_fork(_server: object, worker: Any) -> None:
    """Each worker opens connections of its own."""
    from gnb.extensions import db, engine
    from gnb.services import notifications

    web_processes.take_slot(worker.slot)
    app = worker.app.wsgi()
    with app.app_context():
        db.engine.dispose(close=False)
        engine().after_fork()
    if _settings.queue_enabled:
        notifications.start(app)


def post_worker_init(worker: Any) -> None:
    """Keep the application's answer to `/healthz`."""
    answer = worker.wsgi.test_client().get("/healthz")
    headers = [f"{name}: {value}" for name, value in answer.headers if name != "X-Request-ID"]
    head = "\r\n".join([f"HTTP/1.1 {answer.status}", *headers, "Connection: close", "", ""])
    worker.liveness = head.encode() + answer.data


def on_exit(_server: object) -> None:
    """The counts of requests end with the server."""
    web_processes.clear()
