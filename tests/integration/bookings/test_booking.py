"""A booking is made whole or not at all, once for a key, and never on a seat that is not there."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from gnb.models import AuditEntry, Booking, Delivery, Departure, Tour, User, db, local_day, now
from gnb.services.bookings import IdempotencyConflict, InvalidIdempotencyKey, PriceChanged, SoldOut
from gnb.services.bookings.booking import book, idempotency
from gnb.services.bookings.request import BookingRequest, BookingRequestSchema
from gnb.services.bookings.seats import apply_daily_seats, release, seats_left, take
from gnb.services.bookings.status import cancel_expired, set_status
from gnb.services.mail.contents import content_of
from tests.business import booking_data, make_booking, make_campaign, make_extra, make_tour, make_user
from tests.servers import on_sqlite

CLIENTS = 50


def asked(tour: Tour, **fields: Any) -> BookingRequest:
    request: BookingRequest = BookingRequestSchema().load(booking_data(tour, **fields))
    return request


def once(tour: Tour, user: User | None = None, key: str = "key-1", **fields: Any) -> Any:
    body = {**booking_data(tour), **fields}
    return idempotency(key, user, body["contactEmail"], body)


def party(count: int) -> list[dict[str, str]]:
    return [{"name": f"Guest {number}"} for number in range(count)]


def count(model: type) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_a_booking_holds_what_was_asked_for_at_the_price_of_today(app: Flask) -> None:
    make_extra()
    booking = book(asked(make_tour(base_price=Decimal("40.50")), extras={"child-seat": 2}, notes="Two\nlines"))
    assert (booking.status, booking.amount, booking.currency) == ("pending", Decimal("50.50"), "EUR")
    assert [(one.position, one.name, one.nationality) for one in booking.passengers] == [
        (1, "Ayşe Yılmaz", "TR"),
        (2, "Ali Yılmaz", None),
    ]
    assert [(extra.code, extra.quantity, extra.unit_price) for extra in booking.extras] == [("child-seat", 2, 5)]
    assert booking.customer_phone == "+905321234567"
    assert booking.arrival_at == booking.pickup_at + timedelta(minutes=60)
    assert booking.notes == "Two\nlines"
    assert booking.user_id is None


def test_a_tour_is_paid_by_everyone_but_infants(app: Flask) -> None:
    guests = [{"name": "A"}, {"name": "B", "kind": "child"}, {"name": "C", "kind": "infant"}]
    booking = book(asked(make_tour(category="city"), passengers=guests))
    assert booking.amount == Decimal("90.00")
    assert (booking.adults, booking.children, booking.infants, booking.arrival_at) == (1, 1, 1, None)


def test_a_reference_tells_nothing_of_another(app: Flask) -> None:
    tour = make_tour()
    references = {book(asked(tour)).reference for _ in range(20)}
    assert len(references) == 20
    assert all(len(reference) == 15 and reference.startswith("GNB-") for reference in references)


def test_the_mail_that_the_booking_is_here_is_planned_with_it(app: Flask) -> None:
    booking = book(asked(make_tour()))
    (delivery,) = db.session.scalars(sa.select(Delivery))
    assert (delivery.kind, delivery.recipient, delivery.booking_id) == (
        "booking-confirmation",
        "ayse@example.com",
        booking.id,
    )
    assert delivery.content == {"received": True}
    assert delivery.enqueued_at is not None


def test_the_same_key_gives_the_same_booking(app: Flask) -> None:
    tour, user = make_tour(daily_seats=4), make_user()
    first = book(asked(tour), user, once(tour, user))
    assert book(asked(tour), user, once(tour, user)).id == first.id
    assert (count(Booking), count(Delivery)) == (1, 1)
    assert seats_left(tour, first.travel_date) == 2


def test_the_same_key_with_another_request_is_refused_and_from_another_caller_a_booking_of_its_own(app: Flask) -> None:
    tour, user = make_tour(), make_user()
    first = book(asked(tour), user, once(tour, user))
    with pytest.raises(IdempotencyConflict):
        book(asked(tour, time="15:00"), user, once(tour, user, time="15:00"))
    other = make_user()
    others = [book(asked(tour), other, once(tour, other)), book(asked(tour), None, once(tour))]
    assert len({first.id, *(booking.id for booking in others)}) == 3


@pytest.mark.parametrize("key", ["", "k" * 81, "şifre", "a\nb"])
def test_a_key_that_cannot_be_one_is_refused(app: Flask, key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        once(make_tour(), None, key)


def test_a_day_that_is_sold_out_says_how_many_seats_are_left(app: Flask) -> None:
    tour = make_tour(daily_seats=3)
    book(asked(tour))
    with pytest.raises(SoldOut, match="Only 1 seat is left") as refused:
        book(asked(tour))
    assert refused.value.left == 1
    assert count(Booking) == count(Delivery) == 1
    book(asked(tour, passengers=party(1)))
    with pytest.raises(SoldOut, match="sold out"):
        book(asked(tour, passengers=party(1)))


def test_a_repeated_request_is_answered_although_its_seats_were_the_last(app: Flask) -> None:
    tour = make_tour(daily_seats=2)
    booking = book(asked(tour), None, once(tour))
    assert book(asked(tour), None, once(tour)).id == booking.id


def test_bookings_made_before_seats_were_counted_are_counted(app: Flask) -> None:
    tour = make_tour()
    early = book(asked(tour))
    tour.daily_seats = 3
    db.session.commit()
    with pytest.raises(SoldOut) as refused:
        book(asked(tour))
    assert refused.value.left == 1
    set_status(early, "cancelled")
    assert seats_left(tour, early.travel_date) == 3


def test_an_oversold_day_of_the_past_is_no_error(app: Flask) -> None:
    tour = make_tour(daily_seats=2)
    request = asked(tour)
    for _ in range(2):
        make_booking(tour, pickup_at=request.pickup_at)
    with pytest.raises(SoldOut, match="sold out"):
        book(request)


def at_once(app: Flask, work: Any, count: int = CLIENTS) -> list[Any]:
    """What `work(number)` gives when so many do it at the same moment, each with a session of its own."""
    gate = Barrier(count)

    def one(number: int) -> Any:
        with app.app_context():
            gate.wait(30)
            try:
                return work(number)
            except SoldOut as refusal:
                return refusal
            finally:
                db.session.remove()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_fifty_clients_at_once_are_sold_exactly_the_seats_there_are(app: Flask) -> None:
    slug = make_tour(daily_seats=21, max_passengers=8).slug
    db.session.remove()

    def work(number: int) -> int:
        tour = db.session.scalars(sa.select(Tour).where(Tour.slug == slug)).one()
        return book(asked(tour, passengers=party(2)), None, once(tour, None, f"client-{number}")).id

    results = at_once(app, work)
    sold = [result for result in results if isinstance(result, int)]
    refused = [result for result in results if isinstance(result, SoldOut)]
    assert (len(sold), len(refused)) == (10, 40)
    departure = db.session.scalars(sa.select(Departure)).one()
    assert (departure.seats, departure.seats_taken) == (21, 20)
    assert db.session.scalar(sa.select(sa.func.sum(Booking.guests))) == 20
    assert count(Delivery) == 10


def test_one_request_sent_many_times_at_once_is_one_booking(app: Flask) -> None:
    slug = make_tour(daily_seats=2).slug
    db.session.remove()

    def work(_number: int) -> int:
        tour = db.session.scalars(sa.select(Tour).where(Tour.slug == slug)).one()
        return book(asked(tour), None, once(tour)).id

    assert len(set(at_once(app, work, 10))) == 1
    assert count(Booking) == count(Delivery) == 1


def test_of_two_changes_at_once_one_wins(app: Flask) -> None:
    tour = make_tour(daily_seats=5)
    booking = book(asked(tour))
    booking_id = booking.id
    db.session.remove()

    def work(_number: int) -> str:
        from gnb.services.bookings import InvalidBookingState

        try:
            set_status(db.session.get_one(Booking, booking_id), "cancelled")
        except InvalidBookingState:
            return "refused"
        return "done"

    assert sorted(at_once(app, work, 5)) == ["done", *["refused"] * 4]
    assert db.session.scalars(sa.select(Departure.seats_taken)).one() == 0


def test_released_seats_are_on_sale_again_and_never_more_than_were_sold(app: Flask) -> None:
    tour, day = make_tour(daily_seats=4), local_day(now())
    take(tour, day, 3)
    release(tour.id, day, 2)
    assert seats_left(tour, day) == 3
    release(tour.id, day, 2)
    assert seats_left(tour, day) == 4


def test_new_daily_seats_hold_from_today_on_and_sold_ones_stay_sold(app: Flask) -> None:
    tour, today = make_tour(daily_seats=4), local_day(now())
    days = [today + timedelta(days=number) for number in (-1, 0, 1)]
    for day in days:
        take(tour, day, 2)
    tour.daily_seats = 1
    apply_daily_seats(tour, today)
    assert [seats_left(tour, day) for day in days] == [2, 0, 0]


def test_a_signed_in_customer_is_written_into_the_booking(app: Flask) -> None:
    user: User = make_user()
    assert book(asked(make_tour()), user).user_id == user.id
    assert now() > user.created_at


def test_another_price_than_the_one_shown_books_nothing(app: Flask) -> None:
    tour = make_tour(daily_seats=4)
    with pytest.raises(PriceChanged) as changed:
        book(asked(tour, expectedTotal="44.99"))
    assert (changed.value.old, changed.value.new) == (Decimal("44.99"), Decimal("45.00"))
    assert (count(Booking), count(Delivery), count(Departure)) == (0, 0, 0)
    assert book(asked(tour, expectedTotal="45.00")).amount == Decimal("45.00")


@on_sqlite
def test_a_booking_is_charged_the_campaigns_price_although_no_job_ran(app: Flask) -> None:
    tour = make_tour(base_price=Decimal(50))
    make_campaign(state="active", discount_percent=20)
    assert book(asked(tour)).amount == Decimal(40)


def test_seats_that_nobody_confirmed_in_time_are_on_sale_again_and_the_guest_is_told(app: Flask) -> None:
    tour = make_tour(daily_seats=2)
    booking = book(asked(tour))
    assert booking.held_until is not None
    assert timedelta(minutes=29) < booking.held_until - now() <= timedelta(minutes=30)
    assert (cancel_expired(), booking.status) == (0, "pending")
    assert cancel_expired(at=booking.held_until) == 1
    assert (booking.status, seats_left(tour, booking.travel_date)) == ("cancelled", 2)
    mail = db.session.scalars(sa.select(Delivery).where(Delivery.kind == "booking-cancellation")).one()
    assert "could not confirm" in content_of(mail).text
    assert cancel_expired(at=booking.held_until) == 0
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.actor_label) == ("booking.cancelled", "hold expired")


def test_a_confirmed_booking_keeps_its_seats(app: Flask) -> None:
    booking = book(asked(make_tour(daily_seats=2)))
    set_status(booking, "confirmed")
    assert (cancel_expired(at=now() + timedelta(days=1)), booking.status) == (0, "confirmed")


def test_the_next_guest_gets_seats_whose_hold_is_over_although_no_job_ran(app: Flask) -> None:
    tour = make_tour(daily_seats=2)
    first = book(asked(tour))
    first.held_until = now()
    db.session.commit()
    assert book(asked(tour)).status == "pending"
    assert first.status == "cancelled"


@on_sqlite
def test_what_staff_book_and_tours_without_counted_seats_are_held_until_cancelled(app: Flask) -> None:
    tour = make_tour(daily_seats=9)
    assert book(asked(tour), make_user(role="support")).held_until is None
    assert book(asked(make_tour())).held_until is None
    assert book(asked(tour), make_user()).held_until is not None
