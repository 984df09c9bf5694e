"""Text from outside, made safe to show, and what is read from it.

Jinja escapes markup. What is left are characters that change how the rest of the page is read: marks that turn
the writing direction round, control characters, halves of surrogate pairs, and texts far longer than a screen.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from flask_babel import get_locale

MAXIMUM_LENGTH = 20_000
_KEPT_CONTROLS = {"\n", "\t"}


def escape_control_characters(text: object, limit: int = MAXIMUM_LENGTH) -> str:
    """Return ``text`` with invisible and direction-changing characters written as escapes, cut at ``limit``."""
    whole = text if isinstance(text, str) else str(text)
    shown = "".join(_escaped(character) for character in whole[:limit])
    if len(whole) > limit:
        shown += f" … (+{len(whole) - limit:,})"
    return shown


def replace_surrogates(text: str) -> str:
    """Return ``text`` with a question mark for what a page cannot carry: JSON knows half characters, UTF-8 does not."""
    return text.encode(errors="replace").decode()


def _escaped(character: str) -> str:
    if character in _KEPT_CONTROLS or character.isprintable():
        return character
    category = unicodedata.category(character)
    if category in {"Zs", "Zl", "Zp"}:
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def pretty_json(value: Any, limit: int = MAXIMUM_LENGTH) -> str:
    """Return ``value`` as indented JSON that is safe to look at."""
    return escape_control_characters(json.dumps(value, indent=2, ensure_ascii=False, default=str), limit)


def parse_int(text: str, digits: int = 9) -> int | None:
    """Return the whole number; None for anything else, such as digits of other scripts or too many digits."""
    return int(text) if re.fullmatch(rf"-?[0-9]{{1,{digits}}}", text) else None


def capital(text: str) -> str:
    """Return the text with a capital letter in front; that of a Turkish i keeps its dot."""
    first = text[:1]
    return ("İ" if first == "i" and str(get_locale()) == "tr" else first.upper()) + text[1:]


_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def split_identifier(name: str) -> str:
    """Return an identifier as words: ``startDate`` and ``start_date`` are both ``start date``."""
    return _CAMEL_CASE.sub(" ", name).replace("_", " ").replace("-", " ").lower().strip()
