"""The OpenAPI document: it is complete, and holds whatever is sent to the API."""

import re
from collections import Counter
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gnb.extensions import engine
from tests.business import make_tour
from tests.integration.api.conftest import Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

CASES = 2_000
PARTS = 4  # for processes that test side by side
QUEUE = {"queue": "email"}
JOB_IDS = [f"job-{number}" for number in range(40)]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OTHER_PATHS = {"pause", "resume", "retry", "stats"}
"""Names that no queue has: under them the API has other operations."""

_ENDS_THE_TOKEN = "/api/v1/auth/logout"


def document(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/api/openapi.json").json)


def test_the_document_names_every_route_of_the_api(app: Flask) -> None:
    named = set(document(app)["paths"])
    routes = {
        re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    }
    assert routes == named


def test_every_operation_lists_its_refusals(app: Flask) -> None:
    for path, operations in document(app)["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            codes = set(operation["responses"])
            assert codes >= {"429", "503"}, (method, path)
            if path.startswith("/api/v1/admin"):
                assert codes >= {"401", "403"}, (method, path)
                assert operation["security"] == [{"bearer": []}], (method, path)
            assert operation["summary"], (method, path)


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_sent_is_answered_as_the_document_says(app: Flask, admin: Caller, part: int) -> None:
    kinds = ("API_RATE", "BOOKING_RATE", "BOOKING_RECIPIENT", "QUESTION_RATE", "SEARCH_RATE")
    limits = [f"{kind}_LIMIT" for kind in kinds]
    app.config.update(dict.fromkeys(limits, "1000000 per minute"))
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    operations = [operation for operation in operations if operation.path != _ENDS_THE_TOKEN][part::PARTS]
    examples = round(1.1 * CASES / PARTS / len(operations))  # a few operations take so little that they have fewer
    answers = Counter[int]()
    for operation in operations:
        _try(app, operation, admin.headers, examples, answers)
    assert answers.total() >= CASES / PARTS
    assert {200, 404, 422} <= set(answers)
    assert answers[401] <= examples  # those of signing in


def _try(app: Flask, operation: Any, headers: dict[str, str], examples: int, answers: Counter[int]) -> None:
    """Sends so many cases, good and bad, and counts the answers; every other case names a queue and job that exist."""
    engine().queue("email").enqueue_many([("probe", {}, {"job_id": job_id}) for job_id in JOB_IDS])
    modes = schemathesis.GenerationMode
    strategy = st.one_of(
        operation.as_strategy(generation_mode=modes.POSITIVE), operation.as_strategy(generation_mode=modes.NEGATIVE)
    )

    @seed(20_260_101)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, place=st.none() | st.sampled_from(JOB_IDS).map(lambda job_id: {**QUEUE, "job_id": job_id}))
    def send(case: Any, place: dict[str, str] | None) -> None:
        assume((case.path_parameters or {}).get("queue") not in OTHER_PATHS)
        for name in set(case.path_parameters or {}) & set(place or {}):
            case.path_parameters[name] = place[name]
        if place and isinstance(case.body, dict) and "type" in case.body:
            case.body |= {"type": "probe", "data": {}}
        case.headers = {**dict(case.headers or {}), **headers}
        with app.app_context():
            response = case.call()
            case.validate_response(response, checks=CHECKS)
        answers[response.status_code] += 1

    send()


def test_money_is_text_in_the_document_as_in_the_answers(client: FlaskClient) -> None:
    tour = make_tour()
    schemas = client.get("/api/openapi.json").json["components"]["schemas"]
    price = client.get(f"/api/v1/tours/{tour.slug}").json["data"]["price"]
    fields = (("TourDetails", "price"), ("Booking", "amount"), ("ExtraRow", "unitPrice"), ("ExtraRow", "total"))
    described = [schemas[schema]["properties"][name] for schema, name in fields]
    assert {each["type"] for each in described} == {"string"}
    assert all(re.search(each["pattern"], price) for each in described)
