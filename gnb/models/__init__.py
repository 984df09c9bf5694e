"""Layer 1: the tables. One file a noun; everything is reached as `from gnb.models import Booking, db`."""

import gnb.models.sqlite  # noqa: F401 - opens SQLite the right way from the first connection
from gnb.models.audit_entry import AuditEntry
from gnb.models.base import Money, UtcDateTime, db, execute_count, now
from gnb.models.booking import (
    HOME_ZONE,
    PASSENGER_KINDS,
    PAYMENT_METHODS,
    REVENUE_STATUSES,
    STATUSES,
    Booking,
    BookingExtra,
    Passenger,
    local_day,
    local_midnight,
)
from gnb.models.campaign import CAMPAIGN_STATES, MAILING_STATES, Campaign
from gnb.models.delivery import DELIVERY_KINDS, DELIVERY_STATES, Delivery, DeliveryMessage
from gnb.models.export import EXPORT_STATES, EXPORT_TYPES, Export, ExportChunk
from gnb.models.languages import DEFAULT_LANGUAGE, LANGUAGES, TEXT_LANGUAGES, localized
from gnb.models.notification_setting import NotificationSetting
from gnb.models.price_change import PRICE_CAUSES, PriceChange
from gnb.models.revoked_token import RevokedToken
from gnb.models.site_file import SiteFile
from gnb.models.tour import CATEGORIES, CURRENCIES, Departure, Extra, Tour
from gnb.models.user import ADMIN_ROLES, ROLES, STAFF_ROLES, User, normalize_email

__all__ = [
    "ADMIN_ROLES",
    "CAMPAIGN_STATES",
    "CATEGORIES",
    "CURRENCIES",
    "DEFAULT_LANGUAGE",
    "DELIVERY_KINDS",
    "DELIVERY_STATES",
    "EXPORT_STATES",
    "EXPORT_TYPES",
    "HOME_ZONE",
    "LANGUAGES",
    "MAILING_STATES",
    "PASSENGER_KINDS",
    "PAYMENT_METHODS",
    "PRICE_CAUSES",
    "REVENUE_STATUSES",
    "ROLES",
    "STAFF_ROLES",
    "STATUSES",
    "TEXT_LANGUAGES",
    "AuditEntry",
    "Booking",
    "BookingExtra",
    "Campaign",
    "Delivery",
    "DeliveryMessage",
    "Departure",
    "Export",
    "ExportChunk",
    "Extra",
    "Money",
    "NotificationSetting",
    "Passenger",
    "PriceChange",
    "RevokedToken",
    "SiteFile",
    "Tour",
    "User",
    "UtcDateTime",
    "db",
    "execute_count",
    "local_day",
    "local_midnight",
    "localized",
    "normalize_email",
    "now",
]
