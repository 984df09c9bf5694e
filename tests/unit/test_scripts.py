"""The arguments of the Lua scripts by name."""

import pytest

from gnb.queueing.scripts import DEQUEUE, FINISH, DequeueArgs, FinishArgs, Script


def test_an_argument_is_read_at_its_place_in_the_tuples() -> None:
    fields = DequeueArgs._fields + FinishArgs._fields
    assert f"ARGV[{fields.index('dequeue_next') + 1}] == '1' and dequeue_job(now)" in FINISH.text
    assert "args." not in DEQUEUE.text + FINISH.text


def test_a_script_that_names_an_argument_of_none_of_its_tuples_is_rejected() -> None:
    with pytest.raises(ValueError, match="as_queue"):
        Script("finish.lua", args=[DequeueArgs])
