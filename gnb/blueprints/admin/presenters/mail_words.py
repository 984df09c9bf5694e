"""The words and tones of deliveries and of mailings."""

from flask_babel import lazy_gettext as _l

DELIVERY_STATES = {
    "queued": _l("queued"),
    "sending": _l("being sent"),
    "sent": _l("sent"),
    "failed": _l("failed"),
    "suppressed": _l("suppressed"),
}
DELIVERY_TONES = {"queued": "", "sending": "info", "sent": "ok", "failed": "bad", "suppressed": "later"}

KINDS = {
    "email": _l("message"),
    "booking-confirmation": _l("booking confirmation"),
    "payment-confirmation": _l("payment confirmation"),
    "booking-cancellation": _l("booking cancellation"),
    "campaign-notification": _l("campaign"),
    "password-reset": _l("new password"),
    "weekly-report": _l("weekly report"),
    "registration": _l("registration"),
    "account-exists": _l("account exists already"),
}

MAILING_STATES = {
    "none": _l("not mailed yet"),
    "planning": _l("being planned"),
    "sending": _l("going out"),
    "paused": _l("paused"),
    "sent": _l("sent"),
    "cancelled": _l("cancelled"),
}
MAILING_TONES = {"planning": "info", "sending": "info", "paused": "warn", "sent": "ok", "cancelled": "later"}

CAMPAIGN_STATES = {
    "draft": _l("draft"),
    "active": _l("in force"),
    "paused": _l("paused"),
    "ended": _l("ended"),
    "cancelled": _l("cancelled"),
}
CAMPAIGN_TONES = {"draft": "", "active": "ok", "paused": "warn", "ended": "later", "cancelled": "later"}

LANGUAGE_NAMES = {"tr": "Türkçe", "en": "English", "de": "Deutsch", "ru": "Русский", "ar": "العربية", "fr": "Français"}
