"""Jobs that depend on others: the option `depends_on`, and reading the jobs before and after one.

    report = queue.enqueue("report", depends_on=[first, second.id])       # runs when both have completed
    queue.enqueue("notify", depends_on=report, on_parent_failure="run")   # runs although it failed

`depends_on` takes jobs and ids, of any queue, one or several, and RQ's `Dependency`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rq.job import Dependency

from . import keys as names
from .errors import InvalidJobOption
from .job import STATE_OF_STATUS, attempts_from_results, parent_ids

MOST_PARENTS = 1000
PARENT_FAILURE = ("wait", "run", "cancel")
"""What a failed parent does to a job: it goes on waiting, runs all the same, or fails too."""


@dataclass(frozen=True)
class Dependencies:
    """What a job depends on: ids, and what RQ's `Dependency` says beside them."""

    ids: tuple[str, ...] = ()
    allow_failure: bool = False
    at_front: bool = False

    @classmethod
    def of(cls, value: Any) -> "Dependencies":
        """From a job, an id, RQ's `Dependency`, or several of these. Raises InvalidJobOption."""
        if isinstance(value, Dependencies):
            return value
        items = list(value) if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else [value]
        given = [item for item in items if isinstance(item, Dependency)]
        jobs = [job for item in items for job in (item.dependencies if isinstance(item, Dependency) else [item])]
        ids = tuple(dict.fromkeys(_id(job) for job in jobs))
        if len(ids) > MOST_PARENTS:
            raise InvalidJobOption(f"depends_on has {len(ids):,} jobs; give {MOST_PARENTS:,} at most")
        return cls(ids, any(each.allow_failure for each in given), any(each.enqueue_at_front for each in given))

    def fields(self, on_parent_failure: str | None) -> list[Any]:
        """The fields of a job's hash, RQ's own and ours."""
        if not self.ids:
            return []
        mode = self.mode(on_parent_failure)
        words: list[Any] = ["dependency_id", self.ids[0], "dependency_ids", json.dumps(self.ids)]
        words += ["allow_dependency_failures", int(mode == "run"), "enqueue_at_front", int(self.at_front)]
        return [*words, "on_parent_failure", mode] if mode == "cancel" else words

    def mode(self, on_parent_failure: str | None) -> str:
        """One of `PARENT_FAILURE`: the option where it is given."""
        return on_parent_failure or ("run" if self.allow_failure else "wait")


NO_DEPENDENCIES = Dependencies()


def _id(job: Any) -> str:
    job_id = getattr(job, "id", job)
    if not isinstance(job_id, str) or not names.JOB_ID.fullmatch(job_id) or job_id.startswith(names.TEMPLATE_PREFIX):
        raise InvalidJobOption(f"depends_on has {job_id!r}; give jobs or their ids")
    return job_id


@dataclass(frozen=True)
class RelatedJob:
    """A job before or after another; `state` is "removed" when it is gone, and `return_value` that of its last run."""

    id: str
    queue: str
    name: str
    state: str
    return_value: Any = None
    error: str | None = None


RELATED_FIELDS = ("origin", "type", "status", "error", "description")
"""The fields of a job's hash that a `RelatedJob` is made of."""


def read_parents(client: Any, job_id: str) -> list[RelatedJob]:
    """Return the jobs that this one depends on, in the order in which they were named, with their results."""
    ids = parent_ids(client.hget(names.job(job_id), "dependency_ids"))
    pipeline = client.pipeline(transaction=False)
    for parent in ids:
        pipeline.hmget(names.job(parent), RELATED_FIELDS)
        pipeline.xrevrange(names.results(parent), count=1)
    answers = iter(pipeline.execute() if ids else [])
    return [related_job(parent, next(answers), next(answers)) for parent in ids]


def related_job(job_id: str, values: list[bytes | None], results: Sequence[Any] = ()) -> RelatedJob:
    """Return the job of these values of RELATED_FIELDS and of the newest entry of its result stream."""
    origin, name, status, error, description = (value.decode(errors="replace") if value else "" for value in values)
    if not status:
        return RelatedJob(job_id, "", "", "removed")
    state = STATE_OF_STATUS.get(status, "waiting")
    attempts = attempts_from_results(list(results)) if state == "completed" else []
    return RelatedJob(
        id=job_id,
        queue=origin.partition(":")[0],
        name=name or description.partition("(")[0].rpartition(".")[2],
        state=state,
        return_value=attempts[0].return_value if attempts else None,
        error=(error or None) if state == "failed" else None,
    )
