"""The public site."""

from flask import Flask

from gnb.blueprints.site import account, bookings, tours


def register(app: Flask) -> None:
    """Register the public pages and the sitemap."""
    for blueprint in (
        tours.home_blueprint,
        tours.blueprint,
        bookings.booking_blueprint,
        bookings.blueprint,
        account.blueprint,
        account.unsubscribe_blueprint,
        tours.sitemap_blueprint,
    ):
        app.register_blueprint(blueprint)
