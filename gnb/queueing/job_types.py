"""Declared job types: only what is declared here can be enqueued, and only that runs.

    @job("export", "bookings-csv", BookingsFilters, timeout="15m")
    def bookings_csv(data, context):
        ...

The decorated name is the `JobType`. Its dotted path is the function that RQ's record of a job names, so a stock
`rq worker` that imports it runs the job too, and a job enqueued by stock RQ under that path is one of this type.

    queue.enqueue("bookings-csv", {}, on_failure="email/export-failed")

A callback (`on_success`, `on_failure`) is a declared type, named with its queue if that is another one, and enqueued in
the step that ends the job. Its data is a `JobOutcome`; it depends on the job that ended, so `context.parents()` gives
what that returned. A job that is retried and fails again calls back again.
"""

import json
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from rq import get_current_job

from .errors import InvalidJobData, InvalidJobOption, UnknownJobType
from .job_context import JobContext
from .queue_options import RateLimit

JobFunction = Callable[[dict[str, Any], JobContext], Any]
JobScope = Callable[[JobContext], AbstractContextManager[Any]]


class JobType:
    """One declared type: its queue and name, the schema of its data, its options and its function."""

    def __init__(
        self,
        queue: str,
        name: str,
        schema: type[Schema] | None,
        function: JobFunction,
        options: dict[str, Any],
        rate_limit: RateLimit | None = None,
        description: object = None,
    ):
        self.queue = queue
        self.name = name
        self.schema = schema
        self.function = function
        self.options = options
        self.rate_limit = rate_limit
        self.path = f"{function.__module__}.{function.__qualname__}"
        self._description = description or (function.__doc__ or name).strip().splitlines()[0]
        self._loader = schema() if schema else None
        self._nested = {
            field.data_key or name: {part.data_key or key for key, part in field.schema.fields.items()}
            for name, field in (self._loader.fields.items() if self._loader else ())
            if isinstance(field, fields.Nested) and field.schema.unknown == EXCLUDE
        }

    @property
    def shown_fields(self) -> dict[str, Collection[str] | None]:
        """By name, the fields of the data that everyone may read who may read jobs.

        Those are the declared ones, but for those whose metadata says `personal`. Of an object whose schema excludes
        others, the value is the names of its fields; of other fields it is None.
        """
        declared = self._loader.fields.items() if self._loader else ()
        names = [field.data_key or name for name, field in declared if not field.metadata.get("personal")]
        return {name: self._nested.get(name) for name in names}

    @property
    def description(self) -> str:
        """What the job does, in a sentence; one that is lazily translated is in the reader's language."""
        return str(self._description)

    def load(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data as the function takes it. Raises InvalidJobData naming each field that is wrong."""
        if self._loader is None:
            return data
        try:
            loaded: dict[str, Any] = self._loader.load(data)
        except ValidationError as error:
            raise InvalidJobData(error.normalized_messages()) from None
        return loaded

    def leave_out_excluded(self, data: dict[str, Any]) -> bool:
        """Remove from the data what its nested schemas exclude, and return whether there was any.

        Of an object that is given whole, only its id is then kept in the broker.
        """
        found = [
            (part, name)
            for field, known in self._nested.items()
            if isinstance(part := data.get(field), dict)
            for name in part.keys() - known
        ]
        for part, name in found:
            del part[name]
        return bool(found)

    def __call__(self, **data: Any) -> Any:
        """Run the job in a worker of RQ's own: the data is the call's keyword arguments."""
        running = JobContext.of_rq_job(get_current_job(), self)
        with job_types.scope(running):
            return self.function(self.load(data), running)


class JobTypes:
    """The types declared so far, by queue and name and by path."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], JobType] = {}
        self._by_path: dict[str, JobType] = {}
        self.scope: JobScope = nullcontext
        """The context manager in which each job runs; the application sets its own."""
        self.correlation_id: Callable[[], str] = str
        """Returns the correlation id that an enqueued job carries: the application's is the id of the request."""

    def declare(self, job_type: JobType) -> JobType:
        known = self._by_name.get((job_type.queue, job_type.name))
        if known and known.path != job_type.path:
            raise ValueError(f"{job_type.queue}/{job_type.name} is declared twice: {known.path} and {job_type.path}")
        self._by_name[job_type.queue, job_type.name] = job_type
        self._by_path[job_type.path] = job_type
        return job_type

    def get(self, queue: str, name: str) -> JobType:
        """Return the type of that name. Raises UnknownJobType."""
        try:
            return self._by_name[queue, name]
        except (KeyError, TypeError):
            names = ", ".join(self.of(queue)) or "none"
            raise UnknownJobType("name", value=repr(name), queue=queue, choices=names) from None

    def at(self, path: str) -> JobType:
        """Return the type whose function has that dotted path. Raises UnknownJobType."""
        try:
            return self._by_path[path]
        except KeyError:
            raise UnknownJobType("path", value=repr(path)) from None

    def of(self, queue: str) -> dict[str, JobType]:
        """Return the queue's types by name, in the order in which they were declared."""
        return {name: job_type for (its_queue, name), job_type in self._by_name.items() if its_queue == queue}


job_types = JobTypes()


def job(
    queue: str,
    name: str,
    schema: type[Schema] | None = None,
    *,
    rate_limit: RateLimit | None = None,
    description: object = None,
    **options: Any,
) -> Callable[[JobFunction], JobType]:
    """Declare the decorated function as a job type of the queue; options as in `JobOptions`.

    `rate_limit` has a `key`, such as `RateLimit("5/60s", key="recipient")`. It holds for each value of that field of
    the data, over all types of the queue. A job over the limit is delayed until it may start; other jobs overtake it.
    `description` is a sentence, maybe lazily translated; by default, the first line of the docstring.
    """
    if rate_limit is not None and not rate_limit.key:
        raise ValueError(
            f"the rate limit of {queue}/{name} has no key; a limit of the whole queue is the queue's option"
        )

    def declare(function: JobFunction) -> JobType:
        return job_types.declare(JobType(queue, name, schema, function, options, rate_limit, description))

    return declare


class JobOutcome(Schema):
    """The data of a callback: which job ended, and how. `error` is one line, empty if it completed."""

    job_id = fields.String(data_key="jobId", required=True)
    queue = fields.String(required=True)
    job_type = fields.String(data_key="jobType", required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("completed", "failed", "stopped")))
    error = fields.String(required=True)


_SAMPLE = {"jobId": "1", "queue": "q", "jobType": "t", "outcome": "completed", "error": ""}


def callback_type(types: JobTypes, queue: str, name: str, option: str) -> JobType:
    """Return the type that "type" or "queue/type" names.

    Raises InvalidJobOption if there is none, or if its data is no `JobOutcome`.
    """
    its_queue, _, type_name = name.rpartition("/")
    try:
        job_type = types.get(its_queue or queue, type_name)
        job_type.load(_SAMPLE)
    except UnknownJobType as error:
        raise InvalidJobOption("callback_type", name=option, value=repr(name), what=error.message) from None
    except InvalidJobData:
        raise InvalidJobOption("callback_data", name=option, value=repr(name)) from None
    return job_type


def callback_wire(call: str, sub_queue: str, hash_fields: list[Any], job_type: JobType) -> str:
    """Return what dependents.lua makes the callback's hash of, without its data, times and parent.

    Args:
        call: The beginning of RQ's `data` field, up to the data.
        sub_queue: Where the callback is enqueued.
        hash_fields: Names and values of its hash.
        job_type: The type of the job that calls back.
    """
    words = [str(word) for word in hash_fields]
    wire = {"call": call, "sub_queue": sub_queue, "fields": words, "queue": job_type.queue, "job_type": job_type.name}
    return json.dumps(wire, separators=(",", ":"))
