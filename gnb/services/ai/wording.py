"""Having the language model word what is already decided, or doing without it and saying why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from marshmallow import ValidationError, validate

from gnb.queueing import RetryLater
from gnb.services.ai import client
from gnb.services.ai.client import Prompt, Unusable
from gnb.services.ai.usage import Usage

Checked = TypeVar("Checked")

NO_KEY = "no key for a language model is set"
_ADDRESS = re.compile(r"https?:|www\.|@|[<>]|\+?\d[\d ()-]{8,}\d", re.IGNORECASE)


@dataclass(frozen=True)
class Worded(Generic[Checked]):
    """What the model said after checking, None when the rules' answer is to be used; `note` says why then."""

    content: Checked | None
    usage: Usage | None = None
    note: str | None = None


def word(prompt: Prompt, check: Callable[[dict[str, Any]], Checked], last_attempt: bool) -> Worded[Checked]:
    """The model's words. `check` gives them back as they will be used, or raises ValidationError.

    Raises RetryLater while there is another attempt, FinalError when the service refuses the request or the key.
    """
    if not client.has_key():
        return Worded(None, note=NO_KEY)
    try:
        reply = client.complete(prompt)
    except RetryLater as error:
        if not last_attempt:
            raise
        return Worded(None, note=str(error).partition(";")[0])
    except Unusable as error:
        return Worded(None, error.usage, str(error))
    try:
        return Worded(check(reply.content), reply.usage)
    except ValidationError as error:
        return Worded(None, reply.usage, f"the language model's answer was refused: {_first(error.messages)}")


def sentence(longest: int) -> list[Callable[[str], Any]]:
    """What a sentence of the model must be: short, and without addresses, phone numbers or markup."""
    return [validate.Length(1, longest), _plain]


def _plain(text: str) -> None:
    if _ADDRESS.search(text):
        raise ValidationError("a sentence holds an address, a phone number or markup")


def _first(messages: Any) -> str:
    while isinstance(messages, (dict, list)) and messages:
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return str(messages)[:200]
