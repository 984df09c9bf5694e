"""The public side of the application."""

from flask import Flask

from gnb.blueprints.site import home, sitemap, unsubscribe


def register(app: Flask) -> None:
    """Give the application the pages and files that anyone may read."""
    app.register_blueprint(home.blueprint)
    app.register_blueprint(sitemap.blueprint)
    app.register_blueprint(unsubscribe.blueprint)
