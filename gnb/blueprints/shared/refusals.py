"""What was refused or went wrong, in the reader's language, though it was said in English: see `sayings.py`.

What is not listed there is shown as it came.
"""

import re
from functools import cache

from flask_babel import gettext

from gnb.blueprints.shared.describe import label_of
from gnb.blueprints.shared.formatting import number
from gnb.blueprints.shared.labels import JOB_STATE_LABELS, MAILING_LABELS
from gnb.blueprints.shared.sayings import SAYINGS, VALUES

_WORDS_FOR = {"state": JOB_STATE_LABELS, "mailing": MAILING_LABELS}
_PLACE = re.compile(r"%\\\((\w+)\\\)s")
_PLAIN = {saying for saying in SAYINGS if "%(" not in saying}
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")
# The name of an error or of a field, or the address of a server, and what it says.
_NAMED = re.compile(r"(\S+): (.+)", re.DOTALL)
_LONGEST = 2000


def in_words(said: object) -> str:
    """The same in the reader's language, or as it is."""
    text = str(said)
    if (found := _translated(text)) is not None:
        return found
    named = _NAMED.fullmatch(text)
    inner = _translated(named[2]) if named else None
    return text if named is None or inner is None else f"{named[1]}: {inner}"


def _translated(text: str) -> str | None:
    if text in _PLAIN:
        return gettext(text)
    if len(text) > _LONGEST:
        return None
    for saying, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return gettext(saying, **{name: _value(name, value) for name, value in found.groupdict().items()})
    return None


def _value(name: str, value: str) -> str:
    if name in _WORDS_FOR:
        return label_of(_WORDS_FOR[name], value)
    if _GROUPED.fullmatch(value):
        return number(int(value.replace(",", "")))
    parts = value.split(", ")
    if VALUES.issuperset(parts):
        return ", ".join(gettext(part) for part in parts)
    return in_words(value) if name == "why" else value


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Each saying with a value in it, and what recognises it."""
    told = [saying for saying in SAYINGS if saying not in _PLAIN]
    return [(each, re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(each)), re.DOTALL)) for each in told]
