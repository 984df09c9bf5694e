"""Who may see a booking: its account, and whoever holds its link."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from gnb.models import now
from gnb.services.bookings import BookingNotFound
from gnb.services.bookings.access import booking_of_guest_token, booking_of_user, guest_link, guest_token
from tests.business import make_booking, make_user
from tests.servers import on_sqlite

pytestmark = on_sqlite


def test_the_link_of_a_booking_opens_it(app: Flask) -> None:
    booking = make_booking()
    parts = urlsplit(guest_link(booking))
    assert parts.path == f"/bookings/{booking.reference}"
    assert booking_of_guest_token(booking.reference, parse_qs(parts.query)["token"][0]).id == booking.id


def test_a_link_ends_a_year_after_the_ride(app: Flask) -> None:
    for days, opens in ((364, True), (366, False)):
        booking = make_booking(pickup_at=now() - timedelta(days=days))
        if opens:
            assert booking_of_guest_token(booking.reference, guest_token(booking.reference)).id == booking.id
        else:
            with pytest.raises(BookingNotFound):
                booking_of_guest_token(booking.reference, guest_token(booking.reference))


def test_no_other_link_does(app: Flask) -> None:
    booking, other = make_booking(), make_booking()
    good = guest_token(booking.reference)
    tokens = ["", "x", good[:-1], f"{good}A", good.swapcase(), guest_token(other.reference), "ş", "\x00", "a" * 10_000]
    for token in tokens:
        with pytest.raises(BookingNotFound):
            booking_of_guest_token(booking.reference, token)
    for reference in ("GNB-NOTHING", "", "x" * 10_000, "ş", "\x00"):
        with pytest.raises(BookingNotFound):
            booking_of_guest_token(reference, guest_token(reference))


def test_an_account_sees_its_own_bookings_alone(app: Flask) -> None:
    user, other = make_user(), make_user()
    booking = make_booking(user_id=user.id)
    assert booking_of_user(booking.reference, user).id == booking.id
    for reference, who in ((booking.reference, other), (make_booking().reference, user), ("GNB-NOTHING", user)):
        with pytest.raises(BookingNotFound):
            booking_of_user(reference, who)
