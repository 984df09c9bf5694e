"""The price that demand gives a tour: at most a tenth up or down a week, within 70 to 150% of its base price.

Demand is the last week's bookings against those of the week before; season is what the week now beginning brought a
year ago against the week before it. Both are drawn towards "as before" by a few imagined bookings, so that one booking
more of a seldom booked tour moves nothing.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

CENT = Decimal("0.01")
LARGEST_STEP = Decimal("0.10")
LOWEST = Decimal("0.70")
HIGHEST = Decimal("1.50")
SMALLEST_STEP = 0.02
"""Less than this is no reason to change a price."""

_IMAGINED = 5
_WEIGHT = 0.5


@dataclass(frozen=True)
class Demand:
    """Bookings made in the last week and the one before; and a year back, in the weeks that match the coming and the
    last one (None where there was no business yet)."""

    last_week: int
    week_before: int
    coming_week_year_ago: int | None = None
    last_week_year_ago: int | None = None

    @property
    def growth(self) -> float:
        """Demand of the last week against the week before; 1 is as before."""
        return _ratio(self.last_week, self.week_before)

    @property
    def season(self) -> float | None:
        """What the coming week brought a year ago against the week before it; None without a year to look back on."""
        if self.coming_week_year_ago is None or self.last_week_year_ago is None:
            return None
        return _ratio(self.coming_week_year_ago, self.last_week_year_ago)

    @property
    def signal(self) -> float:
        """The change that demand and season ask for, as a factor."""
        factor: float = (self.growth * (self.season or 1.0)) ** _WEIGHT
        return factor


def _ratio(count: int, before: int) -> float:
    return (count + _IMAGINED) / (before + _IMAGINED)


def limits(base: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and the highest price, to the cent."""
    return (base * LOWEST).quantize(CENT, ROUND_CEILING), (base * HIGHEST).quantize(CENT, ROUND_FLOOR)


def demand_price(base: Decimal, current: Decimal, demand: Demand) -> Decimal:
    """The new price. Its distance from the current one is never more than a tenth, also when the base price has changed
    and the current one lies outside its limits: it then moves towards them."""
    low, high = limits(base)
    wanted = current
    if abs(demand.signal - 1) >= SMALLEST_STEP:
        wanted = current * Decimal(str(round(demand.signal, 4)))
    wanted = min(max(wanted, low), high)
    least = (current * (1 - LARGEST_STEP)).quantize(CENT, ROUND_CEILING)
    most = (current * (1 + LARGEST_STEP)).quantize(CENT, ROUND_FLOOR)
    rounded = wanted.quantize(CENT, ROUND_FLOOR if wanted > current else ROUND_CEILING)
    return max(min(max(rounded, least), most), CENT)
