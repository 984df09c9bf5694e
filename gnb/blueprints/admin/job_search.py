"""The search and filters of the job pages, in the address; a search in all queues; a list as CSV or JSON."""

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext, to_utc

from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.responses import rejected
from gnb.blueprints.admin.schema_forms import FormField
from gnb.blueprints.shared.access import signed_in_user
from gnb.blueprints.shared.formatting import counted, number, parse_int
from gnb.blueprints.shared.pagination import PAGE_SIZE
from gnb.messages import localize_error
from gnb.models import now
from gnb.queueing import STATES, Job
from gnb.queueing.queue_reader import QueueReader
from gnb.queueing.search import SORTS, Found, JobFilter, value_counts
from gnb.services.alerts import failure_groups
from gnb.services.queues import reading

SEARCH_LENGTH = 200
PAGE_SIZES = (25, 50, 100, 250)
FILTERS = ("type", "error", "worker", "priority", "attempts", "within", "from", "until")
COUNTED_AT_ONCE = 2000
"""The largest number of jobs whose filter values are counted without a request for it."""
SECONDS_OF_COUNTING = 0.8
_WITHIN = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
_LONGEST_MOMENT = len("2026-01-31T23:59:59.999999")
_SECONDS_FOR_ALL = 2.0
_SHOWN_OF_A_STATE = 10
_SECONDS_OF_A_DOWNLOAD = 60.0
_MOST_DOWNLOADED = 100_000


def requested_filter(args: Mapping[str, str]) -> JobFilter:
    """Return the filter that the arguments of an address or a form describe."""
    priority, attempts = (parse_int(args.get(name, "")) for name in ("priority", "attempts"))
    length = _WITHIN.get(args.get("within", ""))
    since = [now() - length] if length else []
    since += [moment] if (moment := _moment(args.get("from", ""))) else []
    until = _moment(args.get("until", ""))
    return reading.job_filter(
        args.get("q", "").strip()[:SEARCH_LENGTH],
        signed_in_user().role,
        type=args.get("type", "")[:100],
        error=args.get("error", "")[:16],
        priority=priority if priority and 1 <= priority <= 10 else None,
        attempts=attempts if attempts and 0 < attempts <= 1000 else None,
        worker=args.get("worker", "")[:200],
        since=_rq_time(max(since)) if since else "",
        until=_rq_time(until) if until else "",
    )


def _moment(text: str) -> datetime | None:
    """Return the moment of a `datetime-local` input, which has no zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text) if len(text) <= _LONGEST_MOMENT else None
        return to_utc(moment).replace(tzinfo=UTC) if moment and not moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _rq_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def requested_sort() -> str:
    """Return what the list is sorted by, as `find` takes it; "" for its own order."""
    asked = request.args.get("sort", "")
    return asked if asked.removeprefix("-") in SORTS else ""


def sort_url(name: str) -> str:
    """Return the address of the list sorted by this; of the other direction where it is sorted by it already."""
    others = {key: value for key, value in request.args.items() if key not in ("page", "cursor")}
    return f"{request.path}?{urlencode({**others, 'sort': f'-{name}' if requested_sort() == name else name})}"


def filter_counts(reader: QueueReader, state: str, total: int) -> dict[str, Counter[Any]] | None:
    """Return how many jobs of the state each value of a filter has; None where that is not known exactly."""
    if total <= COUNTED_AT_ONCE or "counts" in request.args:
        return value_counts(reader, state, SECONDS_OF_COUNTING)
    return None


def request_filters(args: Mapping[str, str]) -> dict[str, str]:
    """Return the filters beside the text, as the address has them."""
    return {name: args[name] for name in FILTERS if args.get(name)}


def page_size() -> int:
    """Return how many jobs a page shows."""
    size = parse_int(request.args.get("size", ""))
    return size if size in PAGE_SIZES else PAGE_SIZE


def filter_fields(reader: QueueReader, state: str, counts: dict[str, Counter[Any]] | None) -> list[FormField]:
    """Return the inputs of the filters, each value with its number where these are known."""
    times = {
        "1h": counted("%(count)s hour", "%(count)s hours", 1),
        "24h": counted("%(count)s hour", "%(count)s hours", 24),
        "7d": counted("%(count)s day", "%(count)s days", 7),
    }

    def choices(name: str, values: Iterable[Any]) -> tuple[tuple[Any, str], ...]:
        found = counts[name] if counts else {}
        asked = [request.args[name]] if name in ("type", "worker") and request.args.get(name) else []
        every = dict.fromkeys([*values, *asked, *sorted(value for value in found if value)])
        return tuple((value, f"{value} ({number(found[value])})" if counts else str(value)) for value in every)

    ended = state in ("completed", "failed")
    within = gettext("Ended within") if ended else gettext("Created within")
    made = counts["attempts"] if counts else {}
    least = [
        (n, n if not counts else f"{n} ({number(sum(made[m] for m in made if m >= n))})") for n in (1, 2, 3, 5, 10)
    ]
    fields = [
        _select("type", gettext("Job type"), choices("type", reading.job_types(reader.name)), gettext("all types")),
        _select("worker", gettext("Worker"), choices("worker", reader.worker_names()), gettext("all workers")),
        _select("priority", gettext("Priority"), choices("priority", range(1, 11)), gettext("all priorities")),
        _select("attempts", gettext("Attempts, at least"), tuple(least), gettext("any")),
        _select("within", within, tuple(times.items()), gettext("any time")),
        _time("from", gettext("Ended from") if ended else gettext("Created from")),
        _time("until", gettext("Ended before") if ended else gettext("Created before")),
        _select("size", gettext("Jobs a page"), tuple((n, n) for n in PAGE_SIZES), ""),
    ]
    if state == "failed":
        groups = failure_groups(reading.stats(reader.name))
        found = counts["error"] if counts else {group.key: group.count for group in groups}
        errors = tuple(
            (group.key, f"{localize_error(group.error)[:80]} ({number(found.get(group.key, 0))})") for group in groups
        )
        fields.insert(1, _select("error", gettext("Error"), errors, gettext("all errors")))
    return fields


def _time(name: str, label: str) -> FormField:
    return FormField(name, label, kind="datetime-local", value=request.args.get(name, ""))


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
