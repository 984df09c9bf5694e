"""What a message says, and that nothing typed into a booking can do harm in it."""

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from flask import Flask
from icalendar import Calendar

from gnb.models import Delivery, Passenger, db
from gnb.services import email_service
from gnb.services.mail import InvalidMessage, ledger
from gnb.services.mail.message import Content, Envelope, build
from gnb.services.mail.sending import source_of
from tests.business import make_booking, make_campaign, make_tour, make_user
from tests.servers import on_sqlite

pytestmark = on_sqlite

HARMFUL = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def read(delivery: Delivery) -> EmailMessage:
    parser: Any = BytesParser(policy=policy.default)
    return parser.parsebytes(source_of(delivery))  # type: ignore[no-any-return]


def part(message: EmailMessage, kind: str) -> str:
    body: Any = message.get_body((kind,))
    return str(body.get_content()).replace("\r\n", "\n")


def confirmation(**fields: Any) -> EmailMessage:
    return read(ledger.plan_booking("booking-confirmation", make_booking(**fields)))


def test_a_confirmation_says_everything_about_the_booking(app: Flask) -> None:
    driver = make_user(role="driver", name="Mehmet Kaya", phone="+905551112233")
    message = confirmation(driver=driver, vehicle="Mercedes Vito, 34 ABC 123", reference="GNB7K2")
    for kind in ("plain", "html"):
        text = part(message, kind)
        for fact in (
            "GNB7K2", "Ayşe Yılmaz", "Ali Yılmaz", "Monday, 1 March 2027", "12:30", "Istanbul Airport (IST)",
            "Hotel Taksim", "TK1", "2 adults, 1 child", "€90.00", "cash", "Mehmet Kaya", "+905551112233", "34 ABC 123",
        ):  # fmt: skip
            assert fact in text, (kind, fact)


def test_a_confirmation_is_in_the_customers_language(app: Flask) -> None:
    message = confirmation(language="tr", tour=make_tour(titles={"en": "Airport ride", "tr": "Havalimanı transferi"}))
    assert "onaylandı" in message["Subject"]
    assert message["Content-Language"] == "tr"
    assert "1 Mart 2027 Pazartesi" in part(message, "plain")
    assert "Havalimanı transferi" in part(message, "html")
    assert "2 yetişkin, 1 çocuk" in part(message, "html")


@pytest.mark.parametrize("language", ["de", "ru", "ar", "fr"])
def test_other_languages_fall_back_to_english(app: Flask, language: str) -> None:
    assert "is confirmed" in confirmation(language=language)["Subject"]


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("kind", ["booking-confirmation", "payment-confirmation", "booking-cancellation"])
def test_every_booking_mail_exists_in_both_languages(app: Flask, kind: str, language: str) -> None:
    message = read(ledger.plan_booking(kind, make_booking(language=language)))
    assert message["Subject"]
    assert f'lang="{language}"' in part(message, "html")
    assert "{{" not in part(message, "html") + part(message, "plain")


def test_the_pickup_is_attached_as_a_calendar_file(app: Flask) -> None:
    message = confirmation(reference="GNB7K2", tour=make_tour(duration_minutes=90, titles={"en": "Airport ride"}))
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "text/calendar"
    event = Calendar.from_ical(attached.get_content()).walk("VEVENT")[0]
    assert event.decoded("dtstart") == datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2027, 3, 1, 11, 0, tzinfo=UTC)
    assert str(event["summary"]) == "Pickup: Airport ride"
    assert str(event["location"]) == "Istanbul Airport (IST)"
    assert str(event["uid"]).startswith("GNB7K2@")


def test_styles_are_inlined(app: Flask) -> None:
    html = part(confirmation(), "html")
    assert "<style" not in html
    assert 'class="button"' not in html or "style=" in html
    assert "background: #0b656e" in html or "background:#0b656e" in html


def test_what_a_guest_wrote_freely_is_only_in_mail_to_an_address_that_has_an_account(app: Flask) -> None:
    user = make_user(email="ann@example.com")
    sent = {"customer_email": "ann@example.com", "notes": "Visit evil.example now"}
    assert "evil.example" not in part(confirmation(**sent), "plain")
    assert "evil.example" not in part(confirmation(**{**sent, "customer_email": "bob@example.com"}, user=user), "plain")
    assert "evil.example" in part(confirmation(**sent, user=user), "plain")


@pytest.mark.parametrize("field", ["customer_name", "pickup_place", "dropoff_place", "vehicle"])
def test_html_in_a_field_is_shown_as_text(app: Flask, field: str) -> None:
    html = part(confirmation(**{field: HARMFUL}), "html")
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_html_in_a_passengers_name_is_shown_as_text(app: Flask) -> None:
    html = part(confirmation(passengers=[Passenger(position=0, name=HARMFUL)]), "html")
    assert "<script>" not in html


@pytest.mark.parametrize(
    "breaking", ["Ann\r\nBcc: spy@example.com", "Ann\nBcc: spy@example.com", "Ann\x00\x0b\u2028Bcc: x"]
)
def test_a_name_cannot_add_a_header(app: Flask, breaking: str) -> None:
    message = confirmation(customer_name=breaking.replace("\x00", ""))
    assert "Bcc" not in message.keys()  # noqa: SIM118 - a message is no dict: `in` looks at headers alike, keys() says so
    assert "\n" not in str(message["To"])
    assert len(message["To"].addresses) == 1


@pytest.mark.parametrize("header", ["sender", "recipient", "subject", "header"])
def test_a_line_break_in_any_header_is_rejected_or_removed(app: Flask, header: str) -> None:
    breaking = "Ann\r\nBcc: spy@example.com"
    envelope = Envelope(
        sender=f"{breaking} <a@example.com>" if header == "sender" else "a@example.com",
        recipient=f"b@example.com{breaking}" if header == "recipient" else "b@example.com",
        recipient_name=breaking,
        message_id="<1@example.com>",
        date=datetime(2026, 1, 1, tzinfo=UTC),
    )
    headers = {"List-Unsubscribe": f"<https://example.com>{breaking}"} if header == "header" else {}
    content = Content(breaking if header == "subject" else "Hello", "<p>x</p>", "x", "en", headers=headers)
    try:
        source = build(envelope, content)
    except ValueError:
        return
    assert not [line for line in source.splitlines() if line.lower().startswith(b"bcc")]


def test_a_name_of_a_megabyte_is_cut(app: Flask) -> None:
    delivery = email_service.plan_email("a@example.com", "Hello", text="x", name="é" * 1_000_000)
    assert len(str(read(delivery)["To"])) < 200


@pytest.mark.parametrize(
    "address",
    [
        "", "nobody", "a@", "@b.com", "a b@example.com", "a@example.com\r\nBcc: b@example.com",
        "a@example.com,b@example.com", "<a@example.com>", "a@exa mple.com", "a" * 300 + "@example.com",
        None, 7, "a@b@c.com", "Ann <a@example.com>",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(app: Flask, address: Any) -> None:
    with pytest.raises(InvalidMessage):
        email_service.plan_email(address, "Hello", text="x")


@pytest.mark.parametrize(
    "subject", ["", "  ", "Hello\r\nBcc: spy@example.com", "Hello\n", "a\x00b", "x" * 301, None, 7]
)
def test_a_subject_that_is_none_is_refused(app: Flask, subject: Any) -> None:
    with pytest.raises(InvalidMessage):
        email_service.plan_email("a@example.com", subject, text="x")


def test_a_text_of_a_megabyte_is_refused(app: Flask) -> None:
    with pytest.raises(InvalidMessage):
        email_service.plan_email("a@example.com", "Hello", html="x" * 1_000_000)


def test_html_of_the_caller_goes_out_as_it_is_with_its_words_as_text(app: Flask) -> None:
    html = '<h1>Welcome!</h1><p>See <a href="https://example.com/a">this</a>.</p><style>p{}</style>'
    message = read(email_service.plan_email("a@example.com", "Welcome", html=html))
    assert part(message, "html").strip() == html
    assert part(message, "plain").strip() == "Welcome!\n\nSee this (https://example.com/a)."


def test_a_text_of_the_caller_gets_the_letterhead(app: Flask) -> None:
    message = read(email_service.plan_email("a@example.com", "Welcome", text="Hello <b>you</b>\n\nBye"))
    assert "<p>Hello &lt;b&gt;you&lt;/b&gt;</p>" in part(message, "html").replace(' style="margin: 0 0 14px;"', "")
    assert part(message, "plain").startswith("Hello <b>you</b>")


def test_a_campaign_has_a_link_that_ends_it(app: Flask) -> None:
    user = make_user(name="Ann", language="tr")
    delivery = email_service.plan_campaign_notification(user, make_campaign())
    message = read(delivery)
    assert message["Subject"] == "Bahar fırsatları"
    assert "Merhaba Ann, %10 indirim." in part(message, "plain")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (line,) = [line for line in source_of(delivery).splitlines() if line.startswith(b"List-Unsubscribe:")]
    assert line.startswith(b"List-Unsubscribe: <http") and line.endswith(b">")  # one line, not encoded
    link = str(message["List-Unsubscribe"]).strip("<>")
    assert link.startswith(app.extensions["settings"].site_url + "/unsubscribe/")
    assert link in part(message, "html")
    assert user.email not in link


def test_mail_about_a_booking_has_no_such_link(app: Flask) -> None:
    assert confirmation()["List-Unsubscribe"] is None


def test_a_message_keeps_its_id_however_often_it_is_made(app: Flask) -> None:
    delivery = ledger.plan_booking("booking-confirmation", make_booking())
    assert read(delivery)["Message-ID"] == read(delivery)["Message-ID"]
    other = ledger.plan_booking("booking-confirmation", make_booking())
    assert read(delivery)["Message-ID"] != read(other)["Message-ID"]


def test_lines_are_short_enough_for_every_server(app: Flask) -> None:
    source = source_of(email_service.plan_email("a@example.com", "ü" * 300, html="<p>" + "ğ" * 50_000 + "</p>"))
    assert max(len(line) for line in source.split(b"\r\n")) <= 998
    source.decode("ascii")


def test_a_link_for_a_new_password_is_in_the_message_and_nowhere_else(app: Flask) -> None:
    delivery = email_service.plan_password_reset(make_user(), "/reset/{token}")
    message = read(delivery)
    assert "/reset/" in part(message, "plain")
    assert delivery.content == {"path": "/reset/{token}"}


def test_a_booking_with_an_address_that_is_none_is_a_failed_row_and_no_error(app: Flask) -> None:
    booking = make_booking()
    booking.customer_email = "nobody at all"
    delivery = email_service.plan_booking_confirmation(booking)
    db.session.commit()
    assert (delivery.state, delivery.error) == ("failed", "the recipient is not an email address")
