"""The users page: roles, disabled accounts, sessions and tokens that end, and personal data."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gnb.models import (
    AuditEntry,
    Booking,
    Delivery,
    DeliveryMessage,
    IssuedToken,
    NotificationSetting,
    Passenger,
    User,
    db,
    now,
)
from gnb.services.accounts import personal_data, tokens, users
from gnb.services.accounts.users import InvalidAccount, UserNotFound
from tests.business import make_booking, make_user
from tests.integration.accounts.conftest import ME, PASSWORD, bearer, token_of
from tests.servers import on_sqlite
from tests.sessions import sign_in


def browser_of(app: Flask, user: User) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sign_in(client, user)
    return client


def actions() -> list[str]:
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


@on_sqlite
def test_accounts_are_listed_found_and_filtered_for_admins_alone(app: Flask, people: dict[str, User]) -> None:
    admin = browser_of(app, people["admin"])
    make_user(email="cagla@example.org", name="Çağla Öz")
    assert "cagla@example.org" in admin.get("/admin/users?q=ÇAĞLA").text
    assert "driver@example.com" not in admin.get("/admin/users?q=cagla").text
    page = admin.get("/admin/users?role=driver").text
    assert "driver@example.com" in page and "cagla@example.org" not in page
    for query in ("q=%25", "role=king", "page=999", "q=" + "x" * 5000):
        assert admin.get(f"/admin/users?{query}").status_code == 200
    assert admin.get("/admin/users/999").status_code == admin.get(f"/admin/users/{2**40}").status_code == 404
    for role in ("support", "manager"):
        assert browser_of(app, people[role]).get("/admin/users").status_code == 403


def test_a_disabled_account_loses_sessions_and_tokens_at_once_and_for_good(
    app: Flask, client: FlaskClient, people: dict[str, User]
) -> None:
    admin, user = browser_of(app, people["admin"]), people["manager"]
    page = f"/admin/users/{user.id}"
    other, token = browser_of(app, user), token_of(client, user.email)
    assert other.get("/admin/audit").status_code == 200
    assert client.get(ME, headers=bearer(token)).status_code == 200
    assert admin.post(f"{page}/disable").status_code == 303
    assert other.get("/admin/audit").status_code == 303
    assert client.get(ME, headers=bearer(token)).status_code == 401
    assert client.post("/api/v1/auth/login", json={"email": user.email, "password": PASSWORD}).status_code == 401
    admin.post(f"{page}/enable")
    assert client.get(ME, headers=bearer(token)).status_code == 401
    assert token_of(client, user.email)
    assert [action for action in actions() if action != "user.token"] == ["user.disable", "user.enable"]


@on_sqlite
def test_tokens_are_listed_and_revoked_one_by_one_or_all(
    app: Flask, client: FlaskClient, people: dict[str, User]
) -> None:
    admin, user = browser_of(app, people["admin"]), people["support"]
    page = f"/admin/users/{user.id}"
    first, second = token_of(client, user.email), token_of(client, user.email)
    listed = tokens.valid_tokens(user)
    assert len(listed) == 2 and "127.0.0.1" in admin.get(page).text
    admin.post(f"{page}/tokens/{listed[1].jti}/revoke")
    admin.post(f"/admin/users/{people['user'].id}/tokens/{listed[0].jti}/revoke")
    answers = sorted(client.get(ME, headers=bearer(token)).status_code for token in (first, second))
    assert answers == [200, 401]
    db.session.refresh(user)
    assert [token.jti for token in tokens.valid_tokens(user)] == [listed[0].jti]
    admin.post(f"{page}/sign-out")
    assert {client.get(ME, headers=bearer(token)).status_code for token in (first, second)} == {401}
    db.session.refresh(user)
    assert tokens.valid_tokens(user) == []
    assert actions() == ["user.revoke-token", "user.sign-out"]
    tokens.delete_expired(now() + timedelta(days=1))
    assert db.session.query(IssuedToken).count() == 0


@on_sqlite
def test_a_role_is_changed_and_the_last_admin_stays_one(app: Flask, people: dict[str, User]) -> None:
    admin = browser_of(app, people["admin"])
    driver = f"/admin/users/{people['user'].id}/role"
    assert admin.post(driver, data={"role": "driver"}).status_code == 303
    admin.post(driver, data={"role": "superadmin"})
    admin.post(f"/admin/users/{people['superadmin'].id}/disable")
    db.session.expire_all()
    assert people["user"].role == "driver" and people["superadmin"].active
    users.set_active(people["superadmin"], False)
    for path, data in (
        (f"/admin/users/{people['admin'].id}/disable", {}),
        (f"/admin/users/{people['admin'].id}/role", {"role": "user"}),
    ):
        answer = admin.post(path, data=data, follow_redirects=True)
        assert "this is the last administrator" in answer.text
    db.session.refresh(people["admin"])
    assert people["admin"].active and people["admin"].is_admin
    assert "user.disable" not in [e.action for e in db.session.query(AuditEntry).filter_by(actor_id=people["admin"].id)]


def test_two_admins_who_disable_each_other_leave_one(app: Flask) -> None:
    ids = [make_user(role="admin").id for _ in range(2)]
    barrier = Barrier(2)

    def disable(mine: int, other: int) -> None:
        with app.app_context():
            target, actor = db.session.get_one(User, other), db.session.get_one(User, mine)
            db.session.rollback()
            barrier.wait(30)
            try:
                users.set_active(target, False, actor)
            except (InvalidAccount, sa.exc.OperationalError):
                db.session.rollback()

    threads = [Thread(target=disable, args=pair) for pair in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.expire_all()
    assert db.session.query(User).filter_by(role="admin", active=True).count() == 1


# Personal data


@pytest.fixture
def traveller(app: Flask) -> User:
    """A customer who has travelled, with an account and as a guest, and has mail."""
    user = make_user(email="ayse@example.com", name="Ayşe Yılmaz", phone="+905321234567")
    past = {"pickup_at": now() - timedelta(days=3), "status": "completed", "customer_email": user.email}
    bookings = [make_booking(**past, user_id=user.id, notes="Gate 13"), make_booking(**past)]
    for booking in bookings:
        delivery = Delivery(
            kind="booking-confirmation",
            state="sent",
            recipient=user.email,
            recipient_name="Ayşe",
            booking_id=booking.id,
        )
        delivery.message = DeliveryMessage(source=b"Dear Ayse")
        db.session.add(delivery)
    db.session.add(NotificationSetting(email=user.email, campaigns=False))
    db.session.commit()
    return user


def test_an_erased_customer_leaves_amounts_and_nothing_of_the_person(app: Flask, traveller: User) -> None:
    other, user_id = make_booking(customer_email="other@example.com"), traveller.id
    before = db.session.scalar(sa.select(sa.func.sum(Booking.amount)))
    assert personal_data.erase("Ayse@example.com", make_user(role="admin")) == 2
    assert db.session.get(User, user_id) is None
    assert db.session.scalar(sa.select(sa.func.sum(Booking.amount))) == before
    erased = db.session.scalars(sa.select(Booking).where(Booking.id != other.id)).all()
    assert [(b.customer_name, b.customer_email, b.customer_phone, b.notes, b.guests) for b in erased] == [
        ("erased", "erased@invalid", "", None, 3)
    ] * 2
    names = sa.select(Passenger.name).where(Passenger.booking_id.in_([b.id for b in erased])).distinct()
    assert list(db.session.scalars(names)) == ["erased"]
    assert db.session.query(DeliveryMessage).count() == db.session.query(NotificationSetting).count() == 0
    assert set(db.session.execute(sa.select(Delivery.recipient, Delivery.recipient_name))) == {("erased@invalid", None)}
    assert db.session.get_one(Booking, other.id).customer_email == "other@example.com"
    assert actions()[-1] == "user.erase"
    with pytest.raises(UserNotFound):
        personal_data.erase("ayse@example.com")


@on_sqlite
def test_nobody_is_erased_with_bookings_to_come_and_no_staff(app: Flask, traveller: User) -> None:
    make_booking(customer_email=traveller.email, pickup_at=now() + timedelta(days=1))
    with pytest.raises(InvalidAccount, match="bookings to come"):
        personal_data.erase(traveller.email)
    with pytest.raises(InvalidAccount, match="member of staff"):
        personal_data.erase(make_user(role="support").email)
    with pytest.raises(UserNotFound):
        personal_data.erase("nobody@example.com")


@on_sqlite
def test_the_page_exports_and_erases_a_customer(app: Flask, traveller: User) -> None:
    admin, page = browser_of(app, make_user(role="admin")), f"/admin/users/{traveller.id}"
    found = admin.post(f"{page}/export").json
    assert found["account"]["email"] == "ayse@example.com" and "password_hash" not in found["account"]
    assert [booking["passengers"][0]["name"] for booking in found["bookings"]] == ["Ayşe Yılmaz"] * 2
    assert (len(found["messages"]), found["campaigns"]) == (2, False)
    assert "Erase ayse@example.com?" in admin.get(f"{page}/erase").text
    assert admin.post(f"{page}/erase").status_code == 303
    assert admin.get(page).status_code == 404


@on_sqlite
def test_the_commands_export_and_erase_a_customer(app: Flask, traveller: User) -> None:
    runner = app.test_cli_runner()
    exported = runner.invoke(args=["users", "export", traveller.email])
    assert (exported.exit_code, '"Ayşe Yılmaz"' in exported.stdout) == (0, True)
    assert runner.invoke(args=["users", "erase", "ayse@example.com"]).exit_code == 2
    done = runner.invoke(args=["users", "erase", "ayse@example.com", "--yes"])
    assert (done.exit_code, done.stdout) == (0, "ayse@example.com is erased; 2 bookings are anonymised\n")
    assert runner.invoke(args=["users", "export", "ayse@example.com"]).exit_code == 1


def test_old_bookings_lose_their_personal_data(app: Flask, traveller: User) -> None:
    fresh = make_booking(customer_email="fresh@example.com", pickup_at=now())
    assert personal_data.erase_old_bookings(now() - timedelta(days=2)) == 2
    assert personal_data.erase_old_bookings(now() - timedelta(days=2)) == 0
    db.session.expire_all()
    assert db.session.get_one(Booking, fresh.id).customer_email == "fresh@example.com"
    assert db.session.query(DeliveryMessage).count() == 0
    assert db.session.get(User, traveller.id)
