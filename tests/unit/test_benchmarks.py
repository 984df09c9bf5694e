"""The benchmarks' own arithmetic: medians, percentiles, goals, the table."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import processes
from benchmarks.__main__ import main
from benchmarks.measure import Measure, Options, at_most, in_turn, percentile, ratio_at_least, ratio_at_most
from benchmarks.publish import BEGIN, END, PAGE, publish
from benchmarks.report import Report, figure


def test_the_median_of_the_rounds_counts_and_contestants_take_turns() -> None:
    figures = {"a": [5.0, 1.0, 3.0], "b": [10.0, 30.0, 20.0]}
    order: list[str] = []

    def contestant(name: str) -> float:
        order.append(name)
        return figures[name].pop(0)

    medians = in_turn({name: lambda name=name: contestant(name) for name in ("a", "b")}, rounds=3)
    assert medians == {"a": 3.0, "b": 20.0}
    assert order == ["a", "b", "a", "b", "a", "b"]


def test_a_step_may_take_as_long_as_it_needs_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.05)
    progress = processes.Progress()
    for done in range(10):
        time.sleep(0.02)
        progress.check(done)
    time.sleep(0.1)
    with pytest.raises(TimeoutError, match="at 9"):
        progress.check(9)


def test_a_program_that_works_is_waited_for_and_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 2.0)
    busy = "import time\nwhile time.process_time() < 4: pass\nprint('done')"
    assert processes.output_words([sys.executable, "-c", busy]) == ["done"]
    with pytest.raises(TimeoutError):
        processes.output_words([sys.executable, "-c", "import time; time.sleep(100)"])


def test_a_run_can_keep_the_figures_of_the_last_one_that_it_does_not_measure(tmp_path: Path) -> None:
    machine = {"processor": "x", "cores": "2", "memory": "4 GiB"}
    engine = [Measure(name="jobs", unit="jobs/s", ours=9.0, peer=6.0, against="B", goal=ratio_at_least(1.2), note="n")]
    last = Report(machine, {"rq": "3"}, quick=False, parts={"engine": engine}, failures={"pages": "broke down"})
    last.write(tmp_path / "latest.json")
    now = Report(
        machine, {"rq": "3"}, quick=False, parts={"pages": [Measure(name="p", unit="ms", ours=1.0, goal=at_most(2))]}
    )
    now.keep_others(["pages"], tmp_path / "latest.json")
    assert (now.parts["engine"], now.complete) == (engine, True)
    with pytest.raises(SystemExit, match="could be kept"):
        Report({**machine, "cores": "4"}, {}, quick=False).keep_others(["pages"], tmp_path / "latest.json")


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(range(1, 101), share) == value


@pytest.mark.parametrize(
    ("measure", "met"),
    [
        (Measure(name="rate", unit="jobs/s", ours=95, peer=100, goal=ratio_at_least(0.95)), True),
        (Measure(name="rate", unit="jobs/s", ours=94, peer=100, goal=ratio_at_least(0.95)), False),
        (Measure(name="memory", unit="B", ours=90, peer=100, goal=ratio_at_most(1)), True),
        (Measure(name="pickup", unit="ms", ours=2.5, goal=at_most(2)), False),
        (Measure(name="no goal", unit="ms", ours=2.5), None),
        (Measure(name="peer missing", unit="jobs/s", ours=95, goal=ratio_at_least(1)), None),
    ],
)
def test_a_goal_is_met_missed_or_open(measure: Measure, met: bool | None) -> None:
    assert measure.met is met


@pytest.mark.parametrize(
    ("value", "shown"), [(7411.6, "7,412 ms"), (12.345, "12.3 ms"), (1.3849, "1.38 ms"), (None, "")]
)
def test_a_figure_is_shown_with_three_significant_digits(value: float | None, shown: str) -> None:
    assert figure(value, "ms") == shown


def test_a_report_prints_every_measure_and_is_read_back_from_its_file(tmp_path: Path) -> None:
    measure = Measure(name="pickup p50", unit="ms", ours=1.5, peer=3.0, against="RQ", goal=ratio_at_most(1))
    report = Report({"cores": "2"}, {"python": "3.11"}, quick=True, parts={"engine": [measure]})
    console = Console(record=True, width=160, file=io.StringIO())
    report.print(console)
    report.write(tmp_path / "latest.json")
    [written] = json.loads((tmp_path / "latest.json").read_text())["measures"]["engine"]
    assert (written["ours"], written["ratio"], written["met"], written["goal"]) == (1.5, 0.5, True, "≤ 1 ×")
    row = next(line for line in console.export_text().splitlines() if "pickup p50" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "pickup p50",
        "1.50 ms",
        "3.00 ms",
        "RQ",
        "0.50",
        "≤ 1 ×",
        "yes",
    ]


def test_a_quick_run_takes_one_round_of_less_work() -> None:
    assert (Options(quick=True).rounds, Options(quick=True).count(1000), Options(quick=True).count(1000, 10)) == (
        1,
        200,
        10,
    )
    assert (Options().rounds, Options().count(1000)) == (5, 1000)


def test_an_unknown_part_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "nonsense"])
    assert stopped.value.code == 2
    assert "choose from engine" in capsys.readouterr().err


def test_only_a_whole_run_is_put_into_the_documentation(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    measure = Measure(name="pickup p50", unit="ms", ours=1.5, peer=3.0, against="RQ", goal=ratio_at_most(1))
    parts = {"engine": [measure], "mail": [measure]}
    assert not publish(Report({}, {}, quick=True, parts=dict(parts)), parts, page)
    assert not publish(Report({}, {}, quick=False, parts={"mail": [measure]}), parts, page)
    assert not publish(Report({}, {}, quick=False, parts=dict(parts), failures={"mail": "no"}), parts, page)
    assert page.read_text() == PAGE.read_text()

    for _ in range(2):
        assert publish(Report({"cores": "2"}, {"python": "3.11"}, quick=False, parts=dict(parts)), parts, page)
    text = page.read_text()
    assert text.count("| pickup p50 | 1.50 ms | 3.00 ms | RQ | 0.50 | ≤ 1 × | yes |") == 2
    before, _, rest = PAGE.read_text().partition(BEGIN)
    assert text.startswith(before)
    assert text.endswith(rest.partition(END)[2])
