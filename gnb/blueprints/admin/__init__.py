"""The admin pages, one module a resource. Staff may read and dispatch, admins may change; drivers see their own
transfers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, request, url_for
from flask_babel import gettext

from gnb.blueprints.shared.access import caller, require_role
from gnb.models import ADMIN_ROLES, STAFF_ROLES, TRANSFER_ROLES

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_ROLES = {
    "admin.transfers": TRANSFER_ROLES,
    "admin.record_transfer": TRANSFER_ROLES,
    "admin.edit_transfer": STAFF_ROLES,
}
"""Who may use the pages that others than staff may read, or than admins may change."""


@blueprint.before_request
def check_access() -> None:
    """Redirect visitors to the sign-in page; answer 403 to customers, and to changes by staff who may only read."""
    others = STAFF_ROLES if request.method in _SAFE_METHODS else ADMIN_ROLES
    require_role(_ROLES.get(request.endpoint or "", others))


@blueprint.app_context_processor
def admin_context() -> dict[str, Any]:
    """Return what the admin templates use: the navigation, and whether buttons that change things are shown."""
    user = caller() if request else None
    drives = bool(user and user.role == "driver")
    return {
        "nav_groups": nav_groups,
        "can_manage": bool(user and user.is_admin),
        "admin_home": "admin.transfers" if drives else "admin.overview",
    }


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
    user = caller()
    if user and user.role == "driver":
        return [NavGroup(gettext("Business"), _items([(gettext("Transfers"), "admin.transfers")]))]
    records = [(gettext("Audit"), "admin.audit"), (gettext("Notifications"), "admin.notification_rules")]
    if user and user.is_admin:
        records.insert(0, (gettext("Users"), "admin.users"))
    groups = [
        (
            gettext("Jobs"),
            [
                (gettext("Overview"), "admin.overview"),
                (gettext("Queues"), "admin.queues"),
                (gettext("Workers"), "admin.workers"),
                (gettext("Broker"), "admin.broker"),
                (gettext("Schedules"), "admin.schedules"),
            ],
        ),
        (
            gettext("Business"),
            [
                (gettext("Transfers"), "admin.transfers"),
                (gettext("Bookings"), "admin.bookings"),
                (gettext("Exports"), "admin.exports"),
                (gettext("Tours"), "admin.tours"),
                (gettext("Campaigns"), "admin.campaigns"),
                (gettext("E-mails"), "admin.emails"),
                (gettext("Insights"), "admin.insights"),
            ],
        ),
        (gettext("Records"), records),
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


from gnb.blueprints.admin import (  # noqa: E402, F401  (the modules register their views on the blueprint)
    booking_form,
    bookings,
    bulk,
    campaigns,
    emails,
    enqueue,
    exports,
    extras,
    failures,
    insights,
    job_types,
    jobs,
    overview,
    queues,
    responses,
    schedules,
    tours,
    transfers,
    users,
)
