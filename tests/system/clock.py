"""Time for tests: waiting until a deadline has surely passed, however busy the machine is."""

import time

# The daemon reads its clock once a loop pass and counts whole milliseconds.
CLOCK_STEP_MS = 2


def now_ms():
    return time.monotonic() * 1000


def sleep_ms(duration_ms):
    """Sleeps at least that long."""
    until = time.monotonic() + duration_ms / 1000
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)


def pass_deadline(ttl_ms):
    """After this, what got `ttl_ms` before the call is past its deadline."""
    sleep_ms(ttl_ms + CLOCK_STEP_MS)


def eventually(condition, timeout_s=30.0, step_s=0.02):
    """Waits until `condition()` is true; returns what it answered."""
    until = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(step_s)
    return answer
