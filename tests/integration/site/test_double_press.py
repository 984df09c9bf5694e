"""Two presses of the same button at the same moment, on both databases."""

import threading
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.integration.site.test_booking import TYPED, begin, bookings


@pytest.mark.usefixtures("transfer")
def test_two_presses_at_the_same_moment_are_one_booking(app: Flask) -> None:
    client = app.test_client()
    form = begin(client)
    cookie: Any = client.get_cookie("gnb_session")
    answers: list[TestResponse] = []

    def press() -> None:
        another = app.test_client()
        another.set_cookie("gnb_session", cookie.value)
        answers.append(another.post("/bookings", data={**form, **TYPED}))

    presses = [threading.Thread(target=press) for _ in range(4)]
    for each in presses:
        each.start()
    for each in presses:
        each.join()
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert len(bookings()) == 1
