"""Requests that take longer than slow_request are in the log, but for those that wait for another's lease."""

import re
import time

import pytest

from clock import eventually
from wire import Raw, encode

PAIRS = Raw(encode([[f"k{i}", b"x" * 100] for i in range(50_000)]))


@pytest.fixture
def strict(start_daemon):
    """A daemon to which every request of more than two milliseconds is slow, whichever it is on a slow machine."""
    return start_daemon("--slow-request", "2ms")


def slow_lines(daemon, method=""):
    """What is told of requests of that method. Slow requests are told before they are answered."""
    return re.findall(rf"slow request: ({method}\b.*)", daemon.log())


def first_told(daemon, *request):
    """Makes a slow request until one is told of, which is at once unless another was told of just before; the line."""
    wire = daemon.connect()
    return eventually(lambda: wire.call(*request) and slow_lines(daemon, request[0]))[0]


def test_a_slow_request_is_told_with_cache_and_keys_and_time(strict):
    line = first_told(strict, "put_many", "lru", PAIRS)
    assert re.fullmatch(r'put_many of "lru", 50000 keys took \d+ ms, on connection \d+ of pid \d+, uid \d+(; \d+ others.*)?',
                        line), line


def test_a_put_that_waits_for_the_disk_is_told_with_its_key(start_daemon):
    for options in [{"sync": True}, {"keep_ttl": False, "sync": True}]:
        daemon = start_daemon("--slow-request", "1ms")
        line = first_told(daemon, "put", "durable", "key", 1, options)
        assert re.match(r'put of "durable", key "key" took \d+ ms, waiting for entries to be written to disk, on', line), line


def test_one_line_a_second_says_how_many_others_there_were(strict):
    began = time.monotonic()
    first_told(strict, "put_many", "lru", PAIRS)
    wire, told_before = strict.connect(), len(slow_lines(strict))
    for _ in range(3):
        wire.call("put_many", "lru", PAIRS)
    time.sleep(1.1)
    wire.call("put_many", "lru", PAIRS)
    lines = slow_lines(strict)[told_before:]
    # All three are others, where the machine is fast enough for them to be within a second.
    others = [int(number) for number in re.findall(r"; (\d+) others since the last such line", "\n".join(lines))]
    assert len(lines) + sum(others) == 4
    assert 1 <= len(lines) < time.monotonic() - began


def test_waiting_for_anothers_lease_is_not_slow(start_daemon):
    daemon = start_daemon("--slow-request", "30ms")
    holder, waiter = daemon.connect(), daemon.connect()
    holder.call("lease", "lru", "k")
    told_before = slow_lines(daemon, "lease")  # of the first, which waits for nobody, on a slow machine
    waiting = waiter.request("lease", "lru", "k")
    waiter.call("ping")
    time.sleep(0.1)
    holder.call("put", "lru", "k", 1)
    assert waiter.result(waiting) == [1]
    assert slow_lines(daemon, "lease") == told_before


def test_0_tells_of_none(start_daemon):
    daemon = start_daemon("--slow-request", "0")
    daemon.connect().call("put_many", "lru", PAIRS)
    assert slow_lines(daemon) == []


def test_a_key_in_the_log_is_quoted_and_cut(strict):
    key = "a\n\x1b" + "k" * 1000
    # Not bytes alone: those are where they stay before the request begins.
    line = first_told(strict, "put", "lru", key, [b"x" * (30 << 20)])
    assert r'put of "lru", key "a\n\x1bkkk' in line and "(1003 bytes)" in line
    assert len(line) < 300
