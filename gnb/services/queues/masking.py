"""Jobs and schedules as people may read them who may change nothing: with their personal data masked.

What a job's schema declares is shown, except fields whose metadata says `personal`. All else in its data is masked: of
a type without a schema and of stock RQ's jobs, everything. Texts, such as errors and logs, are shown without
addresses, telephone numbers and what was masked in the job's own data. A search compares with what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import g, has_request_context

from gnb.queueing import Job, JobType, RelatedJob, ScheduleState
from gnb.queueing.job import Attempt
from gnb.queueing.job_types import JobTypes
from gnb.queueing.messages import Message
from gnb.queueing.queue_reader import FailureGroup, QueueReader
from gnb.queueing.search import read_jobs

MASK = "•••"
_PATTERNS = (
    r"""[^\s<>"'()\[\],;:=]+@[^\s<>"'()\[\],;:]+""",  # an address
    r"(?<![\w.:+-])(?:\+|0)\d(?:[ ().-]{0,2}\d){8,13}(?![\w:-])",  # a telephone number
)
_SHORTEST = 3
"""Shorter texts of a job's data are left in its errors: they are in any word."""


def masks() -> bool:
    """Return whether this request is of somebody who may not read personal data in jobs."""
    return has_request_context() and bool(g.get("mask_personal_data"))


def mask_text(value: Any, personal: Sequence[str] = ()) -> Any:
    """Return a text, or the value with each text in it, without addresses, telephone numbers and these texts."""
    known = (re.escape(text) for text in sorted(personal, key=len, reverse=True))
    return _replace(re.compile("|".join((*known, *_PATTERNS)), re.IGNORECASE), value)


def _replace(pattern: re.Pattern[str], value: Any) -> Any:
    if isinstance(value, Message):
        return Message(pattern.sub(MASK, value), value.code, _replace(pattern, value.params))
    if isinstance(value, str):
        return pattern.sub(MASK, value)
    if isinstance(value, Mapping):
        return {_replace(pattern, key): _replace(pattern, item) for key, item in value.items()}
    return [_replace(pattern, item) for item in value] if isinstance(value, (list, tuple)) else value


def mask_data(types: Mapping[str, JobType], job_name: str, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a job's data masked, and the texts that were masked in it."""
    shown = types[job_name].shown_fields if job_name in types else {}
    masked: dict[str, Any] = {}
    personal: list[str] = []
    for name, value in data.items():
        parts = shown.get(name)
        if parts is not None and isinstance(value, dict):
            masked[name] = {key: item if key in parts else MASK for key, item in value.items()}
            personal += _texts([item for key, item in value.items() if key not in parts])
        elif name in shown or value is None or (name == "type" and value == job_name) or isinstance(value, bool):
            masked[name] = value
        else:
            masked[name] = MASK
            personal += _texts(value)
    return mask_text(masked), [text for text in personal if len(text) >= _SHORTEST and text != MASK]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


class MaskedReader(QueueReader):
    """A queue whose jobs are read with their personal data masked."""

    masked = True

    def shown(self, job: Job) -> Job:
        """Return the job without its personal data."""
        types = self._types.of(self.name)
        data, personal = mask_data(types, job.name, job.data)
        result = job.return_value if job.name in types or job.return_value is None else MASK
        return replace(
            job,
            data=data,
            return_value=mask_text(result, personal),
            failed_reason=mask_text(job.failed_reason, personal),
            stacktrace=tuple(mask_text(job.stacktrace, personal)),
            progress=mask_text(job.progress, personal),
            options=mask_text(job.options, personal),
        )

    def job_and_attempts(self, job_id: str) -> tuple[Job, list[Attempt]]:
        job, attempts = super().job_and_attempts(job_id)
        personal, masked = self._personal(job), self.shown(job)
        return masked, [
            replace(each, error=mask_text(each.error, personal), return_value=MASK if each.return_value else None)
            for each in attempts
        ]

    def relatives(self, job_id: str) -> tuple[list[RelatedJob], list[RelatedJob]]:
        parents, dependents = super().relatives(job_id)
        return [self._relative(each) for each in parents], [self._relative(each) for each in dependents]

    def timed_logs(self, job_id: str) -> list[tuple[datetime | None, str]]:
        personal = self._personal(super().job_and_attempts(job_id)[0])
        return [(at, mask_text(line, personal)) for at, line in super().timed_logs(job_id)]

    def shown_groups(self, groups: list[FailureGroup]) -> list[FailureGroup]:
        """Return the groups with the newest job's error as it is shown."""
        errors = {job.id: job.failed_reason for job in read_jobs(self, [group.ids[0] for group in groups])}
        return [replace(group, error=errors.get(group.ids[0]) or MASK) for group in groups]

    def _personal(self, job: Job) -> list[str]:
        return mask_data(self._types.of(self.name), job.name, job.data)[1]

    def _relative(self, related: RelatedJob) -> RelatedJob:
        declared = related.name in self._types.of(related.queue)
        return replace(related, error=mask_text(related.error) if declared or not related.error else MASK)


def mask_schedule(state: ScheduleState, types: JobTypes) -> ScheduleState:
    """Return the schedule with the data of its jobs, and the errors of its runs, masked."""
    schedule = state.schedule
    data, personal = mask_data(types.of(schedule.queue), schedule.type, schedule.data)
    return replace(
        state,
        schedule=replace(schedule, data=data, options=mask_text(schedule.options, personal)),
        error=mask_text(state.error, personal),
        runs=tuple(replace(run, error=mask_text(run.error, personal)) for run in state.runs),
    )
