"""The front page, the search and a tour's page, and what search engines are told of them."""

import gzip
import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db
from gnb.models import Departure, Extra, Tour, local_day, now
from gnb.services.sitemap import sitemap_file, update_sitemap
from tests.business import make_campaign, make_tour
from tests.integration.site.conftest import HARMFUL, csrf_of
from tests.servers import on_sqlite

pytestmark = on_sqlite

NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}


def titles(page: str) -> list[str]:
    return re.findall(r"<h3><a [^>]*>([^<]*)</a></h3>", page)


def test_the_front_page_shows_some_of_each_kind_and_leads_to_the_rest(client: FlaskClient) -> None:
    for number in range(5):
        make_tour(category="airport", titles={"en": f"Ride {number}"})
    make_tour(category="city", titles={"en": "Old town"})
    make_tour(category="city", titles={"en": "Not sold"}, active=False)
    page = client.get("/").text
    assert titles(page) == ["Ride 0", "Ride 1", "Ride 2", "Old town"]
    assert "/tours?category=airport" in page
    assert "/tours?category=city" not in page


def test_a_shop_without_tours_says_so(client: FlaskClient) -> None:
    assert "Nothing is on sale yet" in client.get("/").text


def test_a_lowered_price_stands_beside_the_one_before(client: FlaskClient) -> None:
    make_tour(slug="cheaper", base_price=Decimal("50.00"), city="Antalya")
    make_tour(slug="usual", base_price=Decimal("60.00"))
    make_campaign(state="active", discount_percent=20, city="Antalya")
    cheaper, usual = client.get("/tours/cheaper").text, client.get("/tours/usual").text
    assert "€40.00" in cheaper and re.search(r"<del[^>]*>.*€50\.00</del>", cheaper)
    assert "€60.00" in usual and "<del" not in usual


def test_a_search_on_the_front_page_is_answered_by_the_list(client: FlaskClient) -> None:
    answer = client.get("/?from=IST&passengers=2&_external=1&_scheme=javascript")
    assert (answer.status_code, answer.location) == (302, "/tours?from=IST&passengers=2")


@pytest.mark.parametrize(
    "start", ["IST", "Istanbul Airport (IST)", "istanbul airport", "İstanbul Havalimanı (IST)", "Istanbul"]
)
def test_an_airport_is_found_by_any_of_its_names(client: FlaskClient, transfer: Tour, start: str) -> None:
    make_tour(origin="AYT", city="Antalya", airport="AYT", titles={"en": "Elsewhere"})
    assert titles(client.get("/tours", query_string={"from": start}).text) == ["Istanbul Airport to Fatih"]


def test_places_to_choose_from_are_those_of_the_tours(client: FlaskClient, transfer: Tour) -> None:
    english, turkish = client.get("/tours?lang=en").text, client.get("/tours?lang=tr").text
    assert '<option value="Istanbul Airport (IST)">' in english
    assert '<option value="İstanbul Havalimanı (IST)">' in turkish


def test_day_and_party_leave_out_what_has_no_seats_for_them(client: FlaskClient, cruise: Tour, transfer: Tour) -> None:
    day = local_day(now()) + timedelta(days=5)
    db.session.add(Departure(tour=cruise, departs_on=day, seats=10, seats_taken=7))
    db.session.commit()
    assert len(titles(client.get(f"/tours?date={day}&passengers=3").text)) == 2
    assert titles(client.get(f"/tours?date={day}&passengers=4").text) == ["Istanbul Airport to Fatih"]
    assert titles(client.get("/tours?passengers=9").text) == ["Bosphorus by boat"]
    assert "3 seats left" in client.get(f"/tours?date={day}").text


def test_what_is_found_comes_in_pages_that_keep_the_search(client: FlaskClient) -> None:
    for number in range(26):
        make_tour(category="city", titles={"en": f"Walk {number:02}"}, name=f"Walk {number:02}")
    options = "_external=1&_scheme=javascript&endpoint=x&slug=y"
    first = client.get(f"/tours?category=city&from=istanbul&x=1&x=2&{options}").text
    assert len(titles(first)) == 24
    assert "26 offers" in first
    [following] = re.findall(r'<a [^>]*rel="next" href="([^"]*)">', first)
    assert following.startswith("/tours?category=city&amp;from=istanbul&amp;x=1&amp;x=2&amp;")
    assert following.endswith("&amp;page=2")
    assert titles(client.get("/tours?category=city&page=2").text) == ["Walk 24", "Walk 25"]
    beyond = client.get("/tours?page=9")
    assert beyond.status_code == 200 and "To the first page" in beyond.text


def test_a_search_that_finds_nothing_says_how_to_go_on(client: FlaskClient, transfer: Tour) -> None:
    page = client.get("/tours?from=Nowhere").text
    assert "No matches for this search" in page and "Show everything" in page


@pytest.mark.parametrize(
    ("query", "field", "advice"),
    [
        ("date=tomorrow", "date", "2027-06-30"),
        ("date=2020-01-01", "date", "past"),
        ("date=9999-12-31", "date", "too far off"),
        ("passengers=0", "passengers", "1 to 50"),
        ("passengers=many", "passengers", "1 to 50"),
        ("passengers=%C2%B2", "passengers", "1 to 50"),
        ("passengers=99999999999999999999", "passengers", "1 to 50"),
        ("from=" + "x" * 300, "from", "At most"),
    ],
)
def test_a_search_that_makes_no_sense_is_told_beside_its_field(
    client: FlaskClient, transfer: Tour, query: str, field: str, advice: str
) -> None:
    answer = client.get(f"/tours?{query}")
    assert answer.status_code == 422
    error = re.search(rf'id="search-{field}-error">([^<]*)<', answer.text)
    assert error and advice in error[1]


@pytest.mark.parametrize(
    "query", ["category=cars", "from=%00", "page=-1", "page=x", "page=%C2%B2", "date=", "to=%F0%9F%9A%95"]
)
def test_no_search_breaks_the_page(client: FlaskClient, transfer: Tour, query: str) -> None:
    assert client.get(f"/tours?{query}").status_code in (200, 422)


def test_what_was_typed_is_shown_as_text(client: FlaskClient) -> None:
    for path in ("/tours", "/"):
        page = client.get(path, query_string={"from": HARMFUL, "to": HARMFUL}, follow_redirects=True).text
        assert "<script>alert" not in page and "<img src=x" not in page


def test_a_tour_says_what_it_is_in_the_language_of_its_address(
    client: FlaskClient, transfer: Tour, extras: list[Extra]
) -> None:
    english, turkish = client.get("/tours/ist-fatih?lang=en").text, client.get("/tours/ist-fatih?lang=tr").text
    for fact in (
        "Istanbul Airport to Fatih",
        "A car of your own.",
        "€45.00",
        "1 h",
        "Child seat",
        "€5.00",
        "whole car",
    ):
        assert fact in english
    for fact in ("İstanbul Havalimanı – Fatih", "Özel araç.", "€45,00", "1 sa", "Çocuk koltuğu", "€5,00"):
        assert fact in turkish


@pytest.mark.parametrize("slug", ["no-such", "%00", "x" * 300, "closed", "a/b"])
def test_a_tour_that_is_not_sold_is_not_there(client: FlaskClient, slug: str) -> None:
    make_tour(slug="closed", active=False)
    for path in (f"/tours/{slug}", f"/tours/{slug}/book"):
        assert client.get(path).status_code == 404


def test_texts_of_a_tour_are_shown_as_text_everywhere(client: FlaskClient) -> None:
    make_tour(slug="harmful", titles={"en": HARMFUL}, descriptions={"en": HARMFUL + "</script>"}, origin=HARMFUL[:120])
    for path in ("/", "/tours", "/tours/harmful", "/tours/harmful/book"):
        page = client.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page, path
    assert structured(client.get("/tours/harmful").text)["name"] == HARMFUL


def structured(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_a_page_names_the_addresses_that_the_sitemap_lists(app: Flask, client: FlaskClient, transfer: Tour) -> None:
    make_tour(slug="istanbul-&-more")
    update_sitemap()
    file = sitemap_file("sitemap.xml")
    assert file
    entries = ElementTree.fromstring(gzip.decompress(file.data)).findall("s:url", NAMES)
    assert len(entries) == 6
    for entry in entries:
        address = entry.findtext("s:loc", namespaces=NAMES) or ""
        page = client.get(address.removeprefix(app.extensions["settings"].site_url)).text
        canonical = re.search(r'<link rel="canonical" href="([^"]*)">', page)
        assert canonical and canonical[1].replace("&amp;", "&") == address
        listed = {link.get("hreflang"): link.get("href") for link in entry.findall("x:link", NAMES)}
        shown = dict(re.findall(r'<link rel="alternate" hreflang="([^"]*)" href="([^"]*)">', page))
        assert {language: link.replace("&amp;", "&") for language, link in shown.items()} == listed
        language = address.rpartition("=")[2]
        assert f'<html lang="{language}"' in page
        if "/tours/" in address:
            assert structured(page)["url"] == address


def test_the_structured_data_carries_the_price_that_is_shown(client: FlaskClient, transfer: Tour) -> None:
    transfer.base_price, transfer.currency = Decimal("51.50"), "GBP"
    db.session.commit()
    page = client.get("/tours/ist-fatih?lang=en").text
    offer = structured(page)["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("51.50", "GBP")
    assert offer["availability"] == "https://schema.org/InStock"
    assert "£51.50" in page


def test_a_tour_without_a_seat_on_any_day_says_so(client: FlaskClient, cruise: Tour) -> None:
    tomorrow = local_day(now()) + timedelta(days=1)
    days = [
        Departure(tour=cruise, departs_on=tomorrow + timedelta(days=n), seats=10, seats_taken=10) for n in range(730)
    ]
    db.session.add_all(days)
    db.session.commit()
    page = client.get("/tours/bosphorus").text
    assert structured(page)["offers"]["availability"] == "https://schema.org/SoldOut"
    assert "Sold out" in page and "/tours/bosphorus/book" not in page
    days[100].seats_taken = 9
    db.session.commit()
    page = client.get("/tours/bosphorus").text
    assert structured(page)["offers"]["availability"] == "https://schema.org/InStock"
    assert "Sold out" not in page and "/tours/bosphorus/book" in page


def test_lists_and_forms_are_not_for_search_engines(client: FlaskClient, transfer: Tour) -> None:
    for path in ("/tours", "/tours/ist-fatih/book", "/login"):
        assert '<meta name="robots" content="noindex">' in client.get(path).text
    assert "noindex" not in client.get("/").text


def test_whoever_comes_by_an_address_of_a_language_stays_in_it_until_another_is_chosen(
    client: FlaskClient, transfer: Tour
) -> None:
    client.get("/tours/ist-fatih?lang=tr")
    assert 'lang="tr"' in client.get("/").text
    form = {"csrf_token": csrf_of(client, "/"), "language": "en", "back": "/tours/ist-fatih?lang=tr&date=2027-01-01"}
    answer = client.post("/preferences", data=form)
    assert answer.location == "/tours/ist-fatih?date=2027-01-01"
    assert 'lang="en"' in client.get(answer.location).text
    client.get("/tours/ist-fatih?lang=tr")
    assert 'lang="en"' in client.get("/").text


def queries(client: FlaskClient, path: str) -> int:
    """How many statements the database gets for a page."""
    seen: list[str] = []

    def count(*args: Any) -> None:
        seen.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", count)
    try:
        assert client.get(path).status_code == 200
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", count)
    return len(seen)


@pytest.mark.parametrize("path", ["/", "/tours", "/tours?from=Antalya&to=Kemer", "/api/v1/tours"])
def test_a_page_of_tours_asks_as_much_of_the_database_for_forty_tours_as_for_four(
    client: FlaskClient, path: str
) -> None:
    make_campaign(state="active", max_bookings=50)

    def fill(count: int) -> None:
        for _ in range(count):
            make_tour(category="airport", city="Antalya", destination="Kemer")

    fill(4)
    client.get(path)  # reads the demand of the week
    few = queries(client, path)
    fill(36)
    assert queries(client, path) == few < 12


def test_a_search_is_limited_by_its_source_on_the_page_and_by_the_api(app: Flask, client: FlaskClient) -> None:
    app.config["SEARCH_RATE_LIMIT"] = "2 per minute"
    answers = [client.get(path).status_code for path in ("/tours?from=x", "/api/v1/tours", "/tours", "/api/v1/tours")]
    assert answers == [200, 200, 429, 429]
    assert client.get("/").status_code == 200
