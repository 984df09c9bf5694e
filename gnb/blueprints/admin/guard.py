"""Who may come in: staff may read, admins may change."""

from typing import Any

from flask import request

from gnb.blueprints.access import admin_required, caller, require_role
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.navigation import nav_groups
from gnb.models import ADMIN_ROLES, STAFF_ROLES

_READING = {"GET", "HEAD", "OPTIONS"}
# For pages that only lead to a change: the forms and the questions before it.
for_admins = admin_required


@blueprint.before_request
def check() -> None:
    """Send strangers to the sign-in page, refuse customers, and refuse changes by those who may only read."""
    require_role(STAFF_ROLES if request.method in _READING else ADMIN_ROLES)


@blueprint.app_context_processor
def admin_words() -> dict[str, Any]:
    """Return what the admin templates know: the navigation, and whether buttons that change are shown."""
    user = caller() if request else None
    return {"nav_groups": nav_groups, "can_manage": bool(user and user.is_admin)}
