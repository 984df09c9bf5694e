"""The pages of the navigation, in groups. A page that the application does not have is left out."""

from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_babel import gettext


@dataclass(frozen=True)
class NavItem:
    """One link; `sub` stands under the one before it."""

    label: str
    url: str
    current: bool
    sub: bool = False


@dataclass(frozen=True)
class NavGroup:
    """A heading with its links."""

    title: str
    items: tuple[NavItem, ...]


def nav_groups() -> list[NavGroup]:
    """Return the navigation of the admin pages for this request."""
    groups = [
        (
            gettext("Jobs"),
            [
                (gettext("Overview"), "admin.overview"),
                (gettext("Queues"), "admin.queues"),
                (gettext("Workers"), "admin.workers"),
                (gettext("Schedules"), "admin.schedules"),
            ],
        ),
        (
            gettext("Business"),
            [
                (gettext("Exports"), "admin.exports"),
                (gettext("Bookings"), "admin.bookings"),
                (gettext("Tours"), "admin.tours"),
                (gettext("Campaigns"), "admin.campaigns"),
                (gettext("E-mails"), "admin.emails"),
                (gettext("Insights"), "admin.insights"),
            ],
        ),
        (gettext("Records"), [(gettext("Audit"), "admin.audit")]),
    ]
    return [NavGroup(title, items) for title, links in groups if (items := _items(links))]


def _items(links: list[tuple[str, str]]) -> tuple[NavItem, ...]:
    items: list[NavItem] = []
    for label, endpoint in links:
        if endpoint not in current_app.view_functions:
            continue
        url = url_for(endpoint)
        # Everything is under the overview, and the queues have lines of their own.
        whole = endpoint in ("admin.overview", "admin.queues")
        items.append(NavItem(label, url, _current(url) if whole else _under(url)))
        if endpoint == "admin.queues":
            items.extend(_queue_items())
    return tuple(items)


def _queue_items() -> list[NavItem]:
    engine = current_app.extensions.get("engine")
    names = [queue.name for queue in engine.queues] if engine else []
    links = [(name, url_for("admin.queue", queue_name=name)) for name in names]
    return [NavItem(name, url, _under(url), sub=True) for name, url in links]


def _current(url: str) -> bool:
    return request.path.rstrip("/") == url.rstrip("/")


def _under(url: str) -> bool:
    return request.path == url or request.path.startswith(f"{url}/")
