"""Tours: what is sold, and a form that changes it."""

from functools import partial

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gnb.blueprints.access import signed_in_user
from gnb.blueprints.admin import blueprint
from gnb.blueprints.admin.answers import done
from gnb.blueprints.admin.guard import for_admins
from gnb.blueprints.admin.presenters.pages import page_of
from gnb.blueprints.admin.tour_form import NewTourForm, TourForm, values_of
from gnb.models import Tour, db
from gnb.services.bookings import tours as service

LONGEST_SEARCH = 100


@blueprint.get("/tours")
def tours() -> ResponseReturnValue:
    """Show the tours, those on sale first."""
    text = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found, pager = page_of(partial(service.list_tours, text))
    return render_template("admin/tours/list.html", tours=found, pager=pager, text=text)


@blueprint.route("/tours/new", methods=["GET", "POST"])
@for_admins
def new_tour() -> ResponseReturnValue:
    """Write a tour."""
    form = NewTourForm(data={"max_passengers": 8, "currency": "EUR", "category": "tour"})
    if not form.validate_on_submit():
        return _form(form, None)
    try:
        tour = service.save_tour(Tour(), form.values(), signed_in_user())
    except service.SlugTaken:
        form.refuse_slug()
        return _form(form, None)
    return done(gettext("The tour is written."), url_for("admin.tours", q=tour.slug))


@blueprint.route("/tours/<int:tour_id>/edit", methods=["GET", "POST"])
@for_admins
def edit_tour(tour_id: int) -> ResponseReturnValue:
    """Change a tour; bookings keep the price that they were made at."""
    tour = (db.session.get(Tour, tour_id) if tour_id < 2**31 else None) or abort(404, "There is no such tour.")
    form = TourForm(data=values_of(tour))
    if not form.validate_on_submit():
        return _form(form, tour)
    service.save_tour(tour, form.values(), signed_in_user())
    return done(gettext("The tour is changed."), url_for("admin.tours", _anchor=f"tour-{tour_id}"))


def _form(form: TourForm, tour: Tour | None) -> ResponseReturnValue:
    page = render_template("admin/tours/form.html", form=form, tour=tour)
    return page, 422 if form.errors else 200
