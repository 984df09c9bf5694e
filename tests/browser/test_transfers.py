"""A dispatcher's and a driver's day: assigned on the list, driven on a phone."""

from datetime import timedelta

from playwright.sync_api import expect

from gnb.extensions import db
from gnb.models import Booking, now
from tests.browser.conftest import Visit
from tests.browser.stage import DRIVER, SUPPORT, Stage
from tests.business import make_booking, make_tour, make_user


def test_a_transfer_is_assigned_on_the_list_and_driven_on_a_phone(stage: Stage, visit: Visit) -> None:
    with stage.app.app_context():
        make_user(email=DRIVER, name="Hakan Sürücü", role="driver")
        road = make_tour(category="airport", airport="IST", origin="IST", destination="Fatih", distance_km=48)
        pickup = now() - timedelta(minutes=20)
        booking = make_booking(road, pickup_at=pickup, arrival_at=pickup + timedelta(minutes=60))
        booking_id, reference = booking.id, booking.reference
    page = visit("/admin/", as_=SUPPORT)
    page.goto(f"/admin/transfers?day={booking_day(stage, booking_id)}")
    row = page.get_by_role("row", name=reference)
    expect(row).to_contain_text("20 min late")
    expect(row).to_contain_text("no confirmation delivered")
    row.get_by_role("link", name="Assign").click()
    page.get_by_label("Driver").select_option("Hakan Sürücü")
    page.get_by_label("Vehicle").fill("Vito, 34 GNB 100")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name=reference)).to_contain_text("Vito, 34 GNB 100")

    phone = visit(f"/admin/transfers?day={booking_day(stage, booking_id)}", as_=DRIVER, width=390)
    button = phone.get_by_role("button", name=f"{reference}: Picked up")
    assert (button.bounding_box() or {})["width"] > 300
    button.click()
    expect(phone.get_by_text(f"{reference}: picked up.")).to_be_visible()
    expect(phone.get_by_text("on the road since")).to_be_visible()
    with stage.app.app_context():
        db.session.get_one(Booking, booking_id).actual_pickup_at = pickup
        db.session.commit()
    phone.get_by_role("button", name=f"{reference}: Arrived").click()
    expect(phone.get_by_text(f"{reference}: arrived.")).to_be_visible()
    expect(phone.get_by_role("button", name=reference)).to_have_count(0)
    with stage.app.app_context():
        assert db.session.get_one(Booking, booking_id).actual_arrival_at


def booking_day(stage: Stage, booking_id: int) -> str:
    with stage.app.app_context():
        return str(db.session.get_one(Booking, booking_id).travel_date)
