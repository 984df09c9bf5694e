"""Clocks against one another. Leases, delays and limits go by the broker's, tokens by each machine's."""

from __future__ import annotations

from gnb.services.doctor.findings import Finding, ok, problem, warning

_WARN_FROM = 2.0
_PROBLEM_FROM = 60.0
_REMEDY = "Let both machines keep time by NTP: timedatectl set-ntp true"


def compare(whose: str, theirs: float, before: float, after: float) -> Finding:
    """Their time (epoch seconds), asked for between two looks at ours."""
    name = f"clock ({whose})"
    apart = max(before - theirs, theirs - after, 0.0)
    words = f"{apart:.1f} s from this machine's"
    if apart >= _PROBLEM_FROM:
        return problem(name, f"{words}: sessions and tokens end at the wrong time", _REMEDY)
    if apart >= _WARN_FROM:
        return warning(name, f"{words}: waiting times are shown wrongly", _REMEDY)
    return ok(name, words)
