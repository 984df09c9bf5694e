"""The two sizes of a fault test: a short form that every run has, and a long one for `bin/test --faults`."""

import pytest


def sizes(short: int, long: int, seconds: int = 400) -> pytest.MarkDecorator:
    """The test's `size`: `short` in the suite that runs on every change, `long` in the fault suite."""
    marks = [pytest.mark.faults, pytest.mark.timeout(seconds)]
    return pytest.mark.parametrize(
        "size", [pytest.param(short, id="short"), pytest.param(long, id="long", marks=marks)]
    )
