"""The application stands on both databases and a real broker."""

import redis
from flask import Flask
from sqlalchemy import text

from gnb.extensions import db
from tests.servers import Broker, on_sqlite


def test_the_application_reaches_its_database(app: Flask) -> None:
    assert db.session.execute(text("SELECT 1")).scalar_one() == 1


def test_the_broker_is_empty_and_answers_on_both_addresses(broker: Broker) -> None:
    with redis.Redis.from_url(broker.url) as by_socket, redis.Redis.from_url(broker.tcp_url) as by_port:
        assert by_socket.dbsize() == 0
        by_socket.set("a", "1")
        assert by_port.get("a") == b"1"


@on_sqlite
def test_sqlite_lets_readers_go_on_while_one_writes_and_keeps_foreign_keys(app: Flask) -> None:
    pragmas = {name: db.session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1}
