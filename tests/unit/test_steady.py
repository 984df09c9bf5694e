"""The steady benchmark's own arithmetic: what is level, and its plots."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.steady import compared
from benchmarks.steady_plots import draw
from benchmarks.steady_samples import Series, Wanted


@pytest.mark.parametrize(
    ("values", "wanted", "met"),
    [
        ([10, 10, 10, 10, 10, 10, 10, 11], "level", True),
        ([10, 10, 11, 12, 13, 14, 15, 16], "level", False),
        ([10, 10, 11, 12, 13, 14, 15, 15], "about level", True),
        ([10, 10, 10, 10, 10, 10, 8, 8], "kept up", False),
        ([10, 10, 10, 10, 10, 10, 99, 99], "grows", None),
        ([10], "level", True),
    ],
)
def test_the_last_quarter_is_held_against_the_first(values: list[float], wanted: Wanted, met: bool | None) -> None:
    assert compared(Series("memory", "MB", "memory", wanted, values)).met is met


def test_a_group_of_series_is_one_picture_with_a_line_and_a_name_each(tmp_path: Path) -> None:
    series = [
        Series("memory, web & workers", "MB", "memory", values=[200.0, 210.0, 220.0]),
        Series("memory, broker", "MB", "memory", values=[30.0, 30.0]),
        Series("keys", "keys", "broker", values=[0, 0, 0]),
    ]
    draw(series, [0.0, 1.0, 2.0], tmp_path, "3 minutes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["steady-broker.svg", "steady-memory.svg"]
    picture = ElementTree.parse(tmp_path / "steady-memory.svg").getroot()
    lines = picture.findall("{http://www.w3.org/2000/svg}polyline")
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert [len(line.get("points", "").split()) for line in lines] == [3, 2]
    assert {"memory, web & workers", "memory, broker"} <= set(texts)
