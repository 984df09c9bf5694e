"""The table of the faults."""

from tests.fault_table import Fault, lines


def test_the_table_is_sorted_aligned_and_says_what_was_not_counted() -> None:
    rows = [Fault("master killed", jobs=1200, lost=3, doubled=0, recovery=2.54), Fault("disk full", jobs=7)]
    assert lines(rows) == [
        "| fault         |  jobs | lost | doubled | longest recovery |",
        "| ------------- | ----: | ---: | ------: | ---------------: |",
        "| disk full     |     7 |    – |       – |                – |",
        "| master killed | 1,200 |    3 |       0 |            2.5 s |",
    ]
