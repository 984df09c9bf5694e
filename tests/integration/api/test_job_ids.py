"""The ids that callers give: none collides with an address, and one that is taken says so."""

from flask import Flask

from gnb.queueing.options import RESERVED_IDS
from tests.integration.api.conftest import JOBS, Caller
from tests.servers import on_sqlite

pytestmark = on_sqlite

_ANY = {"HEAD", "OPTIONS"}


def test_every_address_that_a_job_id_could_be_taken_for_is_reserved(app: Flask) -> None:
    taken = set()
    for rule in app.url_map.iter_rules():
        parts = rule.rule.strip("/").split("/")
        if "<job_id>" not in parts:
            continue
        place = parts.index("<job_id>")
        for other in app.url_map.iter_rules():
            others = other.rule.strip("/").split("/")
            same_shape = len(others) == len(parts) and others[:place] == parts[:place]
            if (
                same_shape
                and not others[place].startswith("<")
                and (rule.methods or set()) & (other.methods or set()) - _ANY
            ):
                taken.add(others[place])
    assert "stats" in taken
    assert taken <= RESERVED_IDS


def test_a_reserved_id_is_rejected(admin: Caller) -> None:
    for word in RESERVED_IDS:
        answer = admin("POST", f"{JOBS}/email", json={"type": "probe", "options": {"job_id": word}})
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "invalid_job_option")


def test_an_id_that_is_taken_answers_200_with_that_job_and_its_state(admin: Caller, run_jobs: object) -> None:
    body = {"type": "probe", "data": {"number": 1}, "options": {"job_id": "mine"}}
    first = admin("POST", f"{JOBS}/email", json=body)
    run_jobs()  # type: ignore[operator]
    second = admin("POST", f"{JOBS}/email", json={**body, "data": {"number": 2}})
    assert (first.status_code, first.json["data"]["deduplicated"]) == (201, False)
    assert second.status_code == 200
    job = second.json["data"]
    assert (job["id"], job["state"], job["deduplicated"], job["data"]["number"]) == ("mine", "completed", True, 1)


def test_an_id_that_another_type_has_answers_409(admin: Caller) -> None:
    admin.post("/email", {"type": "send-email", "data": {"deliveryId": 1}, "options": {"job_id": "mine"}})
    answer = admin("POST", f"{JOBS}/email", json={"type": "probe", "options": {"job_id": "mine"}})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "job_id_taken")
    assert "send-email" in answer.json["error"]["message"]


def test_the_form_says_that_an_id_is_taken(app: Flask, admin: Caller) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    admin.post("/email", {"type": "send-email", "data": {"deliveryId": 1}, "options": {"job_id": "mine"}})
    sent = {"type": "probe", "option.job_id": "mine"}
    answer = admin("POST", "/admin/jobs/email/new", data=sent)
    assert answer.status_code == 422
    assert "send-email" in answer.text
