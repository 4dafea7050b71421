"""`info`: its fields, and what counts as a hit, a miss, a put, a delete."""

import time

import pytest

from clock import eventually

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}
FIELDS = {"name", "tier", "policy", "hits", "misses", "maxsize", "currsize", "max_bytes", "used_bytes", "max_age_ms"}
FIELDS |= {"puts", "deletes", "evictions", "expirations"}
DURABLE_FIELDS = FIELDS | {"dirty_entries", "dirty_bytes", "last_sync_ms", "sync_errors"}
DURABLE_FIELDS |= {"oldest_dirty_ms", "last_sync_duration_ms", "last_error"}
SERVER_FIELDS = {"version", "pid", "uptime_ms", "connections", "requests"}
SERVER_FIELDS |= {"memory_limit", "memory_used", "expiry_lag_ms", "bytes_in", "bytes_out"}
SERVER_FIELDS |= {"connections_accepted", "connections_closed", "connections_refused"}


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


def hits_and_misses(wire, cache):
    info = wire.call("info", cache)
    return info["hits"], info["misses"]


@pytest.mark.parametrize("tier", TIERS)
def test_info_of_a_cache_has_its_fields(wire, open_cache, tier):
    cache = open_cache(tier, **TIERS[tier])
    info = wire.call("info", cache)
    assert (DURABLE_FIELDS if tier == "durable" else FIELDS) <= set(info)
    assert (info["name"], info["tier"], info["policy"]) == (cache, tier, "lru")
    assert info["max_age_ms"] == TIERS[tier].get("max_age_ms")
    for field in ("hits", "misses", "currsize", "used_bytes", "puts", "deletes", "evictions", "expirations"):
        assert info[field] == 0, field


def test_maxsize_is_in_entries_and_nil_when_unbounded(wire, open_cache):
    assert wire.call("info", open_cache())["maxsize"] is None
    assert wire.call("info", open_cache(max_bytes=1 << 20))["maxsize"] is None
    assert wire.call("info", open_cache(max_entries=7))["maxsize"] == 7
    assert wire.call("info", open_cache(max_bytes=1 << 20))["max_bytes"] == 1 << 20
    assert wire.call("info", open_cache("durable"))["maxsize"] is None


def test_info_without_a_cache_tells_the_server_and_every_cache(wire, daemon, cache):
    wire.call("put", cache, "k", 1)
    info = wire.call("info")
    assert {"server", "caches", "methods"} <= set(info)
    assert SERVER_FIELDS <= set(info["server"])
    assert info["server"]["pid"] == daemon.pid
    assert {"lru", "ttl", "durable", cache} <= set(info["caches"])
    without_age = {"oldest_dirty_ms": None}  # an age goes on between two calls
    assert info["caches"][cache] | without_age == wire.call("info", cache) | without_age
    assert info["server"]["version"] == wire.call("hello")["version"]


@pytest.mark.parametrize("options", [None, {}, {"buckets": False}, {"buckets": True}], ids=str)
def test_info_without_a_cache_takes_options(wire, options):
    assert "server" in wire.call("info", options)


def test_uptime_connections_and_requests_grow(wire, connect):
    before = wire.call("info")["server"]
    connect().call("ping")
    time.sleep(0.01)
    after = wire.call("info")["server"]
    assert after["uptime_ms"] >= before["uptime_ms"] + 10
    assert after["requests"] > before["requests"]
    assert after["connections"] >= before["connections"] + 1


def test_connections_that_close_are_counted_down(wire, connect):
    others = [connect() for _ in range(10)]
    for other in others:
        other.call("ping")
    before = wire.call("info")["server"]["connections"]
    for other in others:
        other.close()
    eventually(lambda: wire.call("info")["server"]["connections"] <= before - 10)


def test_memory_used_follows_what_is_stored(wire, open_cache):
    cache = open_cache()
    before = wire.call("info")["server"]["memory_used"]
    wire.call("put", cache, "k", b"x" * (4 << 20))
    full = wire.call("info")["server"]["memory_used"]
    assert full - before >= 4 << 20
    wire.call("delete", cache, "k")
    assert wire.call("info")["server"]["memory_used"] <= full - (4 << 20)


def test_a_hit_is_what_get_and_get_many_and_lease_answered_with_a_value(wire, cache):
    wire.call("put", cache, "k", 1)
    wire.call("get", cache, "k")
    assert hits_and_misses(wire, cache) == (1, 0)
    wire.call("get", cache, "k", {"meta": True})
    assert hits_and_misses(wire, cache) == (2, 0)
    wire.call("get_many", cache, ["k", "k", "absent"])
    assert hits_and_misses(wire, cache) == (4, 1)
    wire.call("lease", cache, "k")
    assert hits_and_misses(wire, cache) == (5, 1)


def test_a_miss_is_what_they_answered_without(wire, connect, cache):
    wire.call("get", cache, "absent")
    assert hits_and_misses(wire, cache) == (0, 1)
    wire.call("get_many", cache, ["a", "b"])
    assert hits_and_misses(wire, cache) == (0, 3)
    wire.call("lease", cache, "leased")  # a token
    assert hits_and_misses(wire, cache) == (0, 4)
    assert connect().call("lease", cache, "leased", {"wait_ms": 0}) is None
    assert hits_and_misses(wire, cache) == (0, 5)
    assert connect().call("lease", cache, "leased", {"wait_ms": 1}) is None
    assert hits_and_misses(wire, cache) == (0, 6)
    wire.call("put", cache, "expired", 1, {"ttl_ms": 0})
    wire.call("get", cache, "expired")
    assert hits_and_misses(wire, cache) == (0, 7)


def test_a_lease_that_waited_counts_as_what_it_answered(connect, cache):
    holder, waiter = connect(), connect()
    token = holder.call("lease", cache, "k")
    waiting = waiter.request("lease", cache, "k")
    waiter.call("ping")
    before = hits_and_misses(holder, cache)
    assert before == (0, 1), "a wait counts when it is answered"
    holder.call("put", cache, "k", 1, {"lease": token})
    assert waiter.result(waiting) == [1]
    assert hits_and_misses(holder, cache) == (1, 1)


def test_nothing_else_counts_as_hit_or_miss(wire, cache):
    wire.call("put", cache, "k", 1)
    for key in ("k", "absent"):
        wire.call("put", cache, key, 1, {"if": "present"})
        wire.call("put", cache, "k", 1, {"if": "absent"})
        wire.call("touch", cache, key)
        wire.call("increment", cache, "n" + key, 1)
        wire.call("increment", cache, "n" + key, 1)
        wire.call("delete", cache, key)
        wire.call("delete_many", cache, [key])
        wire.call("release", cache, key, 1)
    wire.call("put_many", cache, [["a", 1], ["a", 2]])
    wire.call("keys", cache)
    wire.call("info", cache)
    wire.call("clear", cache)
    assert hits_and_misses(wire, cache) == (0, 0)


def test_puts_and_deletes_are_counted(wire, cache):
    wire.call("put", cache, "a", 1)
    wire.call("put", cache, "a", 2)
    wire.call("put_many", cache, [["b", 1], ["c", 1]])
    wire.call("put", cache, "a", 1, {"if": "absent"})  # does not hold
    assert wire.call("info", cache)["puts"] == 4
    wire.call("delete", cache, "a")
    wire.call("delete", cache, "absent")
    wire.call("delete_many", cache, ["b", "absent"])
    assert wire.call("info", cache)["deletes"] == 2
    assert wire.call("info", cache)["currsize"] == 1


def test_expirations_are_counted_once_each(wire, cache):
    wire.call("put_many", cache, [[f"k{i}", i] for i in range(20)], {"ttl_ms": 1})
    eventually(lambda: wire.call("info", cache)["expirations"] == 20)
    wire.call("get_many", cache, [f"k{i}" for i in range(20)])
    time.sleep(0.1)
    assert wire.call("info", cache)["expirations"] == 20


def test_a_durable_cache_tells_what_is_dirty(wire, open_cache):
    cache = open_cache("durable")
    assert wire.call("info", cache)["last_sync_ms"] is None
    before_ms = time.time() * 1000
    wire.call("put", cache, "k", b"x" * 1000)
    wire.call("put", cache, "j", b"x" * 1000)
    info = wire.call("info", cache)
    if info["last_sync_ms"] is None:  # no checkpoint came in between
        assert info["dirty_entries"] == 2 and info["dirty_bytes"] >= 2000
    wire.call("sync", cache)
    info = wire.call("info", cache)
    assert (info["dirty_entries"], info["dirty_bytes"], info["sync_errors"]) == (0, 0, 0)
    assert before_ms - 5 <= info["last_sync_ms"] <= time.time() * 1000 + 5
    assert info["currsize"] == 2


def test_expiry_lag_is_below_a_second(wire, cache):
    wire.call("put_many", cache, [[f"k{i}", i] for i in range(500)], {"ttl_ms": 50})
    eventually(lambda: wire.call("info", cache)["expirations"] == 500)
    assert 0 <= wire.call("info")["server"]["expiry_lag_ms"] <= 1000
