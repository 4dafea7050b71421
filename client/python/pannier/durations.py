"""Durations as callers give them: seconds, or a timedelta."""

from __future__ import annotations

import math
from datetime import timedelta

from pannier._types import Duration
from pannier.errors import InvalidArgument

# No daemon takes a longer time.
SECONDS_MAX = 9.0e12


def seconds(duration: Duration, name: str) -> float:
    """From 0 on, else `InvalidArgument`, or TypeError, in words that name the argument."""
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if not isinstance(duration, (int, float)):
        raise TypeError(f"{name} is a number of seconds or a timedelta, not {type(duration).__name__}")
    if not duration >= 0:
        raise InvalidArgument(f"{name} is no time from 0 on")
    if duration > SECONDS_MAX:
        raise InvalidArgument(f"{name} is too long")
    return duration


def time_out(duration: Duration, name: str) -> float:
    """As `seconds`, from a microsecond on: in no time nothing could be done."""
    time = seconds(duration, name)
    if time < 1e-6:
        raise InvalidArgument(f"{name} is a microsecond or more")
    return time


def milliseconds(duration: Duration, name: str) -> int:
    """Fractions of a millisecond count as a whole one."""
    # By way of whole microseconds, as timedelta has them: 0.29 * 1000 is a little more than 290.
    return math.ceil(round(seconds(duration, name) * 1e6) / 1e3)
