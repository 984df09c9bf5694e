"""Values as bars."""

from datetime import date
from decimal import Decimal

from gnb.services.exports.pdf_renderer import bars_over_time


def test_days_without_revenue_are_bars_of_no_length() -> None:
    plot = bars_over_time([(date(2026, 1, 1), Decimal(10)), (date(2026, 1, 4), Decimal(5))])
    assert [(bar.label[-2:], bar.share) for bar in plot.bars] == [("01", 1), ("02", 0), ("03", 0), ("04", 0.5)]


def test_a_long_time_is_shown_by_month() -> None:
    plot = bars_over_time([(date(2025, 12, 1), Decimal(10)), (date(2026, 3, 1), Decimal(5))])
    assert [bar.label for bar in plot.bars] == ["2025-12", "2026-01", "2026-02", "2026-03"]
    assert plot.step == "month"
