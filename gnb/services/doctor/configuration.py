"""What a production installation should not leave at its default. Wrong values have stopped the start before this."""

from __future__ import annotations

from collections.abc import Iterator

from gnb.config import INSTANCE, Settings
from gnb.extensions import settings
from gnb.services.doctor.findings import Finding, ok, warning

_NAME = "configuration"
_SHORTEST_KEY = 32


def examine() -> Iterator[Finding]:
    """One finding for each setting that is not fit for production; one that all is well."""
    chosen = settings()
    if chosen.development:
        yield ok(_NAME, "development; every variable has a value it can have")
        return
    found = list(_unfit(chosen))
    yield from found or [ok(_NAME, f"{chosen.app_env}, {chosen.site_url}")]


def _unfit(chosen: Settings) -> Iterator[Finding]:
    if len(chosen.secret_key) < _SHORTEST_KEY:
        yield warning(
            _NAME,
            f"SECRET_KEY is {len(chosen.secret_key)} long, and can be guessed",
            "Set one from: python3 -c 'import secrets; print(secrets.token_hex(32))'",
        )
    if not chosen.site_url_given:
        yield warning(
            _NAME,
            f"SITE_URL is not set: links in mails begin with {chosen.site_url} and any Host is answered",
            "Set SITE_URL to the address that people type",
        )
    elif chosen.site_url.startswith("http://"):
        yield warning(_NAME, "SITE_URL has no TLS: cookies go over the wire as they are", "Serve it by https://")
    elif chosen.trusted_proxies == 0:
        yield warning(
            _NAME,
            "TRUSTED_PROXIES is 0: behind a proxy every visitor has the proxy's address, which rate limits count by",
            "Set TRUSTED_PROXIES to the number of proxies before the application, 1 on most platforms",
        )
    for variable, address in (("DATABASE_URL", chosen.database_url), ("REDIS_URL", chosen.redis_url)):
        if str(INSTANCE) in address:
            yield warning(
                _NAME, f"{variable} is not set: what bin/dev keeps under instance/ is used", f"Set {variable}"
            )
