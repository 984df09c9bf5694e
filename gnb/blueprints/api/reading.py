"""How request bodies are read: JSON only, and whatever is not gets an answer, never a crash."""

from __future__ import annotations

from typing import Any

from flask import Request, abort, request
from webargs.flaskparser import FlaskParser

from gnb.services.exports.filters import Words


class Parser(FlaskParser):
    """webargs' parser, which also answers 400 to JSON nested too deeply or with numbers of too many digits."""

    KNOWN_MULTI_FIELDS = [*FlaskParser.KNOWN_MULTI_FIELDS, Words]

    def _raw_load_json(self, req: Request) -> Any:
        try:
            return super()._raw_load_json(req)
        except RecursionError:
            abort(400, "The JSON is nested too deeply.")
        except ValueError as error:
            if type(error) is not ValueError:
                raise  # a JSONDecodeError, which webargs answers itself
            abort(400, "The JSON holds a number of too many digits.")


def require_json() -> None:
    """Refuse a body that is too large (413) or says to be something else than JSON (415)."""
    limit = request.max_content_length
    if limit is not None and (request.content_length or 0) > limit:
        abort(413, f"A body has at most {limit:,} bytes.")
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype != "application/json":
        abort(415, "Send JSON, as `Content-Type: application/json`.")
