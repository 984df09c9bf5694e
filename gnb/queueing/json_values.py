"""JSON values and texts that a broker, a database and a client can hold, whatever they were made from."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from .messages import make_message

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MAYBE_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")

_JSON = (str, int, float, type(None))

UNSTORABLE_TEXT = make_message("invalid_job_data.unstorable")


def storable(text: str, limit: int | None = None) -> str:
    """Return the first `limit` characters without lone surrogates and NUL, which UTF-8 and databases reject."""
    return text[:limit].encode(errors="replace").decode().replace("\0", "\ufffd")


def json_safe(value: Any) -> Any:
    """Return the value with what JSON or UTF-8 does not have replaced: NaN and infinities by their names.

    Raises RecursionError if it is nested too deeply.
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {storable(name) if isinstance(name, str) else name: json_safe(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(part) for part in value]
    return value


def encode_result(value: Any) -> str:
    """Return the JSON of what a job returned, made safe. Raises TypeError, ValueError or RecursionError for no JSON."""
    try:
        wire = _encode(value)
    except ValueError:  # NaN, or a value that contains itself
        return _encode(json_safe(value))
    return _encode(json_safe(value)) if _MAYBE_UNSTORABLE.search(wire) else wire


def parse_json(text: bytes | str) -> Any:
    """Return the value that JSON text has, made safe. Raises ValueError for anything but JSON."""
    try:
        return json_safe(json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def encode_data(data: Any) -> tuple[str, dict[str, Any]]:
    """Return the JSON of a job's data, and by field what is wrong with it, as marshmallow nests messages.

    Dates and times become ISO 8601, UUIDs and decimals text, and objects with an `id` that id alone.
    Raises ValueError for data that is nested too deeply or contains itself.
    """
    try:
        try:
            wire = _encode(data)
        except (TypeError, ValueError):
            if wrong := _not_json(data):
                return "", wrong
            wire = _encode(_plain(data))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return wire, unstorable_texts(json.loads(wire)) if _MAYBE_UNSTORABLE.search(wire) else {}


def _plain(value: Any) -> Any:
    """Return the value with what has a usual form in JSON in that form."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, _JSON):
        return value
    return {"id": _plain(value.id)} if hasattr(value, "id") else value


def _not_json(value: Any) -> Any:
    """Return by field what has no form in JSON; {} for nothing."""
    if isinstance(value, Mapping):
        names = {str(name): ["Names are text."] for name in value if not isinstance(name, str)}
        return names | {str(name): wrong for name, part in value.items() if (wrong := _not_json(part))}
    if isinstance(value, (list, tuple)):
        return {place: wrong for place, part in enumerate(value) if (wrong := _not_json(part))}
    if isinstance(value, float) and not math.isfinite(value):
        return ["Not a finite number."]
    if isinstance(value, (*_JSON, date, time, UUID, Decimal)):
        return {}
    if isinstance(getattr(value, "id", None), (int, str, UUID)):
        return {}
    return [f"{type(value).__name__} has no form in JSON; dates, UUIDs, decimals and objects with an id have."]


def unstorable_texts(value: Any) -> Any:
    """Return by field what is wrong with the texts of a JSON value, as marshmallow nests messages; {} for nothing."""
    if isinstance(value, str):
        return [UNSTORABLE_TEXT] if _UNSTORABLE.search(value) else {}
    if isinstance(value, list):
        return {place: wrong for place, part in enumerate(value) if (wrong := unstorable_texts(part))}
    if isinstance(value, dict):
        names = {storable(name): [UNSTORABLE_TEXT] for name in value if _UNSTORABLE.search(name)}
        return names | {storable(name): wrong for name, part in value.items() if (wrong := unstorable_texts(part))}
    return {}


def searched_text(job_id: str, name: str, data: Mapping[str, Any]) -> str:
    """Return id, type and data as the page and the API show them, and data with escapes also as people type it."""
    shown = json.dumps(data, ensure_ascii=False)
    escaped = "\\" in shown
    unescaped = (
        shown.replace(r"\"", '"').replace(r"\n", "\n").replace(r"\t", "\t").replace(r"\\", "\\") if escaped else ""
    )
    return f"{job_id} {name} {shown} {unescaped}"


def plain(text: str) -> str:
    """Return the text without case and accents, so that "izmir" finds "İzmir"."""
    if text.isascii():
        return text.casefold()
    parts = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i")
    return "".join(part for part in parts if not unicodedata.combining(part))
