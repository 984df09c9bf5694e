"""JSON values and texts that a broker, a database and a client can hold, whatever they were made from."""

import json
import math
import re
from typing import Any

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MAYBE_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")

UNSTORABLE_TEXT = "Remove NUL characters and unpaired surrogates."


def storable(text: str, limit: int | None = None) -> str:
    """Return the first `limit` characters without lone surrogates and NUL, which UTF-8 and databases reject."""
    return text[:limit].encode(errors="replace").decode().replace("\0", "\ufffd")


def text_of(value: object) -> str:
    """Return `str(value)`, or a sentence that says so when its class cannot tell."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the class is the job's own
        return "its message cannot be read: __str__ failed"


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
    """Return the JSON of a job's data, and by field what is wrong with its texts, as marshmallow nests messages.

    Raises TypeError or ValueError for data that is not JSON.
    """
    try:
        wire = _encode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return wire, _unstorable_texts(json.loads(wire)) if _MAYBE_UNSTORABLE.search(wire) else {}


def _unstorable_texts(value: Any) -> Any:
    if isinstance(value, str):
        return [UNSTORABLE_TEXT] if _UNSTORABLE.search(value) else {}
    if isinstance(value, list):
        return {place: wrong for place, part in enumerate(value) if (wrong := _unstorable_texts(part))}
    if isinstance(value, dict):
        names = {storable(name): [UNSTORABLE_TEXT] for name in value if _UNSTORABLE.search(name)}
        return names | {storable(name): wrong for name, part in value.items() if (wrong := _unstorable_texts(part))}
    return {}
