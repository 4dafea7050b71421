"""Limits of clients: each is told by `hello` and refused with `overloaded`; within it, all is served."""

import pytest

from clock import eventually
from wire import Closed, check_error

LONG = {"lease_ms": 600_000, "wait_ms": 600_000}


@pytest.fixture
def limits(wire):
    return wire.call("hello")["limits"]


def test_more_leases_than_the_limit_are_overloaded(connect, open_cache, limits):
    holder, cache = connect(), open_cache()
    leases_max = limits["max_leases"]
    ids = holder.pipeline(*[("lease", cache, f"k{i}", LONG) for i in range(leases_max)])
    tokens = holder.results(ids)
    assert len(set(tokens)) == leases_max
    assert str(leases_max) in holder.fails("overloaded", "lease", cache, "more").replace(",", "")
    assert holder.call("release", cache, "k0", tokens[0]) is True
    assert isinstance(holder.call("lease", cache, "more"), int)


def test_more_waiting_requests_than_the_limit_are_overloaded(connect, open_cache, limits):
    holder, waiter, cache = connect(), connect(), open_cache()
    token = holder.call("lease", cache, "k", LONG)
    waiting_max = limits["max_waiting"]
    ids = waiter.pipeline(*[("lease", cache, "k", LONG) for _ in range(waiting_max)])
    text = waiter.fails("overloaded", "lease", cache, "k", LONG)
    assert str(waiting_max) in text.replace(",", "")
    assert waiter.call("get", cache, "k") is None
    holder.call("put", cache, "k", 1, {"lease": token})
    assert waiter.results(ids) == [[1]] * waiting_max


def test_the_limits_of_one_connection_leave_the_others_alone(connect, open_cache, limits):
    holder, other, cache = connect(), connect(), open_cache()
    holder.results(holder.pipeline(*[("lease", cache, f"k{i}", LONG) for i in range(limits["max_leases"])]))
    assert isinstance(other.call("lease", cache, "mine", LONG), int)


def test_more_subscriptions_than_the_limit_are_overloaded(connect, new_name, limits):
    wire = connect()
    names = [new_name() for _ in range(limits["max_subscriptions"] + 1)]
    wire.results(wire.pipeline(*[("open", name, {"tier": "lru"}) for name in names]))
    wire.results(wire.pipeline(*[("subscribe", name) for name in names[:-1]]))
    wire.fails("overloaded", "subscribe", names[-1])
    assert "sequence" in wire.call("subscribe", names[0]), "to subscribe again needs no room"
    for name in names:
        wire.call("drop", name)


def test_a_prefix_that_is_longer_than_any_key_is_too_large(wire, open_cache, limits):
    cache = open_cache()
    prefix = {"prefix": "p" * (limits["max_key"] + 1)}
    for method in ("keys", "clear", "subscribe"):
        assert "max_key" in wire.fails("too_large", method, cache, prefix)


def test_more_connections_than_the_limit_are_refused_and_told_why(start_daemon):
    daemon = start_daemon("--max-connections", "10")
    wires = [daemon.connect()]
    eventually(lambda: wires[0].call("info")["server"]["connections"] == 1)  # the one of the start is gone
    wires += [daemon.connect() for _ in range(9)]
    assert all(wire.call("ping") == "pong" for wire in wires)
    refused = daemon.connect()
    messages = refused.read_to_end()
    assert len(messages) == 1 and messages[0].msgid_bytes == b"\xc0"
    assert "10" in check_error(messages[0], "overloaded")
    wires[0].finish_sending()
    with pytest.raises(Closed):
        wires[0].receive()
    eventually(lambda: wires[1].call("info")["server"]["connections"] == 9)
    assert daemon.connect().call("ping") == "pong"


def test_more_caches_than_the_limit_are_overloaded(start_daemon):
    wire = start_daemon("--max-caches", "5").connect()
    assert wire.call("open", "a", {"tier": "lru"}) is True
    assert wire.call("open", "b", {"tier": "lru"}) is True
    assert "5" in wire.fails("overloaded", "open", "c", {"tier": "lru"})
    assert wire.call("open", "a", {"tier": "lru"}) is False
    wire.call("drop", "a")
    assert wire.call("open", "c", {"tier": "lru"}) is True


@pytest.mark.parametrize("method", ["get_many", "delete_many"])
def test_more_keys_in_a_request_than_the_limit_are_too_large(wire, open_cache, limits, method):
    cache, keys = open_cache(), ["k"] * limits["max_keys"]
    wire.call("put", cache, "k", 1)
    assert wire.call(method, cache, keys) in (1, [[1]] * len(keys))
    assert str(limits["max_keys"]) in wire.fails("too_large", method, cache, keys + ["k"]).replace(",", "")


def test_more_pairs_in_a_request_than_the_limit_are_too_large(wire, open_cache, limits):
    cache, pairs = open_cache(), [["k", 1]] * limits["max_keys"]
    assert len(wire.call("put_many", cache, pairs)) == len(pairs)
    wire.fails("too_large", "put_many", cache, pairs + [["new", 1]])
    assert wire.call("get", cache, "new") is None


def test_more_dirty_bytes_than_the_limit_are_overloaded_until_they_are_written(start_daemon):
    wire = start_daemon("--max-dirty", "1M", "--checkpoint-interval", "1h", "--checkpoint-bytes", "1M").connect()
    requests = [("put", "durable", f"k{i}", bytes([i]) * 200_000) for i in range(40)]
    replies = [wire.reply(msgid) for msgid in wire.pipeline(*requests)]
    refused = [reply.error for reply in replies if reply.error is not None]
    assert refused and all(error.startswith("overloaded: ") for error in refused)
    wire.call("sync")
    assert wire.call("put", "durable", "k", b"x" * 200_000) > 0
    for i, reply in enumerate(replies):
        assert wire.call("get", "durable", f"k{i}") == ([bytes([i]) * 200_000] if reply.error is None else None)
