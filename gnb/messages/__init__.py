"""The one message catalogue: from the code of an error, a state or an action to a text in the reader's language.

    raise FileNotAvailable("not_ready")           # in a service; str() of the error is English
    localize(error)                               # at the edge, in the reader's language
    error_columns(as_message(error))              # in a row, with code and params
    localize(stored_error(row))                   # and back

`templates` has the texts of errors, `labels` those of states, types and actions; `schema` localizes marshmallow's.
"""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from babel.numbers import format_decimal
from flask_babel import get_domain, get_locale, gettext

from gnb.messages.labels import BOOKING_LABELS, JOB_STATE_LABELS, MAILING_LABELS, ROLE_LABELS
from gnb.messages.schema import FIELD_TEXTS, LocalizedSchema
from gnb.messages.templates import TEMPLATES
from gnb.queueing.errors import CodedError
from gnb.queueing.messages import TEXTS, Message, as_message
from gnb.queueing.messages import make_message as engine_message

__all__ = [
    "DomainError",
    "LocalizedSchema",
    "Message",
    "as_message",
    "error_columns",
    "localize",
    "localize_error",
    "localize_fields",
    "make_message",
    "os_error",
    "stored_error",
]

_TEXTS: Mapping[str, str | tuple[str, str]] = {**TEXTS, **FIELD_TEXTS, **TEMPLATES}
_LABELS: dict[str, Mapping[str, object]] = {
    "state": JOB_STATE_LABELS,
    "mailing": MAILING_LABELS,
    "role": ROLE_LABELS,
    **dict.fromkeys(("status", "statuses", "wanted"), BOOKING_LABELS),
}
"""The params whose values are codes of labels."""


class DomainError(CodedError):
    """The base of the services' errors. `reason` completes the error's code; the params are those of its template."""

    texts: ClassVar[Mapping[str, Any]] = _TEXTS

    def _compose(self, code: str, params: dict[str, Any]) -> Message:
        return make_message(code, **params)


def make_message(code: str, /, **params: Any) -> Message:
    """Return the English sentence of a code."""
    template = _TEXTS[code]
    if isinstance(template, tuple):
        template = template[params["num"] != 1]
    return engine_message(code, {code: template}, **params)


def localize(said: object) -> str:
    """Return an error or a message in the reader's language; a text without a code is returned unchanged."""
    found = as_message(said)
    template = _TEXTS.get(found.code)
    if template is None:
        return str(found)
    values = {name: _localized(name, value) for name, value in found.params.items()}
    try:
        if isinstance(template, tuple):
            # Not `ngettext`, which formats with the number alone.
            chosen = get_domain().get_translations().ungettext(*template, found.params["num"])
            return str(chosen) % values
        return str(gettext(template)) % values
    except KeyError:  # stored by a version whose template had other params
        return str(found)


_CLASS = re.compile(r"(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*)(?:: |$)")
_PERMANENT = frozenset({"FinalError", "InvalidJobData", "UnknownJobType", "UnsupportedFeature"})


def localize_error(said: object) -> str:
    """Return the error of a job as a sentence in the reader's language.

    A permanent error, a timeout and a stop are named as such; other classes without a message of ours keep their name.
    """
    found = as_message(said)
    matched = _CLASS.match(found)
    name = matched[1] if matched else ""
    ours = name in _PERMANENT or name in ("JobTimedOut", "JobStopped", "RetryLater")
    rest = found[matched.end() :] if matched and (ours or name == "ValidationError") else str(found)
    what = localize(found) if found.code in _TEXTS else _without_python(rest)
    if name in _PERMANENT:
        return str(gettext("Permanent error: %(what)s", what=what or gettext("no message")))
    if name == "JobTimedOut":
        return str(gettext("Timeout: %(what)s", what=what))
    return str(gettext("Stopped: %(what)s", what=what)) if name == "JobStopped" else what


def _without_python(text: str) -> str:
    """Return a dict or list that an error was made of, such as marshmallow's, as `field: message; field: message`."""
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return text
    try:
        return _joined(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _joined(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_joined(inner)}" for key, inner in value.items())
    return " ".join(map(_joined, value)) if isinstance(value, (list, tuple)) else str(value)


def localize_fields(errors: Any) -> Any:
    """Return the errors of fields, as marshmallow nests them, in the reader's language."""
    if errors is None:
        return None
    if isinstance(errors, Mapping):
        return {name: localize_fields(found) for name, found in errors.items()}
    return [localize_fields(found) for found in errors] if isinstance(errors, (list, tuple)) else localize(errors)


def _localized(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ("; " if name == "fields" else ", ").join(_localized(name, item) for item in value)
    if isinstance(value, Message):
        return localize(value)
    if isinstance(value, int):
        return str(format_decimal(value, locale=get_locale() or "en"))
    return str(_LABELS.get(name, {}).get(value, value))


class _FailedRow(Protocol):
    """A row that stores an error."""

    error: Any
    error_code: Any
    error_params: Any


def error_columns(message: Message | None) -> dict[str, Any]:
    """Return the values of the columns in which a row stores an error; None clears them."""
    if message is None or not message.code:
        return {"error": message and str(message), "error_code": None, "error_params": None}
    return {"error": str(message), "error_code": message.code, "error_params": message.stored_params}


def stored_error(row: _FailedRow) -> Message:
    """Return the error that the row stores; of a row from before codes were stored, its English text."""
    return Message.restore(row.error or "", row.error_code, row.error_params)


def os_error(error: OSError) -> Message:
    """Return what the operating system reports."""
    code = f"os_error.{errno.errorcode.get(error.errno or 0, '')}"
    return make_message(code) if code in TEMPLATES else Message(error.strerror or type(error).__name__)
