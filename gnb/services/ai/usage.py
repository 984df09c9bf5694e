"""Tokens and cost of the language model, summed in the broker over all processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gnb.extensions import engine, settings
from gnb.queueing.json_values import storable
from gnb.services.events import LANGUAGE_MODEL

PRICES = {
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4o": (2.50, 10.00),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
}
"""US dollars for a million tokens in and out, by OpenAI's list (platform.openai.com/docs/pricing, standard tier) in
June 2026. Prices of another day or vendor are written here; the cost of a model that is not here is unknown, and
counted nowhere."""

_MILLION = 1_000_000
_MOST_TOKENS = 100_000_000


@dataclass(frozen=True)
class Usage:
    """One call: tokens in and out, and their price in US dollars (None if the model's price is unknown)."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        price = "cost unknown" if self.cost is None else f"${self.cost:.6f}"
        return f"{self.model}: {self.prompt_tokens} tokens in, {self.completion_tokens} out, {price}"


def record(model: str, tokens: Any) -> Usage:
    """Add the tokens of one call to the totals and return its usage; its cost is unknown without the number of tokens.

    Services that speak the protocol of OpenAI may leave the numbers out.
    """
    counts = [getattr(tokens, name, None) for name in ("prompt_tokens", "completion_tokens")]
    valid = [count for count in counts if isinstance(count, int) and 0 <= count <= _MOST_TOKENS]
    known = len(valid) == len(counts)
    spent_in, spent_out = valid if known else (0, 0)
    name = storable(str(model), 80)
    call = Usage(name, spent_in, spent_out, cost_of(name, spent_in, spent_out) if known else None)
    amounts = {"calls": 1, "prompt_tokens": spent_in, "completion_tokens": spent_out}
    if call.cost is not None:
        amounts["microdollars"] = round(call.cost * _MILLION)
    # Under the name that is configured: what a service calls itself may be another with each answer.
    asked = settings().openai_model[:80].replace("|", "/")
    for name, amount in amounts.items():
        engine().counters.add(LANGUAGE_MODEL, asked, name, count=amount)
    return call


def totals(counters: Mapping[tuple[str, ...], int] | None = None) -> dict[str, dict[str, int]]:
    """Return calls, prompt_tokens, completion_tokens and, if the price is known, microdollars by model.

    Reads the counters from the broker unless they are given. Raises QueueUnavailable.
    """
    by_model: dict[str, dict[str, int]] = {}
    for (counter, *labels), amount in (engine().counters.read() if counters is None else counters).items():
        if counter == LANGUAGE_MODEL:
            model, name = labels
            by_model.setdefault(model, {})[name] = amount
    return by_model


def cost_of(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return the price in US dollars, or None; dated names such as gpt-4o-mini-2024-07-18 have the price of their
    family."""
    known = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    if not known:
        return None
    price_in, price_out = PRICES[known[0]]
    return (prompt_tokens * price_in + completion_tokens * price_out) / _MILLION
