"""The demo business's campaigns: one ended, two running, one being written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


def campaigns(now: datetime) -> list[dict[str, Any]]:
    """The columns of every campaign, around `now`."""
    return [
        {
            "name": "Early birds to the Riviera",
            "state": "active",
            "starts_at": now - timedelta(days=20),
            "ends_at": now + timedelta(days=40),
            "discount_percent": 10,
            "floor_percent": 75,
            "city": "Antalya",
            "category": "airport",
            "subjects": {"en": "Your summer starts 10% cheaper", "tr": "Yazınız %10 indirimle başlıyor"},
            "bodies": {
                "en": "Book your ride from Antalya Airport now and pay 10% less.",
                "tr": "Antalya Havalimanı transferinizi şimdi ayırtın, %10 daha az ödeyin.",
            },
            "segment": {"languages": ["tr", "en", "de"]},
            "mailing_state": "none",
        },
        {
            "name": "Weekends in Istanbul",
            "state": "active",
            "starts_at": now - timedelta(days=5),
            "ends_at": now + timedelta(days=25),
            "discount_percent": 15,
            "floor_percent": 70,
            "stacks": True,
            "city": "Istanbul",
            "category": "city",
            "weekdays": [6, 7],
            "subjects": {"en": "A weekend in Istanbul", "tr": "İstanbul’da bir hafta sonu"},
            "bodies": {
                "en": "Saturdays and Sundays: 15% off every city tour.",
                "tr": "Cumartesi ve pazar: tüm şehir turlarında %15 indirim.",
            },
        },
        {
            "name": "Autumn in Cappadocia",
            "state": "ended",
            "starts_at": now - timedelta(days=90),
            "ends_at": now - timedelta(days=30),
            "discount_percent": 20,
            "floor_percent": 70,
            "city": "Nevşehir",
            "max_bookings": 25,
            "subjects": {"en": "Autumn in Cappadocia", "tr": "Kapadokya’da sonbahar"},
            "bodies": {"en": "20% off in the quiet season.", "tr": "Sakin sezonda %20 indirim."},
        },
        {
            "name": "New year, old city",
            "state": "draft",
            "starts_at": now + timedelta(days=30),
            "ends_at": now + timedelta(days=60),
            "discount_percent": 12,
            "floor_percent": 80,
            "subjects": {"en": "New year, old city", "tr": "Yeni yıl, eski şehir"},
            "bodies": {"en": "Start the year in Istanbul.", "tr": "Yeni yıla İstanbul’da başlayın."},
            "segment": {"booked_after": (now - timedelta(days=365)).date().isoformat()},
        },
    ]
