"""What the next change of prices by demand would do: a dry run."""

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.admin import blueprint
from gnb.models import now
from gnb.services.pricing import demand
from gnb.services.pricing.demand import Proposal
from gnb.services.reports.week import Week

_BARS = 30
_ROW = 24
_MIDDLE = 450
_PER_PERCENT = 15


@dataclass(frozen=True)
class ChangeBar:
    """One tour's bar: to the right for a rise, to the left for a fall."""

    proposal: Proposal
    y: int
    x: float
    width: float


@blueprint.get("/pricing")
def pricing() -> ResponseReturnValue:
    """Show what would change, as a plot and a table; nothing does."""
    proposals = demand.preview()
    changing = [proposal for proposal in proposals if proposal.changes]
    return render_template(
        "admin/schedules/pricing.html",
        week=Week.of(now()).name,
        proposals=proposals,
        changing=len(changing),
        bars=[_bar(place, proposal) for place, proposal in enumerate(changing[:_BARS])],
        middle=_MIDDLE,
        height=max(len(changing[:_BARS]) * _ROW, 1),
        reasons=_reasons(),
    )


def _bar(place: int, proposal: Proposal) -> ChangeBar:
    width = max(abs(proposal.percent) * _PER_PERCENT, 1)
    return ChangeBar(proposal, place * _ROW, _MIDDLE if proposal.percent > 0 else _MIDDLE - width, width)


def _reasons() -> dict[str, str]:
    return {
        "demand": gettext("demand"),
        "season": gettext("season"),
        "limit": gettext("at its limit"),
        "steady": gettext("demand as before"),
        "campaign": gettext("a campaign sets its price"),
        "done": gettext("changed this week"),
    }
