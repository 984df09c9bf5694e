"""Long lists in pages."""

from dataclasses import dataclass

from flask import request, url_for

PAGE_SIZE = 25


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
        # Names that begin with a low line are options of url_for: host and scheme are not the reader's to choose.
        asked = {name: value for name, value in request.args.to_dict().items() if not name.startswith("_")}
        arguments = {**asked, **(request.view_args or {}), "page": number}
        return url_for(str(request.endpoint), **arguments)


def page_number() -> int:
    """Return the page asked for; anything that is no page is the first."""
    text = request.args.get("page", "1")
    return max(1, min(int(text), 1_000_000)) if text.isdigit() and len(text) < 8 else 1
