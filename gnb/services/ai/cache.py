"""Answers kept in the broker for an hour, by what was asked. A key is a digest: it tells nothing of who asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from gnb.extensions import engine

KEPT_SECONDS = 3600
JOB_KEPT_SECONDS = 600


def digest(kind: str, content: Mapping[str, Any]) -> str:
    """A name for this question; the same content gives the same name."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(f"{kind}\n{text}".encode()).hexdigest()[:32]


def get(kind: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer kept for the content. Raises QueueUnavailable."""
    found = _read(_key("answer", kind, content))
    return cast("dict[str, Any]", json.loads(found)) if found else None


def put(kind: str, content: Mapping[str, Any], answer: Mapping[str, Any], seconds: int = KEPT_SECONDS) -> None:
    """Keeps the answer for an hour, or so many seconds. Raises QueueUnavailable."""
    _write(_key("answer", kind, content), json.dumps(answer, ensure_ascii=False, default=str), seconds)


def job_of(kind: str, content: Mapping[str, Any]) -> str | None:
    """The id of the job that was last asked to answer this. Raises QueueUnavailable."""
    found = _read(_key("job", kind, content))
    return found.decode() if found else None


def remember_job(kind: str, content: Mapping[str, Any], job_id: str) -> None:
    """Notes which job answers this, so that asking twice makes one job. Raises QueueUnavailable."""
    _write(_key("job", kind, content), job_id, JOB_KEPT_SECONDS)


def _key(what: str, kind: str, content: Mapping[str, Any]) -> str:
    return f"gnb:ai:{what}:{kind}:{digest(kind, content)}"


def _read(key: str) -> bytes | None:
    broker = engine().broker
    return cast("bytes | None", broker.call(lambda: broker.client.get(key)))


def _write(key: str, text: str, seconds: int) -> None:
    broker = engine().broker
    broker.call(lambda: broker.client.set(key, text, ex=seconds))
