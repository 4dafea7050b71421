"""`keys` and `clear`, in every tier."""

import pytest

from wire import RpcError

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


def fill(wire, cache, keys):
    keys = list(keys)
    for start in range(0, len(keys), 2000):
        wire.call("put_many", cache, [[key, key] for key in keys[start : start + 2000]])


def walk(wire, cache, between=lambda: None, **options):
    """All keys of a whole walk, and how many replies it took."""
    cursor, keys, replies = wire.call("keys", cache, options), [], 1
    keys += cursor[1]
    while cursor[0] is not None:
        between()
        cursor = wire.call("keys", cache, {**options, "cursor": cursor[0]})
        keys += cursor[1]
        replies += 1
        assert replies < 10_000, "the walk does not end"
    return keys, replies


def test_keys_of_an_empty_cache_end_at_once(wire, cache):
    assert wire.call("keys", cache) == [None, []]


def test_a_walk_sees_every_key_once_when_nothing_changes(wire, cache):
    wanted = [f"key{i}" for i in range(3500)]
    fill(wire, cache, wanted)
    keys, replies = walk(wire, cache)
    assert sorted(keys) == sorted(wanted)
    assert replies >= 4  # 1,000 unless a limit is given


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_walk_takes_steps_of_the_limit(wire, cache, limit):
    wanted = [f"key{i}" for i in range(150)]
    fill(wire, cache, wanted)
    first = wire.call("keys", cache, {"limit": limit})
    assert 0 <= len(first[1]) <= limit
    keys, replies = walk(wire, cache, limit=limit)
    assert sorted(set(keys)) == sorted(wanted)
    assert replies >= 150 / limit


def test_the_limit_is_10000_at_most(wire, cache):
    wanted = [f"key{i}" for i in range(10_500)]
    fill(wire, cache, wanted)
    assert len(wire.call("keys", cache, {"limit": 10_000})[1]) <= 10_000
    assert "10000" in wire.fails("bad_request", "keys", cache, {"limit": 10_001}).replace(",", "")
    keys, _ = walk(wire, cache, limit=10_000)
    assert sorted(keys) == sorted(wanted)


def test_keys_with_a_prefix_are_those_that_start_with_its_bytes(wire, cache):
    fill(wire, cache, ["a", "ab", "abc", "b", "ba", "aé"])
    assert sorted(walk(wire, cache, prefix="ab")[0]) == ["ab", "abc"]
    assert sorted(walk(wire, cache, prefix=b"a")[0]) == ["a", "ab", "abc", "aé"]
    assert walk(wire, cache, prefix="aé".encode()[:2])[0] == ["aé"]
    assert sorted(walk(wire, cache, prefix="")[0]) == ["a", "ab", "abc", "aé", "b", "ba"]
    assert walk(wire, cache, prefix="zzz")[0] == []
    assert walk(wire, cache, prefix="abcd")[0] == []


def test_a_prefix_walk_with_a_small_limit_finds_the_few_among_many(wire, cache):
    fill(wire, cache, [f"key{i}" for i in range(5000)] + ["rare1", "rare2"])
    assert sorted(walk(wire, cache, prefix="rare", limit=1)[0]) == ["rare1", "rare2"]


def test_every_key_that_lives_through_the_whole_walk_is_seen(connect, cache):
    walker, writer = connect(), connect()
    stay = [f"stay{i}" for i in range(1500)]
    fill(writer, cache, stay)
    fill(writer, cache, [f"go{i}" for i in range(1500)])
    changes = iter(range(1_000_000))

    def between():
        i = next(changes) * 100
        writer.call("delete_many", cache, [f"go{j}" for j in range(i, i + 100)])
        fill(writer, cache, [f"new{j}" for j in range(i, i + 300)])
        fill(writer, cache, stay[i % 1500 : i % 1500 + 50])

    keys, _ = walk(walker, cache, between, limit=100)
    assert set(stay) <= set(keys)


def test_a_walk_over_very_long_keys_answers_fewer_of_them_at_a_time(wire, open_cache):
    cache, limits = open_cache(), wire.call("hello")["limits"]
    count = limits["max_reply"] // 60_000 + 200
    for start in range(0, count, 100):
        ids = wire.pipeline(*[("put", cache, b"%06d" % i + b"k" * 60_000, 1) for i in range(start, start + 100)])
        wire.results(ids)
    keys, replies = walk(wire, cache, limit=10_000)
    assert len(set(keys)) == len(range(0, count, 100)) * 100 and replies > 1
    wire.call("drop", cache)


def test_a_walk_does_not_show_what_is_past_its_deadline(wire, cache):
    wire.call("put", cache, "gone", 1, {"ttl_ms": 0})
    wire.call("put", cache, "stale", 1, {"ttl_ms": 0, "stale_ms": 60_000})
    wire.call("put", cache, "here", 1, {"ttl_ms": 60_000})
    assert wire.call("keys", cache) == [None, ["here"]]


def test_a_walk_counts_neither_as_use_nor_as_hit(wire, open_cache):
    cache = open_cache(max_entries=3)
    fill(wire, cache, ["a", "b", "c"])
    walk(wire, cache)
    walk(wire, cache, prefix="a")
    info = wire.call("info", cache)
    assert (info["hits"], info["misses"]) == (0, 0)
    wire.call("put", cache, "d", 1)
    assert sorted(wire.call("keys", cache)[1]) == ["b", "c", "d"]


@pytest.mark.parametrize("cursor", ["", "x", "no cursor of this daemon", b"\xff\xff", "0", "-1", "9" * 40, "é" * 100])
def test_a_cursor_of_somebodys_own_is_harmless(wire, cache, cursor):
    fill(wire, cache, ["a", "b", "c"])
    try:
        following, keys = wire.call("keys", cache, {"cursor": cursor})
        assert set(keys) <= {"a", "b", "c"} and (following is None or isinstance(following, str))
    except RpcError as error:
        assert error.code == "bad_request"


def test_a_cursor_is_a_str(wire, cache):
    fill(wire, cache, [f"key{i}" for i in range(10)])
    cursor, _ = wire.call("keys", cache, {"limit": 2})
    assert isinstance(cursor, str)
    assert isinstance(wire.call("keys", cache, {"limit": 2, "cursor": cursor.encode()})[1], list)


def test_clear_answers_how_many_live_entries_went(wire, cache):
    assert wire.call("clear", cache) == 0
    fill(wire, cache, [f"key{i}" for i in range(2500)])
    wire.call("put", cache, "expired", 1, {"ttl_ms": 0})
    assert wire.call("clear", cache) == 2500
    assert wire.call("keys", cache) == [None, []]
    assert wire.call("get", cache, "key1") is None
    assert wire.call("clear", cache) == 0


def test_clear_with_a_prefix_leaves_the_others(wire, cache):
    fill(wire, cache, [f"user:{i}" for i in range(1200)] + ["use", "user", "other"])
    assert wire.call("clear", cache, {"prefix": "user:"}) == 1200
    assert sorted(wire.call("keys", cache)[1]) == ["other", "use", "user"]
    assert wire.call("clear", cache, {"prefix": b"us"}) == 2
    assert wire.call("clear", cache, {"prefix": "nothing"}) == 0
    assert wire.call("clear", cache, {"prefix": ""}) == 1


def test_counters_and_versions_go_on_after_clear(wire, cache):
    version = wire.call("put", cache, "k", 1)
    wire.call("get", cache, "k")
    wire.call("get", cache, "absent")
    wire.call("clear", cache)
    info = wire.call("info", cache)
    assert (info["hits"], info["misses"], info["puts"]) == (1, 1, 1)
    assert wire.call("put", cache, "k", 1) > version


def test_entries_written_after_clear_began_stay(wire, cache):
    wanted = [f"key{i}" for i in range(20_000)]
    fill(wire, cache, wanted)
    cleared, put, got, gone = wire.pipeline(
        ("clear", cache), ("put", cache, "key7", "new"), ("get", cache, "key7"), ("get", cache, "key8")
    )
    assert wire.result(got) == ["new"]
    assert wire.result(gone) is None
    assert wire.result(cleared) in (19_999, 20_000)  # whether clear or put took key7 away
    assert wire.result(put) > 0
    assert wire.call("get", cache, "key7") == ["new"]
    assert wire.call("keys", cache) == [None, ["key7"]]


def test_others_are_served_while_a_large_cache_is_cleared(connect, cache):
    clearer, other = connect(), connect()
    fill(clearer, cache, [f"key{i}" for i in range(20_000)])
    clearing = clearer.request("clear", cache)
    clearer.call("ping")  # it has begun
    other.call("put", cache, "new", 1)
    assert other.call("get", cache, "new") == [1]
    assert clearer.result(clearing) == 20_000


def test_used_bytes_fall_to_nothing_after_clear(wire, open_cache):
    cache = open_cache()
    fill(wire, cache, [f"key{i}" for i in range(1000)])
    assert wire.call("info", cache)["used_bytes"] > 0
    wire.call("clear", cache)
    info = wire.call("info", cache)
    assert (info["currsize"], info["used_bytes"]) == (0, 0)
