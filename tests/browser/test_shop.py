"""From the search to the mail: a visitor books, in both languages, with and without JavaScript."""

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from gnb.extensions import db
from gnb.models import Booking, Delivery, now
from gnb.services.mail import reading
from tests.browser.conftest import Visit, sign_in
from tests.browser.shop import CUSTOMER, fill_booking, open_shop, travel_day
from tests.browser.stage import PASSWORD, Stage
from tests.browser.test_every_page import AXE, RUN_AXE
from tests.business import make_booking

WORDS = {
    "en": {
        "from": "From", "search": "Search", "tour": "Istanbul Airport to Fatih", "book": "Book",
        "add": "Add a passenger", "now": "Book now", "missing": "Some fields are missing or invalid",
        "thanks": "Thank you", "update": "Update the price", "total": "€55.00", "subject": "received your booking",
        "cancel": "Cancel the booking…", "sure": "Cancel the booking", "cancelled": "Booking cancelled",
    },
    "tr": {
        "from": "Nereden", "search": "Ara", "tour": "İstanbul Havalimanı – Fatih", "book": "Rezervasyon yap",
        "add": "Yolcu ekle", "now": "Rezervasyonu tamamla", "missing": "Eksik veya geçersiz alanlar var",
        "thanks": "Teşekkürler", "update": "Fiyatı güncelle", "total": "€55,00", "subject": "rezervasyonunuzu aldık",
        "cancel": "Rezervasyonu iptal et…", "sure": "Rezervasyonu iptal et", "cancelled": "Rezervasyon iptal edildi",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Stage:
    """The stage with tours to sell and a worker that sends mail."""
    open_shop(stage)
    stage.start_workers("email")
    return stage


def mail_to(stage: Stage, address: str, kind: str) -> Any:
    """The message as the sink keeps it, as soon as it is sent."""

    def sent() -> Any:
        query = sa.select(Delivery).where(
            Delivery.recipient == address, Delivery.kind == kind, Delivery.state == "sent"
        )
        delivery = db.session.scalar(query)
        return reading.message_of(delivery) if delivery else None

    return stage.until(sent)


def subject_of(message: Any) -> str:
    return str(dict(message.headers)["Subject"])


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
@pytest.mark.parametrize("language", ["en", "tr"])
def test_a_visitor_finds_books_gets_the_mail_and_cancels(
    shop: Stage, visit: Visit, language: str, javascript: bool
) -> None:
    words, email = WORDS[language], f"{language}-{javascript}@example.com".lower()
    page = visit(f"/?lang={language}", as_=None, javascript=javascript)
    page.get_by_label(words["from"], exact=True).fill("IST")
    page.get_by_role("button", name=words["search"]).click()
    page.get_by_role("link", name=words["tour"]).click()
    page.get_by_role("link", name=words["book"], exact=True).click()

    page.get_by_role("button", name=words["add"]).click()
    expect(page.locator("#f-passengers-1-name")).to_be_visible()
    fill_booking(page, email)
    page.locator("#f-flightNumber").fill("")
    page.locator("#f-extras-child-seat").fill("2")
    page.locator("#f-extras-child-seat").blur()
    if not javascript:
        page.get_by_role("button", name=words["update"]).click()
    expect(page.locator("#price .total")).to_contain_text(words["total"])

    page.get_by_role("button", name=words["now"]).click()
    expect(page.get_by_role("alert")).to_contain_text(words["missing"])
    page.get_by_role("alert").get_by_role("link").click()
    if javascript:
        expect(page.locator("#f-flightNumber")).to_be_focused()
    expect(page.locator("#f-passengers-1-name")).to_have_value("Can Yılmaz")
    page.locator("#f-flightNumber").fill("TK1984")
    page.get_by_role("button", name=words["now"]).click()

    expect(page.get_by_role("status").filter(has_text=words["thanks"])).to_be_visible()
    reference = page.locator(".reference").inner_text()
    expect(page.locator(".total")).to_contain_text(words["total"])
    message = mail_to(shop, email, "booking-confirmation")
    assert words["subject"] in subject_of(message)
    assert reference in message.text and "Ayşe Yılmaz" not in message.text
    link = re.search(rf"https?://[^/\s]+(/bookings/{reference}\?token=\S+)", message.text)
    assert link

    page.goto(link[1])
    with page.expect_download() as calendar:
        page.locator("a[href*='pickup.ics']").click()
    assert calendar.value.suggested_filename == f"{reference}.ics"
    page.get_by_role("link", name=words["cancel"]).click()
    page.get_by_role("button", name=words["sure"]).click()
    expect(page.locator("#toasts")).to_contain_text(words["cancelled"])
    assert reference in mail_to(shop, email, "booking-cancellation").text
    assert [text for text in complaints(page) if "422" not in text] == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
def test_a_guest_finds_a_booking_again_by_reference_and_address(shop: Stage, visit: Visit, javascript: bool) -> None:
    email = f"lost-{javascript}@example.com".lower()
    with shop.app.app_context():
        reference = make_booking(customer_email=email, pickup_at=now() + timedelta(days=9)).reference
    page = visit("/?lang=tr", as_=None, javascript=javascript)
    page.get_by_role("navigation").get_by_role("link", name="Rezervasyonumu bul").click()
    page.get_by_label("Rezervasyon numarası").fill(reference.lower())
    page.get_by_label("E-posta").fill(email)
    page.get_by_role("button", name="Bağlantıyı gönder").click()
    expect(page.get_by_text("Eşleşen bir rezervasyon varsa bağlantısını o adrese gönderdik.")).to_be_visible()
    message = mail_to(shop, email, "email")
    assert subject_of(message) == f"{reference} numaralı rezervasyonunuz"
    link = re.search(rf"https?://[^/\s]+(/bookings/{reference}\?token=\S+)", message.text)
    assert link
    page.goto(link[1])
    expect(page.locator(".reference")).to_have_text(reference)
    assert complaints(page) == []


def complaints(page: Page) -> list[str]:
    return list(page.complaints)  # type: ignore[attr-defined]


def test_the_price_follows_every_choice_and_focus_stays(shop: Stage, visit: Visit) -> None:
    page = visit("/tours/bosphorus/book", as_=None)
    expect(page.locator("#price .total")).to_contain_text("€45.00")
    page.get_by_role("button", name="Add a passenger").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#price .total")).to_contain_text("€90.00")
    expect(page.get_by_role("button", name="Add a passenger")).to_be_focused()
    page.locator("#f-passengers-1-kind").select_option("infant")
    expect(page.locator("#price .total")).to_contain_text("€45.00")
    page.get_by_label("Meet and greet").check()
    expect(page.locator("#price .total")).to_contain_text("€57.50")
    page.locator("#f-date").fill(travel_day().isoformat())
    page.locator("#f-date").blur()
    expect(page.locator("#price")).to_contain_text("10 seats are left on that day.")
    expect(page.get_by_label("Meet and greet")).to_be_checked()
    page.get_by_role("button", name="Remove passenger 2").click()
    expect(page.locator("#f-passengers-1-name")).to_have_count(0)
    assert complaints(page) == []


def test_a_choice_made_the_moment_its_field_appears_counts(shop: Stage, visit: Visit) -> None:
    page = visit("/tours/bosphorus/book", as_=None)
    page.evaluate("""document.addEventListener('htmx:afterSwap', () => setTimeout(() => {
        const kind = document.getElementById('f-passengers-1-kind');
        kind.value = 'infant';
        kind.dispatchEvent(new Event('change', {bubbles: true}));
    }), {once: true})""")
    page.get_by_role("button", name="Add a passenger").click()
    expect(page.locator("#f-passengers-1-kind")).to_have_value("infant")
    expect(page.locator("#price .total")).to_contain_text("€45.00")


def test_enter_in_a_field_books_nothing(shop: Stage, visit: Visit) -> None:
    for javascript in (True, False):
        page = visit("/tours/ist-fatih/book", as_=None, javascript=javascript)
        page.locator("#f-contactName").fill("Ayşe")
        page.locator("#f-contactName").press("Enter")
        expect(page.locator("#f-contactName")).to_have_value("Ayşe")
        expect(page.locator(".error-summary")).to_have_count(0)


def test_pressing_twice_books_once(shop: Stage, visit: Visit) -> None:
    page = visit("/tours/ist-fatih/book?passengers=2", as_=None)
    fill_booking(page, "twice@example.com")
    page.get_by_role("button", name="Book now").dblclick()
    expect(page.get_by_role("status").filter(has_text="Thank you")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Book now").click()
    expect(page.locator(".reference")).to_be_visible()

    def count() -> int:
        query = sa.select(sa.func.count()).select_from(Booking).where(Booking.customer_email == "twice@example.com")
        return int(db.session.scalar(query) or 0)

    assert shop.until(count) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_form_with_errors_is_readable_by_everyone(shop: Stage, visit: Visit, theme: str) -> None:
    page = visit("/tours/ist-fatih/book?passengers=2", as_=None, theme=theme, width=390)
    page.get_by_role("button", name="Book now").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_menu_opens_on_a_phone(shop: Stage, visit: Visit) -> None:
    for javascript in (True, False):
        page = visit("/", as_=None, width=390, javascript=javascript)
        expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Find my booking").first.click()
        expect(page.get_by_role("heading", name="Find my booking")).to_be_visible()


def test_a_customer_registers_signs_in_and_sees_the_guest_bookings(shop: Stage, visit: Visit) -> None:
    page = visit("/tours/ist-fatih/book?passengers=2", as_=None)
    fill_booking(page, "later@example.com")
    page.get_by_role("button", name="Book now").click()
    reference = page.locator(".reference").inner_text()
    page.get_by_role("link", name="Open an account").click()
    page.get_by_label("Your name").fill("Ayşe Yılmaz")
    page.get_by_label("E-mail").fill("later@example.com")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    link = re.search(r"https?://[^/\s]+(/register/\S+)", mail_to(shop, "later@example.com", "registration").text)
    assert link
    page.goto(link[1])
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm new password").fill(PASSWORD)
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_text("Welcome, your account is open.")).to_be_visible()
    expect(page.get_by_text(reference)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "later@example.com")
    expect(page.get_by_text(reference)).to_be_visible()


def test_settings_change_the_language_of_the_pages(shop: Stage, visit: Visit) -> None:
    page = visit("/my/settings", as_=CUSTOMER)
    page.get_by_label("Language of pages and mails").select_option("tr")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Ayarlar")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "tr")
