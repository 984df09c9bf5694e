"""The risk that a transfer arrives late, from the business's own transfers.

    assess({"origin": "IST", "destination": "Fatih", "scheduled_time": moment, "language": "en"})
    → {"probability": 0.31, "expectedMinutes": 9, "reasons": [{"code": "time", "text": "Leaving at 17:00 …"}], …}

docs/delay-risk.md explains the model and its accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from math import ceil, log
from typing import Any

from gnb.extensions import db
from gnb.models import HOME_ZONE, Booking, now
from gnb.queueing.errors import QueueUnavailable
from gnb.services import places
from gnb.services.ai import lookups, texts
from gnb.services.ai.delay_model import (
    FEWEST_TRIPS,
    DelayModel,
    Forecast,
    HourlyDelays,
    ObservedDelays,
    TooFewTrips,
)
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
    """Return the risk as JSON: by the model, or with too few trips for it as the percentiles of the hour.

    Args:
        asked: Loaded by DelayRiskRequest.

    Raises:
        UnknownPlace: A place is unknown.
        TooFewTrips: There is no finished transfer at all.
    """
    model = current_model()
    origin, destination = places.find(asked["origin"]), places.find(asked["destination"])
    trip = _trip(model, origin, destination, asked["scheduled_time"])
    language = asked.get("language", "en")
    forecast, basis = _forecast(model, trip, language)
    risk = forecast.probability_over(LATE_MINUTES)
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
        "suggestion": _suggestion(forecast, risk, language),
        "distribution": _distribution(forecast),
        "byHour": _by_hour(model, trip),
        **basis,
    }


def _forecast(
    model: DelayModel | HourlyDelays, trip: Trip, language: str
) -> tuple[Forecast | ObservedDelays, dict[str, Any]]:
    """Return the forecast, and what it rests on as part of the answer."""
    if isinstance(model, HourlyDelays):
        observed = model.forecast(trip)
        return observed, {
            "method": "percentiles",
            "reasons": [],
            "learnedFrom": len(observed.delays),
            "routeKnown": True,
        }
    forecast = model.forecast(trip)
    return forecast, {
        "method": "model",
        "reasons": _reasons(model, trip, forecast, language),
        "learnedFrom": model.trips,
        "routeKnown": trip.route in model.route_kilometres,
    }


def level_of(booking: Booking) -> tuple[float, str] | None:
    """Return the probability that a transfer to come arrives late, and its level; None if it cannot be said."""
    if booking.pickup_at <= now():
        return None
    try:
        model = current_model()
        origin, destination = places.find(booking.tour.origin), places.find(booking.tour.destination)
    except (TooFewTrips, places.UnknownPlace):
        return None
    trip = _trip(model, origin, destination, booking.pickup_at.astimezone(HOME_ZONE))
    risk = model.forecast(trip).probability_over(LATE_MINUTES)
    return risk, _level(risk)


def current_model() -> DelayModel | HourlyDelays:
    """Return the model of the current data, fitted at most once an hour while the broker is reachable.

    With fewer than FEWEST_TRIPS it is what was observed by hour. Raises TooFewTrips if there is no trip at all.
    """
    try:
        if known := lookups.load(_MODEL, {}):
            return HourlyDelays(**known) if "by_hour" in known else DelayModel.from_json(known)
    except QueueUnavailable:
        return _learned()
    model = _learned()
    lookups.store(_MODEL, {}, model.as_json())
    return model


def _learned() -> DelayModel | HourlyDelays:
    trips = finished_trips(db.session.connection())
    return DelayModel.fitted(trips) if len(trips) >= FEWEST_TRIPS else HourlyDelays.observed(trips)


def _trip(model: DelayModel | HourlyDelays, origin: Place, destination: Place, pickup: datetime) -> Trip:
    kilometres = places.road_kilometres(origin.position, destination.position)
    if isinstance(model, HourlyDelays):
        return Trip("", origin.name, destination.name, kilometres, pickup)
    for airport, town in ((origin, destination), (destination, origin)):
        if airport.code in model.airport_areas:
            trip = Trip(model.airport_areas[airport.code], airport.code, town.name, kilometres, pickup)
            # Where the business drives, it knows the road better than an estimate does.
            return replace(trip, kilometres=model.route_kilometres.get(trip.route, kilometres))
    return Trip(_area_near(model, origin), origin.name, destination.name, kilometres, pickup)


def _area_near(model: DelayModel, place: Place) -> str:
    """Return the area of the nearest airport served, "" if all are too far to represent the traffic here."""
    served = [(airport, area) for code, area in model.airport_areas.items() if (airport := places.by_code(code))]
    near = [(places.straight_kilometres(place.position, airport.position), area) for airport, area in served]
    distance, area = min(near, default=(float("inf"), ""))
    return area if distance <= NEAR_KILOMETRES else ""


def _level(risk: float) -> str:
    return "low" if risk < 0.1 else "medium" if risk < ADVISE_FROM else "high"


def _reasons(model: DelayModel, trip: Trip, forecast: Forecast, language: str) -> list[dict[str, Any]]:
    """Return the influences with the largest effect, each with the minutes it adds or saves."""
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
        "weekday": texts.weekday_name(trip.pickup, language),
        "month": texts.month_name(trip.pickup, language),
        "kilometres": round(trip.kilometres),
        "route": trip.route,
    }
    reasons = []
    for code, factor in largest:
        minutes = forecast.mean_lateness * (1 - 1 / factor)
        text = texts.delay_reason(code, language, minutes, **facts)
        reasons.append({"code": code, "factor": round(factor, 2), "minutes": round(minutes, 1), "text": text})
    return reasons


def _suggestion(forecast: Forecast | ObservedDelays, risk: float, language: str) -> dict[str, Any] | None:
    """Suggest how many minutes earlier to leave, in steps of five; None if the risk is low."""
    if risk < ADVISE_FROM:
        return None
    minutes = max(5 * ceil((forecast.quantile(1 - ADVISE_FROM) - LATE_MINUTES) / 5), 5)
    return {"leaveEarlierMinutes": minutes, "text": texts.leave_earlier(minutes, language)}


def _distribution(forecast: Forecast | ObservedDelays) -> list[dict[str, Any]]:
    """Return the probability of each range of delays; the first range has no lower bound, the last no upper one."""
    over = [1.0, *(forecast.probability_over(minutes) for minutes in _BANDS), 0.0]
    edges = (None, *_BANDS, None)
    return [
        {"from": low, "to": high, "probability": round(more - less, 4)}
        for low, high, more, less in zip(edges, edges[1:], over, over[1:], strict=False)
    ]


def _by_hour(model: DelayModel | HourlyDelays, trip: Trip) -> list[float]:
    """Return the risk of the same trip at each hour of that day."""
    moments = [trip.pickup.replace(hour=hour, minute=0) for hour in range(24)]
    return [round(model.forecast(replace(trip, pickup=moment)).probability_over(LATE_MINUTES), 3) for moment in moments]
