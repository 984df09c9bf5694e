"""What the language model was used for and what that cost, summed in the broker over all processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gnb.extensions import engine
from gnb.services.counting import LANGUAGE_MODEL

PRICES = {
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4o": (2.50, 10.00),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
}
"""US dollars for a million tokens in and out, by the vendor's price list; another model's cost is not known."""

_MILLION = 1_000_000


@dataclass(frozen=True)
class Usage:
    """One call: tokens in and out, and their price in US dollars (None where the model's is not known)."""

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
    """The usage of one call, after adding it to the totals. `tokens` as the service reports them."""
    spent_in, spent_out = int(tokens.prompt_tokens), int(tokens.completion_tokens)
    call = Usage(str(model)[:80].replace("|", "/"), spent_in, spent_out, cost_of(str(model), spent_in, spent_out))
    amounts = {
        "calls": 1,
        "prompt_tokens": spent_in,
        "completion_tokens": spent_out,
        "microdollars": round((call.cost or 0) * _MILLION),
    }
    for name, amount in amounts.items():
        engine().counters.add(LANGUAGE_MODEL, call.model, name, count=amount)
    return call


def totals(counters: Mapping[tuple[str, ...], int] | None = None) -> dict[str, dict[str, int]]:
    """By model: calls, prompt_tokens, completion_tokens, microdollars; from these counters, or as they are now.

    Raises QueueUnavailable.
    """
    by_model: dict[str, dict[str, int]] = {}
    for (counter, *labels), amount in (engine().counters.read() if counters is None else counters).items():
        if counter == LANGUAGE_MODEL:
            model, name = labels
            by_model.setdefault(model, {})[name] = amount
    return by_model


def cost_of(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """The price in US dollars; a dated name such as gpt-4o-mini-2024-07-18 costs what its family does."""
    known = [name for name in PRICES if model == name or model.startswith(f"{name}-20")]
    if not known:
        return None
    price_in, price_out = PRICES[known[0]]
    return (prompt_tokens * price_in + completion_tokens * price_out) / _MILLION
