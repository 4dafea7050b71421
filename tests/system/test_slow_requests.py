"""Requests that take longer than slow_request are in the log, but for those that wait for another's lease."""

import re
import time

import pytest

from clock import eventually

PAIRS = [[f"k{i}", b"x" * 100] for i in range(50_000)]


@pytest.fixture
def strict(start_daemon):
    """A daemon to which every request of more than two milliseconds is slow."""
    return start_daemon("--slow-request", "2ms")


def slow_lines(daemon):
    return re.findall(r"slow request: (.*)", daemon.log())


def test_a_slow_request_is_told_with_cache_and_keys_and_time(strict):
    strict.connect().call("put_many", "lru", PAIRS)
    lines = eventually(lambda: slow_lines(strict))
    assert re.fullmatch(r'put_many of "lru", 50000 keys took \d+ ms, on connection \d+ of pid \d+, uid \d+', lines[0]), lines


def test_one_line_a_second_says_how_many_others_there_were(strict):
    wire = strict.connect()
    wire.call("put_many", "lru", PAIRS)
    began = time.monotonic()
    for _ in range(3):
        wire.call("put_many", "lru", PAIRS)
    if time.monotonic() - began > 0.9:
        return  # too slow a machine to be within a second
    assert len(slow_lines(strict)) == 1
    time.sleep(1.1)
    wire.call("put_many", "lru", PAIRS)
    lines = eventually(lambda: slow_lines(strict)[1:])
    assert lines[0].endswith("; 3 others since the last such line")


def test_waiting_for_anothers_lease_is_not_slow(strict):
    holder, waiter = strict.connect(), strict.connect()
    holder.call("lease", "lru", "k")
    waiting = waiter.request("lease", "lru", "k")
    waiter.call("ping")
    time.sleep(0.05)
    holder.call("put", "lru", "k", 1)
    assert waiter.result(waiting) == [1]
    assert not [line for line in slow_lines(strict) if line.startswith("lease")]


def test_0_tells_of_none(start_daemon):
    daemon = start_daemon("--slow-request", "0")
    daemon.connect().call("put_many", "lru", PAIRS)
    assert slow_lines(daemon) == []


def test_a_key_in_the_log_is_quoted_and_cut(strict):
    wire = strict.connect()
    key = "a\n\x1b" + "k" * 1000
    wire.call("put", "lru", key, b"x" * (30 << 20))
    lines = eventually(lambda: slow_lines(strict))
    assert r'put of "lru", key "a\n\x1bkkk' in lines[0] and "(1003 bytes)" in lines[0]
    assert len(lines[0]) < 300
