"""The kinds of export in words."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class ExportWords:
    """A kind's title and what is in its file."""

    title: Any
    about: Any


EXPORT_WORDS = {
    "bookings-csv": ExportWords(_l("Bookings, CSV"), _l("A line a booking: customer, tour, date, amount, status.")),
    "bookings-pdf": ExportWords(_l("Bookings, PDF"), _l("Every booking as a printed table.")),
    "revenue-csv": ExportWords(_l("Revenue, CSV"), _l("A line a day and tour: bookings, revenue, average.")),
    "revenue-pdf": ExportWords(_l("Revenue, PDF"), _l("A report with figures, plots and the top ten tours.")),
    "users-csv": ExportWords(_l("Users, CSV"), _l("A line an account: name, e-mail, role, language.")),
}
