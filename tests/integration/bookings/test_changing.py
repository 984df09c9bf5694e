"""What becomes of a booking: which moves there are, and the seats and mail of each."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.models import STATUSES, AuditEntry, Booking, Delivery, db, now
from gnb.services import email_service
from gnb.services.bookings.access import guest_link
from gnb.services.bookings.booking import book
from gnb.services.bookings.errors import InvalidBookingState
from gnb.services.bookings.request import BookingRequestSchema
from gnb.services.bookings.seats import seats_left
from gnb.services.bookings.status import cancel_by_customer, may_cancel, next_statuses, set_status
from gnb.services.mail.contents import content_of
from tests.business import booking_data, make_booking, make_tour, make_user

MOVES = {
    "pending": ["confirmed", "cancelled"],
    "confirmed": ["paid", "cancelled"],
    "paid": ["completed", "cancelled"],
    "completed": [],
    "cancelled": [],
}


def deliveries() -> list[tuple[str, bool]]:
    """Kind of each message, and whether it only says that the booking is here."""
    rows = db.session.scalars(sa.select(Delivery).order_by(Delivery.id))
    return [(row.kind, bool(row.content)) for row in rows]


def subject_of(booking: Booking, kind: str, received: bool = False) -> str:
    """The subject of the message, whose text holds the way to the booking."""
    rows = db.session.scalars(sa.select(Delivery).where(Delivery.kind == kind))
    (delivery,) = [row for row in rows if bool(row.content) is received]
    content = content_of(delivery)
    assert guest_link(booking) in content.text
    assert guest_link(booking) in content.html
    return content.subject


@pytest.mark.parametrize("before", STATUSES)
def test_only_the_moves_of_a_bookings_life_are_possible(app: Flask, before: str) -> None:
    for after in sorted(set(STATUSES) - set(MOVES[before])):
        booking = make_booking(status=before)
        assert next_statuses(booking) == MOVES[before]
        with pytest.raises(InvalidBookingState, match=booking.reference):
            set_status(booking, after)
        assert db.session.get_one(Booking, booking.id).status == before
    assert deliveries() == []
    for after in MOVES[before]:
        booking = make_booking(status=before)
        set_status(booking, after)
        assert booking.status == after


def test_each_step_has_a_mail_of_its_own_and_none_comes_twice(app: Flask) -> None:
    booking = book(BookingRequestSchema().load(booking_data(make_tour())))
    assert deliveries() == [("booking-confirmation", True)]
    set_status(booking, "confirmed")
    set_status(booking, "paid")
    set_status(booking, "completed")
    assert deliveries() == [
        ("booking-confirmation", True),
        ("booking-confirmation", False),
        ("payment-confirmation", False),
    ]
    email_service.plan_booking_confirmation(booking)
    email_service.plan_booking_received(booking)
    assert len(deliveries()) == 3
    assert subject_of(booking, "payment-confirmation") == f"Payment received for booking {booking.reference}"
    assert subject_of(booking, "booking-confirmation") == f"Your booking {booking.reference} is confirmed"
    assert subject_of(booking, "booking-confirmation", True) == f"We have received your booking {booking.reference}"


def test_a_cancelled_booking_gives_its_seats_back_and_says_so(app: Flask) -> None:
    tour = make_tour(daily_seats=4)
    booking = book(BookingRequestSchema().load(booking_data(tour)))
    assert seats_left(tour, booking.travel_date) == 2
    set_status(booking, "cancelled")
    assert seats_left(tour, booking.travel_date) == 4
    assert deliveries()[-1] == ("booking-cancellation", False)
    assert booking.cancelled_at is not None


def test_a_confirmation_that_was_not_sent_yet_does_not_come_after_the_cancellation(app: Flask) -> None:
    booking = book(BookingRequestSchema().load(booking_data(make_tour())))
    set_status(booking, "confirmed")
    set_status(booking, "cancelled")
    db.session.expire_all()
    states = db.session.execute(sa.select(Delivery.kind, Delivery.state).order_by(Delivery.id)).all()
    assert [tuple(row) for row in states] == [
        ("booking-confirmation", "suppressed"),
        ("booking-confirmation", "suppressed"),
        ("booking-cancellation", "queued"),
    ]


def test_paying_is_dated_and_every_change_is_written_down(app: Flask) -> None:
    user = make_user(role="admin")
    booking = make_booking(status="confirmed")
    set_status(booking, "paid", user)
    assert booking.paid_at is not None
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.target, entry.actor_id) == ("booking.paid", f"booking/{booking.id}", user.id)


def test_a_customer_may_cancel_until_a_day_before(app: Flask) -> None:
    booking = make_booking()
    before = booking.pickup_at - timedelta(hours=24)
    assert may_cancel(booking, before) and not may_cancel(booking, before + timedelta(seconds=1))
    with pytest.raises(InvalidBookingState, match=r"until 24 hours before its pickup\. Answer your confirmation mail"):
        cancel_by_customer(booking, at=before + timedelta(seconds=1))
    assert booking.status == "confirmed"
    cancel_by_customer(booking, at=before)
    assert booking.status == "cancelled"
    assert db.session.scalars(sa.select(AuditEntry.actor_label)).one() == "customer"


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_what_is_over_cannot_be_cancelled(app: Flask, status: str) -> None:
    booking = make_booking(status=status, pickup_at=now() + timedelta(days=9))
    assert not may_cancel(booking)
    with pytest.raises(InvalidBookingState):
        cancel_by_customer(booking)
