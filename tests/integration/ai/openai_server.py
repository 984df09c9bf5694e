"""A server that speaks the part of OpenAI's protocol that is used, over HTTP."""

import json
import time
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

PATH = "/v1/chat/completions"


class OpenAIServer:
    """Answers every question with the next of `answers`, the last one again and again; keeps what it was sent."""

    def __init__(self, server: HTTPServer):
        self.url = server.url_for("/v1")
        self.requests: list[Request] = []
        self.answers: list[Any] = []
        server.expect_request(PATH, method="POST").respond_with_handler(self._answer)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked, oldest first."""
        return [json.loads(request.get_data()) for request in self.requests]

    def will_say(self, content: Any, **more: Any) -> None:
        """The model's words: a text, or data that is sent as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.answers.append(Response(json.dumps(completion(text, **more)), content_type="application/json"))

    def will_refuse(self, status: int, **headers: str) -> None:
        body = {"error": {"message": "Incorrect API key provided: sk-secret", "type": "error", "code": None}}
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(Response(json.dumps(body), status, names, content_type="application/json"))

    def will_answer(self, response: Any) -> None:
        self.answers.append(response)

    def will_hang(self, seconds: float) -> None:
        def hang() -> Response:
            time.sleep(seconds)
            return Response("{}", content_type="application/json")

        self.answers.append(hang)

    def _answer(self, request: Request) -> Response:
        request.get_data(cache=True)
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        response: Response = answer() if callable(answer) and not isinstance(answer, Response) else answer
        return response


def completion(text: str, finish_reason: str = "stop", tokens: tuple[int, int] = (1000, 200)) -> dict[str, Any]:
    """An answer as OpenAI's chat completions have it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }
