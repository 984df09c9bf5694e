"""The options of queues: what their jobs have unless they say otherwise, and how many may start and run at once."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidJobOption
from .options import JobOptions, Retention, seconds, whole


@dataclass(frozen=True, init=False)
class RateLimit:
    """At most `count` starts in any `window` seconds; with `key`, of the jobs that have the same value in this field.

    RateLimit("5/60s", key="recipient")
    """

    count: int
    window: float
    key: str | None

    def __init__(self, text: str, key: str | None = None):
        count, slash, window = text.partition("/")
        if not slash or not count.strip().isdigit() or not 1 <= int(count) <= 1_000_000:
            raise InvalidJobOption("rate_limit", value=repr(text))
        length = seconds(window, "rate limit's window")
        if length <= 0:
            raise InvalidJobOption("rate_window", value=repr(text))
        for name, value in (("count", int(count)), ("window", length), ("key", key)):
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str, key: str | None = None) -> "RateLimit | None":
        """From the form "50/60s"; None from "none" or "". Raises InvalidJobOption."""
        return None if text.strip().lower() in ("", "none") else cls(text, key)

    def __str__(self) -> str:
        """The form that people write and the scripts read."""
        return f"{self.count}/{self.window:.10g}s"

    def for_data(self, data: Mapping[str, Any]) -> str:
        """The form that the dequeue script reads in a job's hash: with a digest of the value that the data has in the
        field `key`; "" if it has none."""
        value = data.get(self.key) if self.key else None
        if value in (None, ""):
            return ""
        digest = hashlib.sha256(f"{self.key}={value}".encode(errors="surrogatepass")).hexdigest()[:20]
        return f"{digest}|{self.count}|{self.window:.10g}"


@dataclass(frozen=True)
class QueueOptions:
    """A queue's own options: what its jobs have unless they say otherwise, and its limits over all workers.

    `rate_limit`: how many jobs may start in a window; `concurrency_limit`: how many may run at once. None: no limit.
    `key_limits`: by the name of its key, the limit that holds in place of the one that job types declare.
    `prefetch`: how many jobs a worker process dequeues and finishes with one call, 1 to 255. It holds them for 20 ms at
    most; where a limit is in force it dequeues one.
    """

    job: JobOptions = field(default_factory=JobOptions)
    rate_limit: RateLimit | None = None
    concurrency_limit: int | None = None
    key_limits: Mapping[str, RateLimit | None] = field(default_factory=dict)
    prefetch: int = 1

    def __post_init__(self) -> None:
        whole(self.prefetch, "prefetch", 1, 255)

    @property
    def limits(self) -> tuple[str, str]:
        """Both limits in the form that people write and the scripts read."""
        return str(self.rate_limit or "none"), str(self.concurrency_limit or "none")

    def key_limit(self, declared: RateLimit | None) -> RateLimit | None:
        """The limit of a key that holds here for job types that declare this one."""
        return self.key_limits.get(declared.key, declared) if declared and declared.key else declared


def parse_concurrency_limit(value: int | str) -> int | None:
    """From a whole number or its digits; None from "none" or "". Raises InvalidJobOption."""
    text = str(value).strip().lower()
    if text in ("", "none"):
        return None
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000):
        raise InvalidJobOption("concurrency", value=repr(value))
    return int(text)


def parse_retention(value: Any, option: str) -> Retention:
    """From what the job option takes, or a text "24h/1000": the longest time and the most jobs, either may be "none".

    Raises InvalidJobOption.
    """
    if not isinstance(value, str):
        return Retention.of(value, option)
    age, slash, count = (part.strip().lower() for part in value.partition("/"))
    if not slash or not (count == "none" or (count.isascii() and count.isdigit() and len(count) < 10)):
        raise InvalidJobOption("queue_retention", value=repr(value))
    return Retention.of(
        {
            "age": None if age == "none" else seconds(age, f"{option}.age"),
            "count": None if count == "none" else int(count),
        },
        option,
    )


LIMITS: dict[str, Callable[[Any], str]] = {
    "rate_limit": lambda limit: str(RateLimit.parse(str(limit)) or "none"),
    "concurrency_limit": lambda limit: str(parse_concurrency_limit(limit) or "none"),
    "remove_on_complete": lambda kept: parse_retention(kept, "remove_on_complete").wire,
    "remove_on_fail": lambda kept: parse_retention(kept, "remove_on_fail").wire,
}
"""What can be set of a queue at run time, each from what people give to what the scripts read."""
