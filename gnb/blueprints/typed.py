"""Numbers as people type them, or as somebody wrote them into an address."""

from __future__ import annotations

import re


def whole(text: str, digits: int = 9) -> int | None:
    """The whole number; None for anything else, such as other scripts' digits, and for one of more digits."""
    return int(text) if re.fullmatch(rf"-?[0-9]{{1,{digits}}}", text) else None
