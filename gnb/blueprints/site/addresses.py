"""What search engines are told of a page: its address in every language, and what is sold on it (schema.org)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request

from gnb.blueprints.site.words import language
from gnb.extensions import settings
from gnb.models import DEFAULT_LANGUAGE, TEXT_LANGUAGES, Tour
from gnb.services.pricing.quotes import is_per_person
from gnb.services.sitemap import address_of


@dataclass(frozen=True)
class Addresses:
    """The page's own address and its alternates by hreflang, as the sitemap lists them."""

    canonical: str
    alternates: dict[str, str]


def addresses() -> Addresses:
    """The addresses of the page that is being asked for."""
    site, path = settings().site_url, request.path
    alternates = {each: address_of(path, each, site) for each in TEXT_LANGUAGES}
    alternates["x-default"] = address_of(path, DEFAULT_LANGUAGE, site)
    return Addresses(address_of(path, language(), site), alternates)


def structured_tour(tour: Tour, sold_out: bool) -> dict[str, Any]:
    """The tour and its price as JSON-LD."""
    address = address_of(f"/tours/{tour.slug}", language(), settings().site_url)
    return {
        "@context": "https://schema.org",
        "@type": "TouristTrip" if is_per_person(tour.category) else "TaxiService",
        "name": tour.title(language()),
        "description": tour.description(language()) or tour.title(language()),
        "url": address,
        "provider": {"@type": "TravelAgency", "name": "GNB Transfer", "url": settings().site_url},
        "offers": {
            "@type": "Offer",
            "price": str(tour.current_price),
            "priceCurrency": tour.currency,
            "availability": f"https://schema.org/{'SoldOut' if sold_out else 'InStock'}",
            "url": address,
        },
    }
