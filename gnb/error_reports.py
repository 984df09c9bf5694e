"""Unexpected errors, sent to Sentry when SENTRY_DSN is set: where and what, never who."""

from typing import Any

from gnb.config import Settings

# Names, addresses and passwords are in variables, bodies, headers and query strings.
_NOTHING_PERSONAL: Any = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "database_query_data": False,
    "queues": False,
    "gen_ai": {"inputs": False, "outputs": False},
    "stack_frame_variables": False,
}


def bind(settings: Settings) -> None:
    """Reports what nobody caught and what is logged as an error, from web processes, workers and commands alike."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.flask import FlaskIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env,
        # Its other integrations would patch RQ and Redis underneath the engine.
        auto_enabling_integrations=False,
        integrations=[FlaskIntegration(), LoggingIntegration()],
        data_collection=_NOTHING_PERSONAL,
        max_breadcrumbs=0,
    )
