"""The front page, `/tours` (search results) and `/tours/<slug>` (one tour)."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gnb.blueprints.shared.pagination import Pager, page_number
from gnb.blueprints.shared.rate_limits import count_search
from gnb.blueprints.site.search import PARAMETERS, place_label, place_names, requested_search
from gnb.blueprints.site.seo import page_addresses, structured_tour
from gnb.messages import localize
from gnb.messages.labels import CATEGORY_LABELS
from gnb.models import Tour, local_day, now
from gnb.services.bookings import TourNotFound
from gnb.services.bookings.tours import find_tours, is_sold_out, offer_of, shelves, tour_of_slug
from gnb.services.pricing.quotes import extras_on_sale, is_per_person

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
