"""The words of the weekly report that depend on its figures, in the reader's language."""

from gnb.services.mail.words import percent

_STATUSES: dict[str, dict[str, str]] = {
    "en": {},
    "tr": {
        "pending": "bekliyor",
        "confirmed": "onaylandı",
        "paid": "ödendi",
        "completed": "tamamlandı",
        "cancelled": "iptal",
        "waiting": "bekliyor",
        "active": "çalışıyor",
        "failed": "başarısız",
        "removed": "silindi",
    },
}


def status_word(status: str, language: str) -> str:
    """The status of a booking or an export."""
    return _STATUSES[language].get(status, status)


def change(value: float | None, language: str) -> str:
    """Such as +12.5%; – where there is nothing to compare with."""
    return "–" if value is None else f"{'+' if value >= 0 else '−'}{percent(abs(value), language)}"
