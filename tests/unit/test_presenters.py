"""How the pages say things."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from babel.messages.checkers import checkers
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict

from gnb.blueprints.admin.plots import Series, Span, line_plot
from gnb.blueprints.admin.schema_forms import form_fields, read_form
from gnb.blueprints.shared.describe import subject
from gnb.blueprints.shared.formatting import (
    capital,
    duration,
    escape_control_characters,
    exact,
    number,
    percent,
    pretty_json,
    relative,
    size,
)
from gnb.blueprints.shared.preferences import local_path
from gnb.config import ROOT
from gnb.queueing.queue_reader import failure_key

TURKISH = ROOT / "translations" / "tr" / "LC_MESSAGES"


@pytest.fixture(params=["en"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """A request in a language; `en` unless the test says otherwise."""
    app = Flask(__name__)
    app.config.update(
        BABEL_DEFAULT_TIMEZONE="Europe/Istanbul", BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations")
    )
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield request.param


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0421, "42 ms"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (134, "2 min 14 s"),
        (3600, "1 h"),
        (90_000, "1 d 1 h"),
        (None, "–"),
    ],
)
def test_a_duration_is_said_in_at_most_two_units(language: str, seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("offset", "words"), [(-3, "3 s ago"), (0, "now"), (7200, "in 2 h"), (-180, "3 min ago")])
def test_a_moment_is_said_from_now(language: str, offset: int, words: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert relative(now + timedelta(seconds=offset), now) == words


@pytest.mark.parametrize("language", ["tr"], indirect=True)
def test_numbers_and_times_follow_the_language(language: str) -> None:
    assert number(1_234_567) == "1.234.567"
    assert size(424_300) == "424 kB"
    assert percent(12.5, 1, signed=True) == "+%12,5"
    assert percent(-12.5, 1) == "−%12,5"
    assert capital("iş") == "İş"
    assert duration(3.14) == "3,1 sn"
    assert relative(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 0, 3, tzinfo=UTC)) == "3 dk önce"


def test_the_exact_time_is_that_of_istanbul(language: str) -> None:
    assert "15:00:00" in exact(datetime(2026, 3, 1, 12, tzinfo=UTC))


@given(st.text())
def test_what_is_shown_holds_no_character_that_changes_how_the_page_is_read(text: str) -> None:
    assert all(character.isprintable() or character in "\n\t" for character in escape_control_characters(text))


def test_a_long_text_is_cut_and_says_how_much_is_left_out() -> None:
    assert escape_control_characters("x" * 100, limit=10) == "x" * 10 + " … (+90)"


def test_json_keeps_letters_and_escapes_what_is_no_text() -> None:
    assert (
        pretty_json({"name": "Ayşe", "mark": "\u202e\ud800"}) == '{\n  "name": "Ayşe",\n  "mark": "\\u202e\\ud800"\n}'
    )


def test_a_subject_is_the_data_in_words() -> None:
    data = {
        "type": "bookings-csv",
        "filters": {"status": ["confirmed", "paid"], "startDate": "2026-01-01"},
        "test": True,
        "fast": False,
        "booking": 0,
        "recipient": "5c1f00aa",
    }
    assert subject(data) == "status confirmed, paid · from 2026-01-01 · test · booking 0"


@pytest.mark.parametrize("language", ["tr"], indirect=True)
def test_a_subject_and_a_change_are_said_in_the_readers_language(language: str) -> None:
    assert subject({"status": "confirmed", "language": "en"}) == "durum onaylandı · dil İngilizce"
    assert subject({"from": "pending", "to": "confirmed"}) == "onay bekliyor → onaylandı"


class Inner(Schema):
    status = fields.String(validate=validate.OneOf(["a", "b"]))
    day = fields.Date()


class Outer(Schema):
    filters = fields.Nested(Inner)
    count = fields.Integer(required=True, validate=validate.Range(1, 9))
    names = fields.List(fields.String())
    fast = fields.Boolean()


def test_a_schema_becomes_a_form_and_the_form_becomes_its_data(language: str) -> None:
    made = {field.name: field for field in form_fields(Outer(), {"count": 3}, {"count": ["too few"]})}
    assert {name: field.kind for name, field in made.items()} == {
        "filters.status": "select",
        "filters.day": "date",
        "count": "number",
        "names": "textarea",
        "fast": "checkbox",
    }
    assert (made["count"].min, made["count"].max, made["count"].errors) == (1, 9, ("too few",))
    sent = MultiDict(
        [("filters.status", "a"), ("filters.day", ""), ("count", "4"), ("names", "x\r\ny\n"), ("fast", "true")]
    )
    assert read_form(Outer(), sent) == {
        "filters": {"status": "a"},
        "count": 4,
        "names": ["x", "y"],
        "fast": True,
    }


def test_a_plot_lifts_its_pen_where_nothing_is_known(language: str) -> None:
    at = [datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in range(4)]
    plot = line_plot("Depth", at, [Series("waiting", [1, None, 3, 4])], number)
    assert plot.lines[0][1].count("M") == 2
    assert plot.top == "4"
    assert plot.sentence == "Depth. waiting: last 4, highest 4"


def test_a_plot_draws_no_line_along_its_axis_and_no_scale_for_nothing(language: str) -> None:
    at = [datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in range(2)]
    plot = line_plot("T", at, [Series("completed", [0, 2]), Series("failed", [0, 0])], number)
    assert [bool(path) for _, path in plot.lines] == [True, False]
    nothing = line_plot("T", at, [Series("completed", [0, 0])], number)
    assert (nothing.area, nothing.top) == ("", "")


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "", None]
)
def test_only_paths_of_this_site_are_returned_to(target: str | None) -> None:
    assert local_path(target) is None


def test_a_failure_has_the_same_short_name_each_time() -> None:
    assert failure_key("ValueError: …\ud800") == failure_key("ValueError: …\ud800") != failure_key("ValueError")


def test_each_translation_has_the_places_of_its_original_and_is_compiled() -> None:
    with (TURKISH / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="tr")
    with (TURKISH / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    for message in catalog:
        if message.id and message.string:
            for check in checkers:
                check(catalog, message)
            name = message.id[0] if isinstance(message.id, tuple) else message.id
            context = message.context and message.context.encode()  # read_mo leaves it as bytes
            assert compiled.get(name, context) is not None, f"run bin/translate: {name!r} is not compiled"


def test_the_points_of_a_plot_are_drawn_and_those_above_zero_are_links_to_their_jobs(language: str) -> None:
    at = [datetime(2026, 3, 1, 12, minute, tzinfo=UTC) for minute in (0, 1, 2, 3)]
    spans = [Span(start, start + timedelta(minutes=1), "x") for start in at]
    series = [Series("failed", [0, None, 3, 6], "third", "state=failed")]
    plot = line_plot("Throughput", spans, series, number, "/admin/jobs/email")
    assert plot.dots == (("third", "M400.0 52.0h0M600.0 4.0h0"),)
    url = "/admin/jobs/email?state=failed&from=2026-03-01T15%3A02&until=2026-03-01T15%3A03"
    assert plot.links[0] == (url, "M400.0 52.0h0") and len(plot.links) == 2
    assert plot.cells[0][:3] == (("0", ""), ("–", ""), ("3", url))
