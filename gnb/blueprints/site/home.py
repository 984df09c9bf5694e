"""The front page: the search, and some of each kind of tour."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gnb.blueprints.site.addresses import addresses
from gnb.blueprints.site.search import PARAMETERS, asked_for, place_names
from gnb.blueprints.site.words import CATEGORY_WORDS
from gnb.services.bookings.tours import TourSearch, find_tours

ON_A_SHELF = 3

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def page() -> ResponseReturnValue:
    """The front page; with a search in its address, what was found."""
    if search := {name: request.args[name] for name in PARAMETERS if request.args.get(name)}:
        return redirect(f"{url_for('tours.results')}?{urlencode(search)}")
    shelves = {category: find_tours(TourSearch(category=category), 0, ON_A_SHELF) for category in CATEGORY_WORDS}
    return render_template(
        "site/home.html",
        addresses=addresses(),
        search=asked_for(),
        places=place_names(),
        shelves={category: found for category, found in shelves.items() if found.total},
    )
