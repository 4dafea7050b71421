"""Large values make their room while they arrive, in steps, and not in the one step that stores them."""

import pytest

from clock import eventually
from wire import request_bytes

LARGE = 6 << 20
PART = 4 << 20


@pytest.fixture
def full(start_daemon):
    """A daemon whose memory is full of small entries."""
    daemon = start_daemon("--memory-limit", "16M")
    wire = daemon.connect()
    for start in range(0, 40_000, 5_000):
        pairs = [[f"k{i}", "v" * 500] for i in range(start, start + 5_000)]
        wire.call("put_many", "lru", pairs)
    assert evictions(wire) > 0
    return daemon


def evictions(wire):
    return wire.call("info", "lru")["evictions"]


@pytest.mark.parametrize("method", ["put", "put_many"])
def test_room_is_made_before_the_value_is_there(full, method):
    observer, sender = full.connect(), full.connect()
    before = evictions(observer)
    value = b"x" * LARGE
    params = ("lru", "large", value) if method == "put" else ("lru", [["large", value]])
    request = request_bytes(7, method, *params)
    sender.send(request[:PART])
    # The entries of about as much as has arrived, with some of what stands beside them.
    wanted = PART // 700
    eventually(lambda: evictions(observer) - before >= wanted)
    made = evictions(observer) - before
    sender.send(request[PART:])
    sender.result(7)
    assert observer.call("get", "lru", "large") == [value]
    assert evictions(observer) - before < 2 * LARGE // 500
    assert evictions(observer) - before > made


def test_a_large_request_that_writes_nothing_makes_no_room(full):
    observer, sender = full.connect(), full.connect()
    before = evictions(observer)
    request = request_bytes(7, "get_many", "lru", ["k" * 1000] * 6_000)
    sender.send(request[:PART])
    observer.call("ping")
    sender.send(request[PART:])
    assert sender.result(7) == [None] * 6_000
    assert evictions(observer) == before


def test_a_client_that_leaves_in_the_middle_leaves_room_behind_and_nothing_else(full):
    observer, sender = full.connect(), full.connect()
    before = evictions(observer)
    sender.send(request_bytes(7, "put", "lru", "large", b"x" * LARGE)[:PART])
    eventually(lambda: evictions(observer) > before)
    sender.close()
    assert observer.call("get", "lru", "large") is None
    # What was made room for is taken by others again before anything goes for them.
    eventually(lambda: observer.call("info")["server"]["connections"] == 1)
    made = evictions(observer)
    for i in range(1_000):
        observer.call("put", "lru", f"new{i}", "v" * 500)
    assert evictions(observer) == made
