"""The sitemap: what it lists, how it is split, how it is served."""

import gzip
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gnb.extensions import db
from gnb.models import SiteFile
from gnb.services.sitemap import sitemap_file, update_sitemap
from tests.business import make_tour
from tests.servers import on_sqlite

NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}


def parsed(name: str) -> ElementTree.Element:
    file = sitemap_file(name)
    assert file is not None
    return ElementTree.fromstring(gzip.decompress(file.data))


def addresses(root: ElementTree.Element) -> list[str]:
    return [found.text or "" for found in root.findall(".//s:loc", NAMES)]


def test_every_active_tour_has_an_address_in_every_language_with_its_alternates(app: Flask) -> None:
    make_tour(slug="istanbul-&-more")
    make_tour(slug="closed", active=False)
    made = update_sitemap()
    root = parsed("sitemap.xml")
    assert root.tag.endswith("urlset")
    assert made.addresses == len(addresses(root)) == 4
    assert addresses(root)[2].endswith("/tours/istanbul-%26-more?lang=tr")
    links = root.findall("s:url", NAMES)[2].findall("x:link", NAMES)
    assert [link.get("hreflang") for link in links] == ["tr", "en", "x-default"]
    assert {link.get("href") for link in links} >= set(addresses(root)[2:])


def test_too_many_addresses_are_split_under_an_index(app: Flask) -> None:
    for _ in range(5):
        make_tour()
    made = update_sitemap(limit=5)
    index = parsed("sitemap.xml")
    assert index.tag.endswith("sitemapindex")
    names = [address.rpartition("/")[2] for address in addresses(index)]
    assert names == ["sitemap-1.xml.gz", "sitemap-2.xml.gz", "sitemap-3.xml.gz"]
    listed = [address for name in names for address in addresses(parsed(name))]
    assert made.addresses == len(set(listed)) == 12
    assert [len(addresses(parsed(name))) for name in names] == [5, 5, 2]


def test_a_smaller_sitemap_leaves_no_file_of_the_larger_one(app: Flask) -> None:
    tours = [make_tour() for _ in range(5)]
    update_sitemap(limit=5)
    for tour in tours:
        tour.active = False
    db.session.commit()
    update_sitemap(limit=5)
    assert list(db.session.scalars(db.select(SiteFile.name))) == ["sitemap.xml"]


@on_sqlite
def test_it_is_served_compressed_to_those_who_take_it_and_once(client: FlaskClient) -> None:
    make_tour()
    plain = client.get("/sitemap.xml")
    assert plain.status_code == 200
    assert plain.mimetype == "application/xml"
    assert plain.data.startswith(b"<?xml")
    packed = client.get("/sitemap.xml", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    again = client.get("/sitemap.xml", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304


@on_sqlite
def test_parts_are_served_as_files_and_unknown_ones_are_not_there(client: FlaskClient) -> None:
    for _ in range(5):
        make_tour()
    update_sitemap(limit=5)
    part = client.get("/sitemap-2.xml.gz")
    assert (part.status_code, part.mimetype) == (200, "application/gzip")
    assert b"<urlset" in gzip.decompress(part.data)
    assert client.get("/sitemap-9.xml.gz").status_code == 404


@on_sqlite
@pytest.mark.parametrize("language", ["tr", "en"])
def test_the_addresses_language_is_the_pages(client: FlaskClient, language: str) -> None:
    page = client.get(f"/login?lang={language}")
    assert f'lang="{language}"'.encode() in page.data
