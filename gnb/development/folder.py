"""What a developer's machine keeps under `instance/`: one run at a time, secrets made once, the way to start over."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOCK = "dev.lock"


class AlreadyRunning(Exception):
    """Another bin/dev runs in this folder; the text is its process id."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for this process; the lock goes with the process. Raises AlreadyRunning."""
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
    """Removes everything that was made here, the lock that we hold excepted."""
    for path in folder.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def secret(folder: Path, name: str, length: int) -> str:
    """The secret kept under this name, made on first use; only its owner can read it."""
    path = folder / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(length))
    return path.read_text(encoding="utf-8").strip()


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Keeps the variables for commands in other terminals; only their owner can read them."""
    write_private(path, "".join(f'{name}="{value}"\n' for name, value in variables.items() if "\n" not in value))


def write_private(path: Path, text: str) -> None:
    """Writes the file whole or not at all, readable by its owner alone."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)
