"""`hot`: the keys that are used most, and the largest values of those in memory."""

import pytest

from clock import eventually


def keys_of(told):
    return [each["key"] for each in told]


@pytest.mark.parametrize("tier", ["lru", "durable"])
def test_the_largest_values_are_told_from_the_top(wire, open_cache, tier):
    cache = open_cache(tier)
    wire.call("put_many", cache, [[f"k{i}", b"x" * i] for i in range(200, 3000)])
    if tier == "durable":
        wire.call("sync", cache)  # clean ones count too
    told = wire.call("hot", cache)
    assert keys_of(told["largest"]) == [f"k{i}" for i in range(2999, 2989, -1)]
    assert told["largest"][0]["value_bytes"] == 2999 + 3
    assert keys_of(wire.call("hot", cache, {"limit": 2})["largest"]) == ["k2999", "k2998"]


def test_the_most_used_keys_are_told_whichever_way_they_were_read(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "lru", [[f"k{i}", i] for i in range(1000)])
    for _ in range(20):
        for msgid in wire.pipeline(*[("get", "lru", "k1")] * 300):
            wire.reply(msgid)
        wire.call("get_many", "lru", ["k2"] * 200)
        for msgid in wire.pipeline(*[("get", "lru", "k3", {"meta": True})] * 100):
            wire.reply(msgid)
        wire.call("get_many", "lru", [f"k{i}" for i in range(10, 60)])
    used = wire.call("hot", "lru", {"limit": 3})["most_used"]
    assert keys_of(used) == ["k1", "k2", "k3"]
    for each, hits in zip(used, (6000, 4000, 2000)):
        assert hits / 2 < each["hits"] < hits * 2
        assert each["hits_min"] <= each["hits"] and each["value_bytes"] == 1


def test_misses_and_writes_do_not_count_as_use(own_daemon):
    wire = own_daemon.connect()
    for _ in range(10):
        for msgid in wire.pipeline(*[("get", "lru", "absent")] * 200, *[("put", "lru", "k", 1)] * 200):
            wire.reply(msgid)
    assert wire.call("hot", "lru")["most_used"] == []


def test_each_cache_tells_its_own_keys(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "lru", "k", 1)
    wire.call("put", "ttl", "t", 1)
    for name, key in (("lru", "k"), ("ttl", "t")):
        wire.call("get_many", name, [key] * 500)
    assert keys_of(wire.call("hot", "lru")["most_used"]) == ["k"]
    assert keys_of(wire.call("hot", "ttl")["most_used"]) == ["t"]


def test_others_are_served_while_a_large_cache_is_looked_at(wire, connect, open_cache):
    cache = open_cache()
    for start in range(0, 200_000, 50_000):
        wire.call("put_many", cache, [[f"k{i}", i] for i in range(start, start + 50_000)])
    waiting = wire.request("hot", cache)
    other = connect()
    for _ in range(5):
        other.call("ping")
    told = wire.result(waiting)
    assert len(told["largest"]) == 10


def test_more_than_four_at_once_are_overloaded(wire, open_cache):
    cache = open_cache()
    wire.call("put_many", cache, [[f"k{i}", i] for i in range(20_000)])
    errors = [wire.reply(msgid).error for msgid in wire.pipeline(*[("hot", cache)] * 6)]
    assert errors[:4] == [None] * 4
    assert [error.partition(":")[0] for error in errors[4:]] == ["overloaded"] * 2
    assert len(wire.call("hot", cache)["largest"]) == 10


def test_an_empty_cache_has_nothing_hot_and_an_unknown_one_is_an_error(wire, open_cache):
    assert wire.call("hot", open_cache()) == {"most_used": [], "largest": []}
    wire.fails("unknown_cache", "hot", "nowhere")
    for limit in (0, 101, -1):
        wire.fails("bad_request", "hot", "lru", {"limit": limit})


def test_a_cache_that_is_dropped_meanwhile_is_unknown(wire, open_cache):
    cache = open_cache()
    for start in range(0, 200_000, 50_000):
        wire.call("put_many", cache, [[f"k{i}", i] for i in range(start, start + 50_000)])
    waiting = wire.request("hot", cache)
    wire.call("drop", cache)
    response = wire.reply(waiting)
    assert response.error is None or response.error.startswith("unknown_cache")
    eventually(lambda: wire.call("ping") == "pong")
