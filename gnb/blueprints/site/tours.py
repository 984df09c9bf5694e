"""The front page, `/tours` (search results) and `/tours/<slug>` (one tour), and the sitemap.

A search is from, to, day and passengers as query parameters.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import EXCLUDE, ValidationError, fields

from gnb.blueprints.shared.formatting import parse_int
from gnb.blueprints.shared.pagination import Pager, page_number
from gnb.blueprints.shared.preferences import page_language
from gnb.blueprints.shared.rate_limits import count_search
from gnb.extensions import db, settings
from gnb.messages import localize
from gnb.messages.labels import CATEGORY_LABELS
from gnb.models import CATEGORIES, DEFAULT_LANGUAGE, TEXT_LANGUAGES, SiteFile, Tour, local_day, now
from gnb.services import places
from gnb.services.bookings import TourNotFound, tours
from gnb.services.bookings.fields import Choice, FormSchema, Line, TravelDay
from gnb.services.bookings.request import MOST_PASSENGERS, check_day
from gnb.services.bookings.tours import Offer, TourSearch, find_tours, is_sold_out, offer_of, shelves, tour_of_slug
from gnb.services.places import place_name
from gnb.services.pricing.quotes import extras_on_sale, is_per_person
from gnb.services.sitemap import INDEX, address_of, sitemap_file

_CODE = re.compile(r"^.*\(([A-Z]{3})\)$", re.DOTALL)
PARAMETERS = ("from", "to", "date", "passengers", "category")


class _Passengers(fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = parse_int(str(value).strip())
        if number is None or not 1 <= number <= MOST_PASSENGERS:
            raise ValidationError(gettext("Choose 1 to %(most)s passengers.", most=MOST_PASSENGERS))
        return number


class _SearchSchema(FormSchema):
    class Meta:
        unknown = EXCLUDE

    start = Line(places.LONGEST_NAME, data_key="from")
    end = Line(places.LONGEST_NAME, data_key="to")
    day = TravelDay(data_key="date")
    passengers = _Passengers()
    category = Choice(CATEGORIES)


@dataclass(frozen=True)
class Search:
    """What was typed, what of it can be searched for, and what is wrong with the rest, by parameter."""

    typed: dict[str, str]
    wanted: TourSearch
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def carried(self) -> dict[str, str]:
        """What a link to a tour takes along, so that day and party need not be typed again."""
        return {name: self.typed[name] for name in ("date", "passengers") if name in self.typed}

    @property
    def first_day(self) -> str:
        return local_day(now()).isoformat()

    @property
    def last_day(self) -> str:
        return (local_day(now()) + tours.FARTHEST).isoformat()


def requested_search() -> Search:
    """Return the search of this request; an invalid parameter is reported and left out."""
    typed = {name: text for name in PARAMETERS if (text := request.args.get(name, "").strip())}
    messages: dict[str, Any] = {}
    try:
        # A name chosen from the list ends with its airport's code, which says it better.
        found = _SearchSchema().load({name: _CODE.sub(r"\1", text) for name, text in typed.items()})
    except ValidationError as error:
        messages, found = dict(error.normalized_messages()), dict(error.valid_data)  # type: ignore[arg-type]
    if found.get("day"):
        try:
            check_day(found["day"], local_day(now()))
        except ValidationError as error:
            del found["day"]
            messages.update(error.normalized_messages())
    return Search(
        typed, TourSearch(**found), {name: " ".join(map(localize, words)) for name, words in messages.items()}
    )


def place_names() -> list[str]:
    """Return the origins and destinations of the tours on sale."""
    columns = (Tour.origin, Tour.destination, Tour.city)
    ends = sa.union(*(sa.select(column.label("place")).where(Tour.active) for column in columns))
    return sorted({place_label(place) for place in db.session.scalars(ends)}, key=places.plain)


def place_label(place: str) -> str:
    """Return the name of a tour's place in the page's language."""
    return place_name(place, page_language())


PAGE_SIZE = 24

blueprint = Blueprint("tours", __name__, url_prefix="/tours")
blueprint.add_app_template_filter(place_label, "place")


@blueprint.get("")
def results() -> ResponseReturnValue:
    """Show the tours that match; errors in the search are shown beside it."""
    count_search()
    search, number = requested_search(), page_number()
    found = find_tours(search.wanted, (number - 1) * PAGE_SIZE, number * PAGE_SIZE)
    page = render_template(
        "site/tours.html",
        search=search,
        places=place_names(),
        found=found,
        pager=Pager(number, found.total, PAGE_SIZE),
        categories=CATEGORY_LABELS,
    )
    return page, 422 if search.errors else 200


@blueprint.get("/<slug>")
def tour(slug: str) -> ResponseReturnValue:
    """Show one tour: what it is, what it costs, how to book it."""
    found = tour_or_404(slug)
    sold_out, offer = is_sold_out(found, local_day(now())), offer_of(found)
    return render_template(
        "site/tour.html",
        addresses=page_addresses(),
        tour=found,
        offer=offer,
        per_person=is_per_person(found.category),
        extras=extras_on_sale(found),
        sold_out=sold_out,
        structured=structured_tour(offer, sold_out),
        search=requested_search(),
    )


def tour_or_404(slug: str) -> Tour:
    """Return the tour of this address, or end the request with a 404."""
    try:
        return tour_of_slug(slug)
    except TourNotFound as error:
        abort(404, localize(error))


ON_A_SHELF = 3

home_blueprint = Blueprint("home", __name__)


@home_blueprint.get("/")
def page() -> ResponseReturnValue:
    """Show the front page; with a search in its address, its results."""
    if search := {name: request.args[name] for name in PARAMETERS if request.args.get(name)}:
        return redirect(f"{url_for('tours.results')}?{urlencode(search)}")
    found = shelves(ON_A_SHELF)
    return render_template(
        "site/home.html",
        addresses=page_addresses(),
        search=requested_search(),
        places=place_names(),
        shelves={category: found[category] for category in CATEGORY_LABELS if category in found},
    )


sitemap_blueprint = Blueprint("sitemap", __name__)


@sitemap_blueprint.get(f"/{INDEX}")
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


@sitemap_blueprint.get("/sitemap-<int:number>.xml.gz")
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
