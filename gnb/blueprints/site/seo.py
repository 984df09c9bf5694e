"""`/sitemap.xml` and its parts, for search engines."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, request

from gnb.blueprints.shared.preferences import page_language
from gnb.extensions import settings
from gnb.models import DEFAULT_LANGUAGE, TEXT_LANGUAGES, SiteFile
from gnb.services.bookings.tours import Offer
from gnb.services.pricing.quotes import is_per_person
from gnb.services.sitemap import INDEX, address_of, sitemap_file

blueprint = Blueprint("sitemap", __name__)


@blueprint.get(f"/{INDEX}")
def sitemap() -> Response:
    """Send the sitemap, or the index of its parts, compressed for clients that accept it."""
    file = _file(INDEX)
    if "gzip" in request.accept_encodings:
        answer = Response(file.data, mimetype="application/xml")
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer = Response(gzip.decompress(file.data), mimetype="application/xml")
    answer.vary.add("Accept-Encoding")
    return _kept(answer, file)


@blueprint.get("/sitemap-<int:number>.xml.gz")
def part(number: int) -> Response:
    """Send one part, as a compressed file."""
    file = _file(f"sitemap-{number}.xml.gz")
    return _kept(Response(file.data, mimetype="application/gzip"), file)


def _file(name: str) -> SiteFile:
    return sitemap_file(name) or abort(404)


def _kept(answer: Response, file: SiteFile) -> Response:
    answer.set_etag(file.digest, weak=True)
    answer.last_modified = file.changed_at
    answer.cache_control.public = True
    answer.cache_control.max_age = 3600
    answer.make_conditional(request)
    return answer


@dataclass(frozen=True)
class PageAddresses:
    """The page's own address and its alternates by hreflang, as the sitemap lists them."""

    canonical: str
    alternates: dict[str, str]


def page_addresses() -> PageAddresses:
    """Return the addresses of the current page."""
    site, path = settings().site_url, request.path
    alternates = {each: address_of(path, each, site) for each in TEXT_LANGUAGES}
    alternates["x-default"] = address_of(path, DEFAULT_LANGUAGE, site)
    return PageAddresses(address_of(path, page_language(), site), alternates)


def structured_tour(offer: Offer, sold_out: bool) -> dict[str, Any]:
    """Return the tour and its price as JSON-LD."""
    tour = offer.tour
    address = address_of(f"/tours/{tour.slug}", page_language(), settings().site_url)
    return {
        "@context": "https://schema.org",
        "@type": "TouristTrip" if is_per_person(tour.category) else "TaxiService",
        "name": tour.title(page_language()),
        "description": tour.description(page_language()) or tour.title(page_language()),
        "url": address,
        "provider": {"@type": "TravelAgency", "name": "GNB Transfer", "url": settings().site_url},
        "offers": {
            "@type": "Offer",
            "price": str(offer.price),
            "priceCurrency": tour.currency,
            "availability": f"https://schema.org/{'SoldOut' if sold_out else 'InStock'}",
            "url": address,
        },
    }
