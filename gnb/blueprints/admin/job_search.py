"""The search and filters of the job pages, in the address; a search in all queues; a list as CSV or JSON."""

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import rejected
from gnb.blueprints.admin.schema_forms import FormField
from gnb.blueprints.shared.access import signed_in_user
from gnb.blueprints.shared.formatting import counted, parse_int
from gnb.blueprints.shared.pagination import PAGE_SIZE
from gnb.messages import localize_error
from gnb.models import now
from gnb.queueing import STATES, Job
from gnb.queueing.search import Found, JobFilter
from gnb.services.alerts import failure_groups
from gnb.services.queues import reading

SEARCH_LENGTH = 200
PAGE_SIZES = (25, 50, 100, 250)
FILTERS = ("type", "error", "priority", "attempts", "within")
_WITHIN = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
_SECONDS_FOR_ALL = 2.0
_SHOWN_OF_A_STATE = 10
_SECONDS_OF_A_DOWNLOAD = 60.0
_MOST_DOWNLOADED = 100_000


def requested_filter(args: Mapping[str, str]) -> JobFilter:
    """Return the filter that the arguments of an address or a form describe."""
    priority, attempts = (parse_int(args.get(name, "")) for name in ("priority", "attempts"))
    length = _WITHIN.get(args.get("within", ""))
    return reading.job_filter(
        args.get("q", "").strip()[:SEARCH_LENGTH],
        signed_in_user().role,
        type=args.get("type", "")[:100],
        error=args.get("error", "")[:16],
        priority=priority if priority and 1 <= priority <= 10 else None,
        attempts=attempts if attempts and 0 < attempts <= 1000 else None,
        since=f"{now() - length:%Y-%m-%dT%H:%M:%S.%fZ}" if length else "",
    )


def request_filters(args: Mapping[str, str]) -> dict[str, str]:
    """Return the filters beside the text, as the address has them."""
    return {name: args[name] for name in FILTERS if args.get(name)}


def page_size() -> int:
    """Return how many jobs a page shows."""
    size = parse_int(request.args.get("size", ""))
    return size if size in PAGE_SIZES else PAGE_SIZE


def filter_fields(queue_name: str, state: str) -> list[FormField]:
    """Return the inputs of the filters; those of the error only for failed jobs, each with its number."""
    times = {
        "1h": counted("%(count)s hour", "%(count)s hours", 1),
        "24h": counted("%(count)s hour", "%(count)s hours", 24),
        "7d": counted("%(count)s day", "%(count)s days", 7),
    }
    age = gettext("Ended within") if state in ("completed", "failed") else gettext("Created within")
    types = tuple((name, name) for name in reading.job_types(queue_name))
    fields = [
        _select("type", gettext("Job type"), types, gettext("all types")),
        _select("priority", gettext("Priority"), tuple((n, n) for n in range(1, 11)), gettext("all priorities")),
        _select("attempts", gettext("Attempts, at least"), tuple((n, n) for n in (1, 2, 3, 5, 10)), gettext("any")),
        _select("within", age, tuple(times.items()), gettext("any time")),
        _select("size", gettext("Jobs a page"), tuple((n, n) for n in PAGE_SIZES), ""),
    ]
    if state == "failed":
        groups = failure_groups(reading.stats(queue_name))
        choices = tuple((group.key, f"{localize_error(group.error)[:80]} ({group.count})") for group in groups)
        fields.insert(1, _select("error", gettext("Error"), choices, gettext("all errors")))
    return fields


def _select(name: str, label: str, choices: tuple[tuple[Any, Any], ...], blank: str) -> FormField:
    value = request.args.get(name) or (str(PAGE_SIZE) if name == "size" else "")
    return FormField(name, label, kind="select", value=value, choices=choices, blank=blank)


@dataclass(frozen=True)
class StateResults:
    """What a search has found in one state of one queue."""

    queue: str
    state: str
    found: Found


def search_all(text: str, role: str) -> list[StateResults]:
    """Search every state of every queue, for two seconds in all; what was not searched to its end says so."""
    wanted, results = reading.job_filter(text, role), []
    end = time.monotonic() + _SECONDS_FOR_ALL
    for stats in reading.all_stats():
        for state in STATES:
            if getattr(stats, state):
                seconds = max(end - time.monotonic(), 0.05)
                found = reading.queue(stats.name).find(state, wanted, limit=_SHOWN_OF_A_STATE, seconds=seconds)
                results.append(StateResults(stats.name, state, found))
    return results


@blueprint.get("/jobs/<queue_name>/download")
def download_jobs(queue_name: str) -> ResponseReturnValue:
    """Send the jobs of a state that the search and filters find, as CSV or JSON."""
    reader, state = reading.queue(queue_name), request.args.get("state", "")
    if state not in STATES:
        return rejected(gettext("Choose a state."))
    found = reader.find(state, requested_filter(request.args), limit=_MOST_DOWNLOADED, seconds=_SECONDS_OF_A_DOWNLOAD)
    as_json = request.args.get("format") == "json"
    rows = map(_row, reader.with_return_values(found.jobs))
    lines = _json_lines(rows) if as_json else _csv_lines(rows)
    response = Response(stream_with_context(lines), mimetype="application/json" if as_json else "text/csv")
    name = f"{queue_name}-{state}.{'json' if as_json else 'csv'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _row(job: Job) -> dict[str, Any]:
    moments = ("created_at", "started_at", "finished_at", "run_at")
    return {
        "id": job.id,
        "queue": job.queue,
        "type": job.name,
        "state": job.state,
        "priority": job.priority,
        "attempts_made": job.attempts_made,
        "attempts_limit": job.attempts_limit,
        **{name: moment.isoformat() if (moment := getattr(job, name)) else None for name in moments},
        "error": job.failed_reason and str(job.failed_reason),
        "data": job.data,
        "return_value": job.return_value,
    }


def _json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, default=str)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer: Any = csv.writer(buffer)
    writer.writerow((*_COLUMNS,))
    for row in rows:
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
        yield _taken(buffer)
    yield _taken(buffer)


_COLUMNS = (
    "id", "queue", "type", "state", "priority", "attempts_made", "attempts_limit", "created_at", "started_at",
    "finished_at", "run_at", "error", "data", "return_value",
)  # fmt: skip


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode(errors="replace").decode()


def _cell(value: Any) -> str:
    """Return the value as text, with an apostrophe in front where a spreadsheet would run it as a formula."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
    return f"'{text}" if text[:1] in tuple("=+-@\t\r\n＝＋－＠") else text
