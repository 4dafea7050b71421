"""A crowd of connections that are of no use: many that do nothing, clients that do not read, halves of requests. What they cost is
within what buffers may have, and the others are served. PANNIER_LONG=1: ten thousand of them."""

import os
import resource
import time

import pytest

from clock import eventually

MEBIBYTE = 1 << 20
IS_LONG = os.environ.get("PANNIER_LONG") == "1"
IDLE, SLOW, HALF = (9_000, 500, 100) if IS_LONG else (900, 50, 10)
BUFFERS = 256 * MEBIBYTE if IS_LONG else 24 * MEBIBYTE
# What the program keeps of what it has freed, and what an allocator loses.
BESIDE = 96 * MEBIBYTE
VALUE = b"v" * (256 << 10)
HALF_FRAME = b"\x94\x00\x01\xa3put\x93\xa3lru\xa1k\xc6\x00\x08\x00\x00" + b"x" * (256 << 10)


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + SLOW + HALF + 200
    if hard < wanted:
        pytest.skip(f"this process may not have {wanted} files open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_costs_no_more_than_buffers_may_have_and_others_are_served(start_daemon, sanitized, many_files):
    limits = ["--max-connections", str(IDLE + SLOW + HALF + 50), "--max-buffers", str(BUFFERS)]
    if not IS_LONG:
        limits += ["--max-frame", "4M", "--max-value", "2M", "--max-reply", "4M"]
    daemon = start_daemon("--memory-limit", "64M", *limits)
    busy = daemon.connect()
    for i in range(16):
        busy.call("put", "lru", f"k{i}", VALUE)
    busy.call("put", "lru", "small", 1)
    before = daemon.resident_bytes()
    crowd = [daemon.connect() for _ in range(IDLE)]
    for _ in range(SLOW):
        crowd.append(daemon.connect())
        crowd[-1].pipeline(*[("get", "lru", f"k{i % 16}") for i in range(40)])
    for _ in range(HALF):
        crowd.append(daemon.connect())
        crowd[-1].send(HALF_FRAME)
    longest = 0.0
    for _ in range(300):
        began = time.monotonic()
        assert busy.call("get", "lru", "small") == [1]
        longest = max(longest, time.monotonic() - began)
    server = busy.call("info")["server"]
    assert server["buffer_bytes"] <= BUFFERS
    assert longest < 5.0
    if not sanitized:
        assert daemon.resident_bytes() - before <= BUFFERS + BESIDE
    for wire in crowd:
        wire.close()
    eventually(lambda: busy.call("info")["server"]["connections"] == 1)
    assert busy.call("info")["server"]["buffer_bytes"] < MEBIBYTE
