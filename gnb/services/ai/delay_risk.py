"""The risk that a transfer arrives late, from what the business's own transfers were like.

    assess({"origin": "IST", "destination": "Fatih", "scheduled_time": moment, "language": "en"})
    → {"probability": 0.31, "expectedMinutes": 9, "reasons": [{"code": "time", "text": "Leaving at 17:00 …"}], …}

How the model is made and how good it is stands in docs/delay-risk.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, log
from typing import Any

from gnb.extensions import db
from gnb.queueing.errors import QueueUnavailable
from gnb.services import places
from gnb.services.ai import cache, delay_words
from gnb.services.ai.delay_model import DelayModel, Forecast
from gnb.services.ai.trips import Trip, finished_trips
from gnb.services.places import Place, place_name

LATE_MINUTES = 15
ADVISE_FROM = 0.20
"""From this risk on, leaving earlier is suggested, by so much that the risk falls below it."""

REASONS_GIVEN = 3
NEAR_KILOMETRES = 150
"""A road without an airport of ours at an end has the traffic of the area whose airport is within this distance."""

_MODEL = "delay-model"
_GROUPS = {
    "area": ("area",),
    "time": ("hour", "daypart"),
    "weekday": ("weekday", "weekday part"),
    "season": ("month",),
    "distance": ("distance",),
    "route": ("route",),
}
_BANDS = (0, 5, 10, 15, 20, 30, 45)


def assess(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The risk, as JSON. `asked` as DelayRiskRequest loads it. Raises UnknownPlace, TooFewTrips."""
    model = current_model()
    origin, destination = places.find(asked["origin"]), places.find(asked["destination"])
    trip = _trip(model, origin, destination, asked)
    forecast = model.forecast(trip)
    risk = forecast.probability_over(LATE_MINUTES)
    language = asked.get("language", "en")
    return {
        "origin": place_name(origin.code or origin.label, language),
        "destination": place_name(destination.code or destination.label, language),
        "scheduledTime": trip.pickup.isoformat(),
        "language": language,
        "kilometres": round(trip.kilometres),
        "freeFlowMinutes": round(places.free_flow_minutes(trip.kilometres)),
        "probability": round(risk, 3),
        "lateMinutes": LATE_MINUTES,
        "level": _level(risk),
        "expectedMinutes": round(forecast.expected_minutes, 1),
        "nineOfTenWithin": round(forecast.quantile(0.9), 1),
        "reasons": _reasons(model, trip, forecast, language),
        "suggestion": _suggestion(forecast, risk, language),
        "distribution": _distribution(forecast),
        "byHour": _by_hour(model, trip),
        "learnedFrom": model.trips,
        "routeKnown": trip.route in model.route_kilometres,
    }


def current_model() -> DelayModel:
    """The model of today's data: fitted at most once an hour while the broker is there. Raises TooFewTrips."""
    try:
        if known := cache.get(_MODEL, {}):
            return DelayModel.from_json(known)
    except QueueUnavailable:
        return DelayModel.fitted(finished_trips(db.session.connection()))
    model = DelayModel.fitted(finished_trips(db.session.connection()))
    cache.put(_MODEL, {}, model.as_json())
    return model


def _trip(model: DelayModel, origin: Place, destination: Place, asked: Mapping[str, Any]) -> Trip:
    kilometres = places.road_kilometres(origin.position, destination.position)
    pickup = asked["scheduled_time"]
    for airport, town in ((origin, destination), (destination, origin)):
        if airport.code in model.airport_areas:
            trip = Trip(model.airport_areas[airport.code], airport.code, town.name, kilometres, pickup)
            # Where the business drives, it knows the road better than an estimate does.
            return replace(trip, kilometres=model.route_kilometres.get(trip.route, kilometres))
    return Trip(_area_near(model, origin), origin.name, destination.name, kilometres, pickup)


def _area_near(model: DelayModel, place: Place) -> str:
    """The area of the nearest airport served, "" when all are too far off to say anything of the traffic here."""
    served = [(airport, area) for code, area in model.airport_areas.items() if (airport := places.by_code(code))]
    near = [(places.straight_kilometres(place.position, airport.position), area) for airport, area in served]
    distance, area = min(near, default=(float("inf"), ""))
    return area if distance <= NEAR_KILOMETRES else ""


def _level(risk: float) -> str:
    return "low" if risk < 0.1 else "medium" if risk < ADVISE_FROM else "high"


def _reasons(model: DelayModel, trip: Trip, forecast: Forecast, language: str) -> list[dict[str, Any]]:
    """The influences that change the lateness most, each with the minutes that it adds or saves."""
    effects = model.effects(trip)
    factors = dict.fromkeys(_GROUPS, 1.0)
    for code, names in _GROUPS.items():
        for name in names:
            factors[code] *= effects[name]
    if not trip.area:
        factors = {code: factor for code, factor in factors.items() if code not in ("area", "season")}
    largest = sorted(factors.items(), key=lambda item: abs(log(item[1])), reverse=True)[:REASONS_GIVEN]
    facts = {
        "area": place_name(trip.area, language),
        "hour": trip.pickup.hour,
        "weekday": delay_words.weekday(trip.pickup, language),
        "month": delay_words.month(trip.pickup, language),
        "kilometres": round(trip.kilometres),
        "route": trip.route,
    }
    reasons = []
    for code, factor in largest:
        minutes = forecast.mean_lateness * (1 - 1 / factor)
        text = delay_words.reason(code, language, minutes, **facts)
        reasons.append({"code": code, "factor": round(factor, 2), "minutes": round(minutes, 1), "text": text})
    return reasons


def _suggestion(forecast: Forecast, risk: float, language: str) -> dict[str, Any] | None:
    """How many minutes earlier to leave, in steps of five; None when the risk is small."""
    if risk < ADVISE_FROM:
        return None
    minutes = max(5 * ceil((forecast.quantile(1 - ADVISE_FROM) - LATE_MINUTES) / 5), 5)
    return {"leaveEarlierMinutes": minutes, "text": delay_words.earlier(minutes, language)}


def _distribution(forecast: Forecast) -> list[dict[str, Any]]:
    """How likely each span of minutes after the plan is; `from` is open for the first span, `to` for the last."""
    over = [1.0, *(forecast.probability_over(minutes) for minutes in _BANDS), 0.0]
    edges = (None, *_BANDS, None)
    return [
        {"from": low, "to": high, "probability": round(more - less, 4)}
        for low, high, more, less in zip(edges, edges[1:], over, over[1:], strict=False)
    ]


def _by_hour(model: DelayModel, trip: Trip) -> list[float]:
    """The risk of the same trip at each hour of that day."""
    moments = [trip.pickup.replace(hour=hour, minute=0) for hour in range(24)]
    return [round(model.forecast(replace(trip, pickup=moment)).probability_over(LATE_MINUTES), 3) for moment in moments]
