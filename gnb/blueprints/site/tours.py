"""`/tours`, what a search found, and `/tours/<slug>`, one tour."""

from __future__ import annotations

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from gnb.blueprints.admin.presenters.pages import Pager, page_number
from gnb.blueprints.site import words
from gnb.blueprints.site.addresses import addresses, structured_tour
from gnb.blueprints.site.search import asked_for, place_names, place_word
from gnb.models import Tour, local_day, now
from gnb.services.bookings.catalogue import find_tours, is_sold_out, tour_of_slug
from gnb.services.bookings.errors import TourNotFound
from gnb.services.pricing.quotes import extras_on_sale, is_per_person

PAGE_SIZE = 24

blueprint = Blueprint("tours", __name__, url_prefix="/tours")
words.add_filters(blueprint)
blueprint.add_app_template_filter(place_word, "place")


@blueprint.get("")
def results() -> ResponseReturnValue:
    """The tours that fit; what makes no sense in the search is said beside it."""
    search, number = asked_for(), page_number()
    found = find_tours(search.wanted, (number - 1) * PAGE_SIZE, number * PAGE_SIZE)
    page = render_template(
        "site/tours.html",
        search=search,
        places=place_names(),
        found=found,
        pager=Pager(number, found.total, PAGE_SIZE),
        categories=words.CATEGORY_WORDS,
    )
    return page, 422 if search.errors else 200


@blueprint.get("/<slug>")
def tour(slug: str) -> ResponseReturnValue:
    """One tour: what it is, what it costs, the way to book it."""
    found = tour_or_404(slug)
    sold_out = is_sold_out(found, local_day(now()))
    return render_template(
        "site/tour.html",
        addresses=addresses(),
        tour=found,
        per_person=is_per_person(found.category),
        extras=extras_on_sale(found),
        sold_out=sold_out,
        structured=structured_tour(found, sold_out),
        search=asked_for(),
    )


def tour_or_404(slug: str) -> Tour:
    """The tour of this address; the request ends where there is none."""
    try:
        return tour_of_slug(slug)
    except TourNotFound as error:
        abort(404, str(error))
