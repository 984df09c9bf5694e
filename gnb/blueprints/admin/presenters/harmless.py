"""Text from outside, made safe to look at.

Jinja escapes markup. What is left are characters that change how the rest of the page is read: marks that turn
the writing direction round, control characters, halves of surrogate pairs, and texts far longer than a screen.
"""

import json
import unicodedata
from typing import Any

SHOWN_CHARACTERS = 20_000
_KEPT_CONTROLS = {"\n", "\t"}


def visible(text: object, limit: int = SHOWN_CHARACTERS) -> str:
    """Return ``text`` with invisible and direction-changing characters written as escapes, cut at ``limit``."""
    whole = text if isinstance(text, str) else str(text)
    shown = "".join(_escaped(character) for character in whole[:limit])
    if len(whole) > limit:
        shown += f" … (+{len(whole) - limit:,})"
    return shown


def sendable(text: str) -> str:
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


def pretty_json(value: Any, limit: int = SHOWN_CHARACTERS) -> str:
    """Return ``value`` as indented JSON that is safe to look at."""
    return visible(json.dumps(value, indent=2, ensure_ascii=False, default=str), limit)
