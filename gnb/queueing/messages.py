"""The engine's messages: English sentences with the code and params from which a page makes another language's.

    make_message("invalid_job_state.not_failed", id="7", state="active")
    → job 7 is active; only a failed job can be retried

`TEXTS` has the template of each code. The part before the dot is the code of the error that has the message.
"""

import json
from collections.abc import Mapping
from typing import Any

N_ = str  # marks a text that is collected for translation

TEXTS: Mapping[str, str] = {
    "field": N_("%(field)s: %(what)s"),
    "invalid_fields": N_("%(fields)s"),
    "invalid_job_data.arguments": N_("positional arguments; a job's data is named arguments or one mapping"),
    "invalid_job_data.long": N_("its JSON has %(length)s characters; at most %(most)s are allowed"),
    "invalid_job_data.not_a_number": N_("not a whole number in the job's record"),
    "invalid_job_data.not_json": N_("not JSON: %(what)s"),
    "invalid_job_data.unstorable": N_("Remove NUL characters and unpaired surrogates."),
    "invalid_job_option.backoff_field": N_("backoff has %(value)s; it takes type, delay and jitter"),
    "invalid_job_option.backoff_type": N_("backoff.type is %(value)s; give 'exponential' or 'fixed'"),
    "invalid_job_option.callback": N_("%(name)s is %(value)s; give a job type, as 'type' or 'queue/type'"),
    "invalid_job_option.callback_data": N_("%(name)s is %(value)s, whose data is not the outcome of a job"),
    "invalid_job_option.callback_type": N_("%(name)s is %(value)s; %(what)s"),
    "invalid_job_option.circular_parent": N_("depends_on has %(value)s; that job waits for this one"),
    "invalid_job_option.clean_state": N_("state is %(value)s; only completed or failed jobs are cleaned"),
    "invalid_job_option.concurrency": N_("concurrency limit is %(value)s; give 1 to 10000 jobs, or 'none'"),
    "invalid_job_option.deduplication": N_(
        "deduplication is %(value)s; give {'id': text}, with ttl, extend and replace"
    ),
    "invalid_job_option.deduplication_extend": N_("deduplication.extend needs deduplication.ttl"),
    "invalid_job_option.deduplication_field": N_("deduplication has %(name)s; it takes id, ttl, extend and replace"),
    "invalid_job_option.deduplication_flags": N_(
        "deduplication.extend and deduplication.replace are true or false"
    ),
    "invalid_job_option.deduplication_id": N_("deduplication.id is %(value)s; give 1 to %(most)s characters"),
    "invalid_job_option.duration": N_("%(name)s is %(value)s; give seconds, like 90, or a duration, like '1h'"),
    "invalid_job_option.job_id": N_("job_id is %(value)s; give 1 to 200 letters, digits, dashes and underscores"),
    "invalid_job_option.jitter": N_("backoff.jitter is %(value)s; give a share from 0 to 1"),
    "invalid_job_option.many_parents": N_("depends_on has %(count)s jobs; give %(most)s at most"),
    "invalid_job_option.no_parent": N_("depends_on has %(value)s; there is no such job"),
    "invalid_job_option.on_parent_failure": N_("on_parent_failure is %(value)s; give 'wait', 'run' or 'cancel'"),
    "invalid_job_option.page": N_("range is %(start)s to %(end)s; give 0 <= start <= end, at most %(most)s apart"),
    "invalid_job_option.parent_id": N_("depends_on has %(value)s; give jobs or their ids"),
    "invalid_job_option.positive": N_("%(name)s is %(value)s; give more than 0 seconds"),
    "invalid_job_option.range": N_("%(name)s is %(value)s; give 0 seconds to ten years"),
    "invalid_job_option.rate_limit": N_("rate limit is %(value)s; give starts/window, like '50/60s', or 'none'"),
    "invalid_job_option.rate_window": N_("rate limit is %(value)s; its window must be longer than 0 seconds"),
    "invalid_job_option.queue_retention": N_(
        "retention is %(value)s; give the longest time and the most jobs, like '24h/1000'; either may be 'none'"
    ),
    "invalid_job_option.repeat": N_(
        "repeat is %(value)s; give {'pattern': '0 0 * * *', 'tz': zone} or {'every': seconds}"
    ),
    "invalid_job_option.repeat_value": N_("repeat: %(what)s"),
    "invalid_job_option.replace_with_parents": N_("deduplication.replace cannot be combined with depends_on"),
    "invalid_job_option.reserved_id": N_("job_id is %(value)s; pages of a queue have this address; choose another"),
    "invalid_job_option.retention": N_(
        "%(name)s is %(value)s; give true, false, a count or {'age': seconds, 'count': number}"
    ),
    "invalid_job_option.schedule_prefix": N_(
        "job_id is %(value)s; ids that start with %(prefix)s belong to schedules; choose another"
    ),
    "invalid_job_option.schedules_own": N_("a schedule has no %(name)s; give the job's data as kwargs"),
    "invalid_job_option.state": N_("state is %(value)s; give one of %(choices)s"),
    "invalid_job_option.time": N_("the time is %(time)s; give one within the next ten years"),
    "invalid_job_option.unknown": N_("there is no option %(name)s; a job takes %(choices)s"),
    "invalid_job_option.whole": N_("%(name)s is %(value)s; give a whole number from %(low)s to %(high)s"),
    "invalid_job_state.not_active": N_("job %(id)s is %(state)s; only an active job can be stopped"),
    "invalid_job_state.not_completed": N_("job %(id)s is %(state)s; only a completed job can be run again"),
    "invalid_job_state.not_delayed": N_("job %(id)s is %(state)s; only a delayed or deferred job can be promoted"),
    "invalid_job_state.not_failed": N_("job %(id)s is %(state)s; only a failed job can be retried"),
    "invalid_job_state.not_waiting": N_(
        "job %(id)s is %(state)s; only a waiting, delayed or deferred job changes its priority"
    ),
    "invalid_job_state.template": N_("job %(id)s is the template of a schedule; change the schedule instead"),
    "invalid_job_state.not_rescheduled": N_("job %(id)s is %(state)s; only a delayed job can be rescheduled"),
    "invalid_job_state.running": N_("job %(id)s is still running; its worker did not stop it in time"),
    "invalid_schedule.both_timings": N_("give either cron, like '0 2 * * mon', or every, in seconds"),
    "invalid_schedule.catch_up": N_("%(value)s is neither 'once' nor 'skip'"),
    "invalid_schedule.cron_day": N_("day of the month %(day)s never comes in month %(month)s"),
    "invalid_schedule.cron_fields": N_(
        "%(value)s has %(count)s fields; give five: minute, hour, day of the month, month, day of the week, "
        "like '30 2 * * mon'"
    ),
    "invalid_schedule.cron_form": N_("%(value)s is none of %(choices)s"),
    "invalid_schedule.cron_minute": N_("minute is %(value)s; give 0 to 59, *, a list, a range or a step"),
    "invalid_schedule.cron_hour": N_("hour is %(value)s; give 0 to 23, *, a list, a range or a step"),
    "invalid_schedule.cron_monthday": N_("day of the month is %(value)s; give 1 to 31, *, a list, a range or a step"),
    "invalid_schedule.cron_month": N_("month is %(value)s; give 1 to 12 or jan to dec, *, a list, a range or a step"),
    "invalid_schedule.cron_weekday": N_(
        "day of the week is %(value)s; give 0 to 7 (0 and 7 are Sunday) or sun to sat, *, a list, a range or a step"
    ),
    "invalid_schedule.cron_step": N_("%(value)s has a step that is too long; give %(most)s at most"),
    "invalid_schedule.deduplication": N_("a schedule takes no deduplication: without overlap, one run at a time"),
    "invalid_schedule.depends_on": N_("the jobs of a schedule cannot depend on others"),
    "invalid_schedule.every": N_("%(value)s is no whole number of seconds from 1 on"),
    "invalid_schedule.exists": N_("there is a schedule %(value)s already"),
    "invalid_schedule.name": N_("%(value)s is no name; give 1 to 100 letters, digits, dashes and underscores"),
    "invalid_schedule.own_option": N_("a schedule sets %(name)s itself"),
    "invalid_schedule.prefix": N_("%(value)s starts with %(prefix)s, which is put before it; leave that out"),
    "invalid_schedule.time_zone": N_("there is no time zone %(value)s; give one like Europe/Istanbul"),
    "job_id_taken.other_queue": N_("job_id is %(value)s; another queue has a job of that id"),
    "job_id_taken.other_type": N_("job_id is %(value)s; a job of the type %(type)s has that id"),
    "job_not_found": N_("the queue %(queue)s has no job %(id)s"),
    "job_stopped": N_("the job was stopped"),
    "job_stopped.killed": N_("the job did not respond to its stop request and was killed"),
    "job_timed_out": N_("the job ran longer than its timeout of %(limit)s seconds"),
    "job_timed_out.killed": N_("the job ran longer than its timeout of %(limit)s seconds and was killed"),
    "parent_failed": N_("the job %(id)s, for which it waited, failed"),
    "parent_failed.removed": N_("the job %(id)s, for which it waited, was removed"),
    "queue_unavailable.cluster": N_("the broker is a cluster; a single server or a primary with Sentinel is needed"),
    "queue_unavailable.no_answer": N_("the broker does not answer: %(what)s"),
    "queue_unavailable.older": N_("the broker is older than Redis 6; %(needed)s is needed"),
    "queue_unavailable.out_of_memory": N_("the broker is out of memory and takes no more jobs; see its maxmemory"),
    "queue_unavailable.rejected": N_("the broker rejected the request: %(what)s"),
    "queue_unavailable.sentinel": N_("the broker's URL names a Sentinel; write redis+sentinel://host:port/service"),
    "queue_unavailable.version": N_("the broker is %(server)s %(version)s; %(needed)s is needed"),
    "queue_unavailable.waiting": N_("the broker does not answer; it is tried again in a few seconds"),
    "schedule_in_code": N_("schedule %(name)s is declared in the code; pause it instead"),
    "schedule_not_found": N_("there is no schedule %(name)s"),
    "stalled.died": N_("Stalled: worker %(worker)s died"),
    "stalled.no_heartbeat": N_("Stalled: worker %(worker)s sent no heartbeat"),
    "unknown_job_type.name": N_("there is no job type %(value)s on the queue %(queue)s; there are: %(choices)s"),
    "unknown_job_type.path": N_("%(value)s is not a declared job type"),
    "unknown_queue": N_("there is no queue %(value)s; there are %(choices)s"),
    "unsupported_feature": N_("the job was enqueued with %(feature)s, which these workers do not support"),
    "worker_not_found": N_("there is no worker %(name)s"),
    "worker_not_found.not_listening": N_("there is no worker %(name)s that listens"),
}  # fmt: skip

_SEPARATOR = "\x1f"
_LONGEST_PARAMS = 2000


class Message(str):
    """An English sentence with the `code` and `params` that it was made of; without a code it is only its text."""

    code: str
    params: dict[str, Any]

    def __new__(cls, text: str, code: str = "", params: Mapping[str, Any] | None = None) -> "Message":
        """Return the text with its code and params."""
        self = super().__new__(cls, text)
        self.code, self.params = code, dict(params or {})
        return self

    def pack(self, limit: int = 500) -> str:
        """Return the form that Redis stores: the text and, after a separator, code and params as JSON."""
        extra = json.dumps({"code": self.code, "params": self.stored_params}, default=str) if self.code else ""
        return f"{self[:limit]}{_SEPARATOR}{extra}" if extra and len(extra) <= _LONGEST_PARAMS else self[:limit]

    @property
    def stored_params(self) -> dict[str, Any]:
        """The params as JSON: a message among them becomes an object."""
        return {name: _stored(value) for name, value in self.params.items()}

    @classmethod
    def unpack(cls, stored: str) -> "Message":
        """Return what `pack` made; a text without a code, as an earlier version stored it, is returned as it is."""
        text, _, extra = stored.partition(_SEPARATOR)
        try:
            found = json.loads(extra) if extra else {}
            return cls.restore(text, found.get("code"), found.get("params"))
        except (ValueError, AttributeError, KeyError, TypeError):
            return cls(text)

    @classmethod
    def restore(cls, text: str, code: str | None, params: Mapping[str, Any] | None) -> "Message":
        """Return the message of a text, a code and `stored_params`."""
        return cls(text, code or "", {name: _restored(value) for name, value in (params or {}).items()})


def _stored(value: Any) -> Any:
    if isinstance(value, Message):
        return {"text": str(value), "code": value.code, "params": value.stored_params}
    return [_stored(item) for item in value] if isinstance(value, (list, tuple)) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return Message.restore(value["text"], value["code"], value["params"])
    return [_restored(item) for item in value] if isinstance(value, list) else value


def make_message(code: str, texts: Mapping[str, str] = TEXTS, /, **params: Any) -> Message:
    """Return the English sentence of a code."""
    return Message(texts[code] % {name: english(name, value) for name, value in params.items()}, code, params)


def english(name: str, value: Any) -> str:
    """Return a param as an English sentence writes it: whole numbers in groups of three digits, lists with commas."""
    if isinstance(value, (list, tuple)):
        return ("; " if name == "fields" else ", ").join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def text_of(value: object) -> str:
    """Return `str(value)`, or a sentence that says that `__str__` failed."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the class is the job's own
        return "its message cannot be read: __str__ failed"


def as_message(said: object) -> Message:
    """Return the message itself or an error's message; of anything else its text, without a code."""
    found = getattr(said, "message", said)
    return found if isinstance(found, Message) else Message(text_of(said))
