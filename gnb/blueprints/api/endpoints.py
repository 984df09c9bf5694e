"""What every endpoint of the API has in common: roles, the rate limit, and the format of requests and responses.

    blueprint = ApiBlueprint("tours-api", __name__, url_prefix="/api/v1/tours", read=None, change=ADMIN_ROLES)

    @blueprint.endpoint("POST", "/", Tour, status=201, body=NewTour, errors=(409,), message="The tour is there.")
    def create(new: dict[str, Any]) -> Any: …

A view returns the data alone; the envelope, the status and the OpenAPI document follow from the decorator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any, TypeVar

from flask import Request, Response, abort, request
from flask_babel import gettext
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from gnb.blueprints.shared.access import require_role
from gnb.blueprints.shared.rate_limits import count_request
from gnb.models import ADMIN_ROLES, STAFF_ROLES
from gnb.queueing.json_values import unstorable_texts
from gnb.services.exports.filters import Words

_ENVELOPES: dict[str, Schema] = {}


@dataclass(frozen=True)
class Alternative:
    """What a view returns to answer with one of the statuses of `also`."""

    status: int
    data: Any


@dataclass(frozen=True)
class ByName:
    """Data that is an object: for each name what the schema says."""

    schema: type[Schema]


Data = type[Schema] | Schema | ByName | None
"""What an answer carries: one thing, a list (`Thing(many=True)`), things by name, or nothing."""


def envelope_schema(data: Data) -> Schema:
    """Return the schema of an answer with such data, one for each kind, so that the document names it once."""
    name = _name(data)
    if name not in _ENVELOPES:
        shape = {
            "success": fields.Boolean(required=True),
            "data": _field(data),
            "message": fields.String(required=True),
        }
        _ENVELOPES[name] = Schema.from_dict(shape, name=name)()
    return _ENVELOPES[name]


def _field(data: Data) -> fields.Field[Any]:
    if data is None:
        return fields.Raw(required=True, allow_none=True)
    if isinstance(data, ByName):
        return fields.Dict(keys=fields.String(), values=fields.Nested(data.schema), required=True)
    return fields.Nested(data, required=True)


def _name(data: Data) -> str:
    if data is None:
        return "Done"
    if isinstance(data, ByName):
        return f"{_word(data.schema)}ByNameAnswer"
    if isinstance(data, Schema):
        return f"{_word(type(data))}{'List' if data.many else ''}Answer"
    return f"{_word(data)}Answer"


def _word(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema")


class Parser(FlaskParser):
    """webargs' parser, which says what is wrong with JSON that cannot be read (400) and refuses text that cannot be
    stored (422)."""

    KNOWN_MULTI_FIELDS = [*FlaskParser.KNOWN_MULTI_FIELDS, Words]

    def _raw_load_json(self, req: Request) -> Any:
        try:
            value = super()._raw_load_json(req)
            if wrong := unstorable_texts(value):
                raise ValidationError(wrong if isinstance(wrong, dict) else {"_schema": wrong})
            return value
        except RecursionError:
            abort(400, gettext("The JSON is nested too deeply."))
        except JSONDecodeError as error:
            if not error.doc:
                raise  # there is no body, which webargs leaves to the schema
            if isinstance(error.__cause__, UnicodeDecodeError):
                abort(400, gettext("The JSON is not valid UTF-8."))
            place = {"line": error.lineno, "column": error.colno}
            abort(400, gettext("The JSON is malformed at line %(line)s, column %(column)s.", **place))
        except ValueError as error:
            if type(error) is not ValueError:
                raise  # a ValidationError, which webargs answers itself
            abort(400, gettext("The JSON holds a number of too many digits."))


def require_json() -> None:
    """Reject a body that is too large (413) or whose content type is not JSON (415)."""
    limit = request.max_content_length
    if limit is not None and (request.content_length or 0) > limit:
        abort(413, gettext("A body has at most %(limit)s bytes.", limit=f"{limit:,}"))
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if has_body and request.mimetype != "application/json":
        abort(415, gettext("Send JSON, as `Content-Type: application/json`."))


View = TypeVar("View", bound=Callable[..., Any])

_READING = frozenset({"GET", "HEAD"})
_ALWAYS = (429, 503)
_WITH_BODY = (400, 413, 415)


class ApiBlueprint(Blueprint):
    """A smorest blueprint that checks roles: `read` and `change` are those allowed, None allows everyone."""

    ARGUMENTS_PARSER = Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        url_prefix: str,
        description: str = "",
        read: frozenset[str] | None = STAFF_ROLES,
        change: frozenset[str] | None = ADMIN_ROLES,
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self.read = read
        self.change = change
        self.before_request(self._let_in)

    def endpoint(
        self,
        method: str,
        rule: str,
        answer: Data,
        *,
        status: int = 200,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        errors: tuple[int, ...] = (),
        message: str = "",
        also: dict[int, str] | None = None,
    ) -> Callable[[View], View]:
        """Register the view under the rule. It gets `body` and `query` as loaded dicts, in that order, then the
        parts of the path by name. `errors`: what it may answer besides what all endpoints do. `also`: the messages of
        other successes by their status; the view returns an `Alternative` for them."""

        def register(view: View) -> View:
            wrapped: Any = _in_envelope(view, message, also or {})
            wrapped = self.response(status, envelope_schema(answer))(wrapped)
            for other, description in (also or {}).items():
                schema = envelope_schema(answer)
                wrapped = self.alt_response(other, schema=schema, description=description, success=True)(wrapped)
            if query:
                wrapped = self.arguments(query, location="query")(wrapped)
            if body:
                has_required = any(field.required for field in body._declared_fields.values())
                wrapped = self.arguments(body, required=has_required)(wrapped)
            for code in sorted(self._errors(method, body is not None or query is not None) | set(errors)):
                wrapped = self.alt_response(code, HTTPStatus(code).name)(wrapped)
            if self._roles(method) is not None:
                wrapped = self.doc(security=[{"bearer": []}])(wrapped)
            self.add_url_rule(rule, view.__name__, wrapped, methods=[method])
            return view

        return register

    def _errors(self, method: str, takes_input: bool) -> set[int]:
        codes = set(_ALWAYS)
        if self._roles(method) is not None:
            codes |= {401, 403}
        if method not in _READING:
            codes |= set(_WITH_BODY)
        return codes | ({422} if takes_input else set())

    def _roles(self, method: str) -> frozenset[str] | None:
        return self.read if method in _READING or method == "OPTIONS" else self.change

    def _let_in(self) -> None:
        count_request()
        roles = self._roles(request.method)
        if roles is not None:
            require_role(roles)
        if request.method not in _READING:
            require_json()


def _in_envelope(view: View, message: str, also: dict[int, str]) -> Callable[..., Any]:
    @wraps(view)
    def answering(*args: Any, **kwargs: Any) -> Any:
        data = view(*args, **kwargs)
        if isinstance(data, Response):
            return data
        if isinstance(data, Alternative):
            return {"success": True, "data": data.data, "message": also[data.status]}, data.status
        return {"success": True, "data": data, "message": message}

    return answering
