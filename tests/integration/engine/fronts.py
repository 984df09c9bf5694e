"""A TCP front of a broker, which can lose its connections' traffic or change what the broker replies."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Rewrite = Callable[[bytes], bytes]


class Front:
    """Listens on a port of its own and forwards to a broker's port.

    Args:
        rewrite: Applied to everything that the broker sends.
        tls: Serve TLS with this context.
    """

    def __init__(self, broker_port: int, rewrite: Rewrite | None = None, tls: ssl.SSLContext | None = None):
        self._broker_port = broker_port
        self._rewrite = rewrite or bytes
        self._tls = tls
        self._pairs: list[threading.Event] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def freeze(self) -> int:
        """Drop all further traffic of the present connections without closing them; return how many there are."""
        for pair in self._pairs:
            pair.set()
        return len(self._pairs)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                front = self._tls.wrap_socket(client, server_side=True) if self._tls else client
                back = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                client.close()
                continue
            frozen = threading.Event()
            self._pairs.append(frozen)
            for source, sink, rewrite in ((front, back, bytes), (back, front, self._rewrite)):
                threading.Thread(target=_pump, args=(source, sink, rewrite, frozen), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, rewrite: Rewrite, frozen: threading.Event) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if not frozen.is_set():
                sink.sendall(rewrite(data))
    if not frozen.is_set():
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def as_redis_6_2(reply: bytes) -> bytes:
    """The replies to HELLO and INFO as Redis 6.2 gives them."""
    reply = reply.replace(b"$6\r\nvalkey\r\n", b"$5\r\nredis\r\n")
    reply = re.sub(rb"(version\r\n)\$\d+\r\n[\d.]+\r\n", rb"\g<1>$5\r\n6.2.4\r\n", reply)
    return re.sub(rb"redis_version:\d\.\d\.\d", b"redis_version:6.2.4", reply)
