"""The language model's client, against a server that behaves and misbehaves as the real one can."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from traceback import TracebackException
from typing import Any

import pytest
from flask import Flask
from werkzeug import Response

from gnb.queueing import FinalError, RetryLater
from gnb.services.ai import language_model, usage
from gnb.services.ai.language_model import Prompt, Unusable
from tests.integration.ai.openai_server import OpenAIServer, completion
from tests.servers import free_port, on_sqlite

pytestmark = on_sqlite

SHAPE = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
PROMPT = Prompt("one_word", "Say a word.", {"about": "Boğaz"}, SHAPE)


def test_an_answer_comes_with_its_tokens_and_their_cost(openai_server: OpenAIServer) -> None:
    openai_server.will_say({"word": "merhaba"})
    reply = language_model.complete(PROMPT)
    assert reply.content == {"word": "merhaba"}
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1000, 200)
    assert reply.usage.cost == pytest.approx(1000 * 0.15e-6 + 200 * 0.60e-6)


def test_it_asks_once_without_streaming_for_the_shape_wanted(openai_server: OpenAIServer) -> None:
    openai_server.will_say({"word": "merhaba"})
    language_model.complete(PROMPT)
    [body] = openai_server.bodies
    assert body["stream"] is False
    assert body["model"] == "gpt-4o-mini"
    assert body["response_format"]["json_schema"] == {"name": "one_word", "strict": True, "schema": SHAPE}
    assert body["messages"][1]["content"] == '{"about": "Boğaz"}'
    assert openai_server.requests[0].headers["Authorization"] == "Bearer sk-test"


def test_tokens_and_cost_of_all_calls_are_summed(openai_server: OpenAIServer) -> None:
    openai_server.will_say({"word": "merhaba"})
    for _ in range(3):
        language_model.complete(PROMPT)
    assert usage.totals() == {
        "gpt-4o-mini": {"calls": 3, "prompt_tokens": 3000, "completion_tokens": 600, "microdollars": 810}
    }


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_busy_service_is_asked_again_when_it_says(openai_server: OpenAIServer, status: int) -> None:
    openai_server.will_refuse(status, Retry_After="17")
    with pytest.raises(RetryLater, match=str(status)) as later:
        language_model.complete(PROMPT)
    assert later.value.delay == 17
    assert len(openai_server.requests) == 1


def test_when_to_come_back_may_be_a_date(openai_server: OpenAIServer) -> None:
    openai_server.will_refuse(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    with pytest.raises(RetryLater) as later:
        language_model.complete(PROMPT)
    assert 80 < later.value.delay <= 90


@pytest.mark.parametrize(("value", "delay"), [("soon", 10), ("", 10), ("-5", 1), ("nan", 10), ("1e9", 3600)])
def test_a_strange_retry_after_makes_a_sensible_pause(openai_server: OpenAIServer, value: str, delay: float) -> None:
    openai_server.will_refuse(429, Retry_After=value)
    with pytest.raises(RetryLater) as later:
        language_model.complete(PROMPT)
    assert later.value.delay == delay


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_asking_again_cannot_mend_is_final_and_tells_no_key(openai_server: OpenAIServer, status: int) -> None:
    openai_server.will_refuse(status)
    with pytest.raises(FinalError, match=str(status)) as refused:
        language_model.complete(PROMPT)
    assert "sk-" not in str(refused.value)


def test_a_service_that_hangs_is_left_after_the_time_out(openai_server: OpenAIServer) -> None:
    openai_server.will_hang(1.0)
    begun = datetime.now(UTC)
    with pytest.raises(RetryLater, match=r"within 0\.3 s"):
        language_model.complete(PROMPT, seconds=0.3)
    assert datetime.now(UTC) - begun < timedelta(seconds=10)


def test_a_service_that_is_not_there_is_tried_later(openai_server: OpenAIServer, app: Flask) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1"
    app.extensions["settings"] = replace(app.extensions["settings"], openai_base_url=away)
    with pytest.raises(RetryLater, match="is unreachable"):
        language_model.complete(PROMPT)


@pytest.mark.parametrize(
    "response",
    [
        Response("<html>gateway</html>", content_type="text/html"),
        Response("{not json", content_type="application/json"),
        Response("[]", content_type="application/json"),
        Response("{}", content_type="application/json"),
        Response('{"choices": [], "usage": null}', content_type="application/json"),
    ],
    ids=["html", "broken", "list", "empty", "no-choice"],
)
def test_an_answer_that_is_none_of_the_services_is_unusable(openai_server: OpenAIServer, response: Any) -> None:
    openai_server.will_answer(response)
    with pytest.raises(Unusable):
        language_model.complete(PROMPT)


@pytest.mark.parametrize("text", ["merhaba", '{"word": ', "[1]", "5", "null", ""])
def test_words_that_are_no_json_object_are_unusable_but_counted(openai_server: OpenAIServer, text: str) -> None:
    openai_server.will_say(text)
    with pytest.raises(Unusable) as unusable:
        language_model.complete(PROMPT)
    assert unusable.value.usage
    assert usage.totals()["gpt-4o-mini"]["calls"] == 1


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_cut_is_unusable(openai_server: OpenAIServer, reason: str) -> None:
    openai_server.will_say({"word": "merhaba"}, finish_reason=reason)
    with pytest.raises(Unusable, match=reason):
        language_model.complete(PROMPT)


@pytest.mark.parametrize(
    "text", ['{"word": "\\ud800"}', '{"word": "a\\u0000b"}', '{"word": ' + "[" * 100_000, "[" * 100_000]
)
def test_an_answer_that_cannot_be_stored_falls_back_to_the_rules(openai_server: OpenAIServer, text: str) -> None:
    openai_server.will_say(text)
    worded = language_model.word(PROMPT, dict, last_attempt=False)
    assert worded.content is None
    assert worded.note


@pytest.mark.parametrize(
    "tokens",
    [None, {}, [], "many", {"prompt_tokens": "many"}, {"prompt_tokens": -1, "completion_tokens": 1},
     {"prompt_tokens": 10**30, "completion_tokens": 1}, {"prompt_tokens": 1.5, "completion_tokens": None}],
    ids=repr,
)  # fmt: skip
def test_a_good_answer_with_odd_usage_is_used_and_its_cost_unknown(openai_server: OpenAIServer, tokens: Any) -> None:
    body = {**completion('{"word": "merhaba"}'), "usage": tokens}
    openai_server.will_answer(Response(json.dumps(body), content_type="application/json"))
    reply = language_model.complete(PROMPT)
    assert reply.content == {"word": "merhaba"}
    assert (reply.usage.prompt_tokens, reply.usage.cost) == (0, None)
    assert usage.totals()["gpt-4o-mini"]["calls"] == 1


def test_a_good_answer_without_usage_is_used(openai_server: OpenAIServer) -> None:
    body = completion('{"word": "merhaba"}')
    del body["usage"]
    openai_server.will_answer(Response(json.dumps(body), content_type="application/json"))
    assert language_model.complete(PROMPT).content == {"word": "merhaba"}


def test_a_used_up_quota_falls_back_to_the_rules_at_once(openai_server: OpenAIServer) -> None:
    error = {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}
    openai_server.will_answer(Response(json.dumps({"error": error}), 429, content_type="application/json"))
    worded = language_model.word(PROMPT, dict, last_attempt=False)
    assert (worded.content, worded.note) == (None, "the language model's quota is used up")
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_the_text_of_the_service_is_in_no_stack(openai_server: OpenAIServer, status: int) -> None:
    openai_server.will_refuse(status)
    with pytest.raises((FinalError, RetryLater)) as raised:
        language_model.complete(PROMPT)
    assert "sk-" not in "".join(TracebackException.from_exception(raised.value).format())


def test_the_cost_of_an_unknown_model_is_not_made_up(app: Flask) -> None:
    assert usage.cost_of("house-model", 1000, 1000) is None
    assert usage.cost_of("gpt-4o-2024-11-20", 1_000_000, 0) == 2.5
