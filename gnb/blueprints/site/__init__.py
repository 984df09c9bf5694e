"""The public side of the application."""

from flask import Flask

from gnb.blueprints.site import book, bookings, home, my, sitemap, tours, unsubscribe


def register(app: Flask) -> None:
    """Give the application the pages and files that anyone may read."""
    for part in (home, tours, book, bookings, my, sitemap, unsubscribe):
        app.register_blueprint(part.blueprint)
