"""How good the delay model is on demo data, written into docs/delay-risk.md: `python -m benchmarks.delay_accuracy`.

The demo data's truth is known, so the model is held against it too. The same seed and day give the same figures on
every machine; a test says when the page has others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from benchmarks.calibration_plot import draw
from benchmarks.delay_model_accuracy import LATE, LEVELS, Accuracy, judged, parted, pinball_loss
from benchmarks.publish import put_between
from gnb import create_app
from gnb.config import Settings
from gnb.extensions import db
from gnb.services import demo
from gnb.services.ai.delay_model import DelayModel, Forecast
from gnb.services.ai.trips import FinishedTrip, Trip, finished_trips
from gnb.services.demo import delays

BOOKINGS, SEED, UNTIL = 20_000, 1, date(2026, 11, 24)
FEW = 1_800
"""Finished transfers that the 3,000 bookings of a first start leave."""

PAGE = Path(__file__).parent.parent / "docs" / "delay-risk.md"
PICTURE = PAGE.with_name("delay-calibration.svg")
BEGIN, END = (f"<!-- python -m benchmarks.delay_accuracy: {which} here -->\n" for which in ("from", "to"))


def main() -> None:
    """Writes the figures and the plot."""
    with TemporaryDirectory() as folder:
        variables = {"APP_ENV": "testing", "SECRET_KEY": "k", "DATABASE_URL": f"sqlite:///{folder}/demo.db"}
        app = create_app(Settings.from_env({**variables, "QUEUE_ENABLED": "false"}))
        with app.app_context():
            db.create_all()
            figures, picture = measured()
    put_between(PAGE, BEGIN, END, figures)
    PICTURE.write_text(picture)


def measured() -> tuple[str, str]:
    """The page's figures and the plot, from demo data that is loaded into the empty database of the application."""
    demo.load(BOOKINGS, SEED, UNTIL)
    learned, unseen = parted(finished_trips(db.session.connection()))
    model = DelayModel.fitted(learned)
    many, few = judged(model, learned, unseen), judged(DelayModel.fitted(learned[-FEW:]), learned[-FEW:], unseen)
    figures = "".join(f"{line}\n" for line in _lines(many, few, model, unseen))
    return figures, draw(many.calibration)


def _lines(many: Accuracy, few: Accuracy, model: DelayModel, unseen: Sequence[FinishedTrip]) -> Iterator[str]:
    finished = f"{many.learned_from + many.judged_on:,} finished transfers"
    yield f"{BOOKINGS:,} demo bookings up to {UNTIL}, seed {SEED}, have {finished}: the first {many.learned_from:,}"
    yield f"were learned from, the last {many.judged_on:,} forecast."
    yield from ("", "| on trips it had not seen | model | mean of the hour | constant | the truth itself |")
    yield "| --- | --- | --- | --- | --- |"
    truth = pinball_loss(unseen, lambda trip: [_truth(trip).quantile(level) for level in LEVELS])
    losses = f"**{many.pinball_model:.2f}** | {many.pinball_per_hour:.2f} | {many.pinball_constant:.2f} | {truth:.2f}"
    yield f"| pinball loss, minutes (deciles and 95th percentile) | {losses} |"
    yield f"| … learned from the last {FEW:,} alone, as after a first start | **{few.pinball_model:.2f}** | | | |"
    scores = f"**{many.brier_model:.3f}** | | {many.brier_constant:.3f} | "
    yield f"| Brier score of “more than {LATE:.0f} minutes” | {scores}|"
    for level, words in ((0.5, "half"), (0.9, "nine of ten")):
        yield f"| came within the minutes forecast for {words} | **{many.covered[level]:.1%}** | | | |"
    pairs = [(model.forecast(trip), _truth(trip)) for trip in unseen]
    points = 100 * fmean(abs(ours.probability_over(LATE) - true.probability_over(LATE)) for ours, true in pairs)
    minutes = fmean(abs(ours.expected_minutes - true.expected_minutes) for ours, true in pairs)
    yield from ("", f"Against the truth the chance of being late was off by {points:.1f} percentage points on average,")
    yield f"the expected minutes by {minutes:.1f}."
    yield from ("", f"![Forecast against seen, band by band; the table has the numbers.]({PICTURE.name})")
    yield from ("", "| trips | forecast | observed |", "| ---: | ---: | ---: |")
    yield from (f"| {one.trips} | {one.forecast:.1%} | {one.observed:.1%} |" for one in many.calibration)


def _truth(trip: Trip) -> Forecast:
    """The distribution that the demo data's delay was drawn from."""
    drawn = delays.Trip(trip.area, trip.airport, trip.town, int(trip.kilometres), trip.pickup)
    return Forecast(delays.EARLIEST, delays.SHAPE, delays.mean_lateness(drawn))


if __name__ == "__main__":
    main()
