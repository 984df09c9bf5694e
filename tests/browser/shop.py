"""Something to sell on the stage, and somebody who buys it."""

from datetime import date, timedelta
from decimal import Decimal

from playwright.sync_api import Page, expect

from gnb.extensions import db
from gnb.models import Extra, User, local_day, now
from gnb.services import email_service
from gnb.services.accounts import authentication, passwords
from gnb.services.bookings import access
from tests.browser.stage import PASSWORD, Stage
from tests.business import make_booking, make_tour

CUSTOMER = "customer@example.com"


def open_shop(stage: Stage) -> None:
    """A transfer, a cruise of ten seats a day, two extras, and an account without bookings."""
    with stage.app.app_context():
        make_tour(
            slug="ist-fatih", category="airport", airport="IST", origin="IST", destination="Fatih", distance_km=48,
            titles={"en": "Istanbul Airport to Fatih", "tr": "İstanbul Havalimanı – Fatih"}, max_passengers=8,
            descriptions={"en": "A car of your own, tolls included.", "tr": "Özel araç, geçiş ücretleri dâhil."},
            base_price=Decimal("45.00"),
        )  # fmt: skip
        make_tour(
            slug="bosphorus", category="tour", origin="Şişli", destination="Şişli", daily_seats=10, max_passengers=40,
            titles={"en": "Bosphorus by boat", "tr": "Tekneyle Boğaz turu"},
        )  # fmt: skip
        seat = {"en": "Child seat", "tr": "Çocuk koltuğu"}
        db.session.add(Extra(code="child-seat", titles=seat, price=Decimal("5.00"), max_quantity=4))
        welcome = {"en": "Meet and greet", "tr": "İsimle karşılama"}
        db.session.add(Extra(code="welcome", titles=welcome, price=Decimal("12.50"), max_quantity=1, position=1))
        hashed = passwords.hash_password(PASSWORD)
        db.session.add(User(email=CUSTOMER, name="Can Yolcu", language="en", password_hash=hashed))
        db.session.commit()


def public_pages(stage: Stage) -> list[str]:
    """The address of every page that a visitor sees, with a guest's booking on them."""
    with stage.app.app_context():
        booking = make_booking(status="confirmed", pickup_at=now() + timedelta(days=9))
        token = access.guest_token(booking.reference)
        own = f"/bookings/{booking.reference}"
        asked = email_service.plan_registration("new@example.com", "Yeni", "en")
        db.session.commit()
        return [
            "/",
            "/tours",
            "/tours?from=IST&date=2020-01-01&passengers=x",
            "/tours?from=Nowhere",
            "/tours/ist-fatih",
            "/tours/bosphorus?lang=tr",
            "/tours/ist-fatih/book?passengers=3",
            f"/tours/bosphorus/book?date={travel_day()}",
            f"{own}?token={token}",
            f"{own}?token={token}&made=1",
            f"{own}/cancel?token={token}",
            "/login",
            "/register",
            f"/register/{authentication.registration_token(asked.id)}",
            "/register/made-up",
            "/forgot-password",
            "/find-booking",
        ]


def travel_day() -> date:
    """A day that can be booked."""
    return local_day(now()) + timedelta(days=30)


def fill_booking(page: Page, email: str) -> None:
    """Everything that a transfer's form asks for, for two passengers."""
    page.locator("#f-date").fill(travel_day().isoformat())
    page.locator("#f-time").fill("14:30")
    page.locator("#f-dropoffPlace").fill("Hotel Sultan, Fatih")
    page.locator("#f-flightNumber").fill("TK1984")
    page.locator("#f-passengers-0-name").fill("Ayşe Yılmaz")
    page.locator("#f-passengers-1-name").fill("Can Yılmaz")
    page.locator("#f-passengers-1-kind").select_option("child")
    page.locator("#f-contactName").fill("Ayşe Yılmaz")
    page.locator("#f-contactEmail").fill(email)
    page.locator("#f-contactPhone").fill("+90 532 123 45 67")
    expect(page.locator("#f-contactPhone")).to_have_value("+90 532 123 45 67")
