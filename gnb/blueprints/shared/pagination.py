"""Long lists in pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

from flask import request, url_for

from gnb.blueprints.shared.formatting import parse_int

PAGE_SIZE = 25
Item = TypeVar("Item")


@dataclass(frozen=True)
class Pager:
    """Page ``number`` (from 1) of a list of ``total``; its links keep the request's other arguments."""

    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return min(self.start + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.start + self.size, self.total)

    @property
    def previous_url(self) -> str | None:
        return self._url(self.number - 1) if self.number > 1 else None

    @property
    def next_url(self) -> str | None:
        return self._url(self.number + 1) if self.last < self.total else None

    @staticmethod
    def _url(number: int) -> str:
        # Not as arguments of url_for, some of which are its own: host and scheme are not the reader's to choose.
        asked = {**request.args.to_dict(flat=False), "page": number}
        return f"{url_for(str(request.endpoint), **(request.view_args or {}))}?{urlencode(asked, doseq=True)}"


def page_number() -> int:
    """Return the page asked for; anything that is no page is the first."""
    return max(1, min(parse_int(request.args.get("page", "")) or 1, 1_000_000))


def page_of(
    find: Callable[[int, int], tuple[Sequence[Item], int]], size: int = PAGE_SIZE
) -> tuple[Sequence[Item], Pager]:
    """Return what is on the page asked for; ``find`` gives the items from a place up to another, and their number."""
    pager = Pager(page_number(), 0, size)
    found, total = find(pager.start, pager.start + size)
    return found, replace(pager, total=total)
