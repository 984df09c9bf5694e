"""Every error's answer: a page for people, `{"success": false, "error": {…}}` for programs."""

from flask import Flask

from gnb.blueprints.errors import bookings, database, exports, http, queueing


def register(app: Flask) -> None:
    """Have the application answer every error, whoever raised it, in one of the two shapes."""
    http.register(app)
    queueing.register(app)
    exports.register(app)
    bookings.register(app)
    database.register(app)
