"""What a benchmark hands back: measures with goals, and the medians behind them."""

from __future__ import annotations

import math
import statistics
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Options:
    """How much to run. `rounds` is how often each contestant is measured; the median counts. `minutes`: of `steady`."""

    quick: bool = False
    minutes: float = 30

    @property
    def rounds(self) -> int:
        """Five rounds, or one when it has to be quick."""
        return 1 if self.quick else 5

    def count(self, full: int, quick: int | None = None) -> int:
        """The size of a piece of work: `full`, or `quick` (a fifth of it unless given) in a quick run."""
        if not self.quick:
            return full
        return quick if quick is not None else max(full // 5, 1)


@dataclass(frozen=True)
class Goal:
    """A bound on our figure, or on our figure divided by the peer's."""

    on: Literal["ours", "ratio"]
    sign: Literal["≥", "≤"]
    bound: float

    def met_by(self, value: float) -> bool:
        """True when the value is on the right side of the bound; the bound itself is."""
        return value >= self.bound if self.sign == "≥" else value <= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}{' ×' if self.on == 'ratio' else ''}"


def ratio_at_least(bound: float) -> Goal:
    """Ours is at least `bound` times the peer's (a rate)."""
    return Goal("ratio", "≥", bound)


def ratio_at_most(bound: float) -> Goal:
    """Ours is at most `bound` times the peer's (a time, memory)."""
    return Goal("ratio", "≤", bound)


def at_least(bound: float) -> Goal:
    """Ours is `bound` or more, in the measure's unit."""
    return Goal("ours", "≥", bound)


def at_most(bound: float) -> Goal:
    """Ours is `bound` or less, in the measure's unit."""
    return Goal("ours", "≤", bound)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One line of the table. `ours` or `peer` is None where it was not measured (`note` says why)."""

    name: str
    unit: str
    ours: float | None = None
    peer: float | None = None
    against: str = ""
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's; None where one of them is missing."""
        if self.ours is None or not self.peer:
            return None
        return self.ours / self.peer

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or without the figures for it."""
        value = self.ours if self.goal is None or self.goal.on == "ours" else self.ratio
        if self.goal is None or value is None:
            return None
        return self.goal.met_by(value)

    def to_json(self) -> dict[str, Any]:
        """The measure as `latest.json` holds it."""
        return {**asdict(self), "goal": str(self.goal) if self.goal else None, "ratio": self.ratio, "met": self.met}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measure:
        """The measure that `latest.json` holds."""
        given = {name: value for name, value in found.items() if name not in ("goal", "ratio", "met")}
        sign, bound, *ratio = (found["goal"] or "").split() or ("", "")
        return cls(**given, goal=Goal("ratio" if ratio else "ours", sign, float(bound)) if sign else None)


def in_turn(
    contestants: dict[str, Callable[[], float]],
    rounds: int,
) -> dict[str, float]:
    """The median figure of each contestant, measured in turn round by round.

    In turn, so that a machine that gets slower for a while is slower for everybody.
    """
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            figures[name].append(measure())
    return {name: statistics.median(values) for name, values in figures.items()}


def measured(section: Callable[..., list[Measure]], *arguments: Any) -> list[Measure]:
    """What the section measured; when it breaks down, one measure without figures that says why.

    The figures of the other sections took minutes: one that breaks down must not cost them.
    """
    try:
        return section(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it was is printed and makes the run fail
        traceback.print_exc()
        return [Measure(name=section.__name__, unit="", note=f"not measured: {type(error).__name__}: {error}"[:120])]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` (0…1) of the values do not exceed."""
    ordered = sorted(values)
    rank = math.ceil(round(len(ordered) * share, 6))
    return ordered[max(rank, 1) - 1]
