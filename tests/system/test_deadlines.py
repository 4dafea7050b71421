"""Deadlines: exact to the millisecond, for every method, in every tier; memory that comes back by itself."""

import pytest

from clock import CLOCK_STEP_MS, eventually, now_ms, pass_deadline, sleep_ms

# What a busy machine may be late by, from when it goes on.
BUSY_S = 2
TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}


@pytest.fixture(params=TIERS)
def tier(request):
    return request.param


@pytest.fixture
def cache(open_cache, tier):
    return open_cache(tier, **TIERS[tier])


def left_ms(wire, cache, key):
    return wire.call("get", cache, key, {"meta": True})[2]


@pytest.mark.parametrize("ttl_ms", [1, 30, 250])
def test_an_entry_is_a_hit_before_its_deadline_and_a_miss_from_it_on(wire, cache, ttl_ms):
    sent_ms = now_ms()
    wire.call("put", cache, "k", 1, {"ttl_ms": ttl_ms})
    put_ms = now_ms()
    while True:
        asked_ms = now_ms()
        hit = wire.call("get", cache, "k")
        answered_ms = now_ms()
        if hit is None:
            assert answered_ms >= sent_ms + ttl_ms - CLOCK_STEP_MS, "missed before its deadline"
            return
        assert asked_ms <= put_ms + ttl_ms + CLOCK_STEP_MS, "a hit past its deadline"


def test_a_hit_never_has_less_than_a_millisecond_left(wire, cache):
    wire.call("put", cache, "k", 1, {"ttl_ms": 50})
    while (hit := wire.call("get", cache, "k", {"meta": True})) is not None:
        assert 1 <= hit[2] <= 50


def test_ttl_0_is_past_its_deadline_at_once(wire, cache):
    assert wire.call("put", cache, "k", 1, {"ttl_ms": 0}) > 0
    assert wire.call("get", cache, "k") is None


# How an expired entry looks to every method; each line runs on an entry of its own.
EXPIRED_LOOKS_ABSENT = {
    "get": (("get", "k"), None),
    "get with meta": (("get", "k", {"meta": True}), None),
    "get_many": (("get_many", ["k"]), [None]),
    "delete": (("delete", "k"), False),
    "delete_many": (("delete_many", ["k"]), 0),
    "touch": (("touch", "k", {"ttl_ms": 60_000}), False),
    "increment": (("increment", "k", 1, {"initial": 10}), 11),
    "keys": (("keys",), [None, []]),
    "clear": (("clear",), 0),
    "put if present": (("put", "k", 2, {"if": "present"}), None),
    "a second put if present": (("put", "k", 2, {"if": "present", "keep_ttl": True}), None),
}


@pytest.mark.parametrize("method", EXPIRED_LOOKS_ABSENT)
@pytest.mark.parametrize("stale_ms", [0, 600_000])
def test_past_its_deadline_an_entry_is_absent_for_every_method(wire, cache, method, stale_ms):
    (name, *params), result = EXPIRED_LOOKS_ABSENT[method]
    wire.call("put", cache, "k", 5, {"ttl_ms": 0, "stale_ms": stale_ms})
    assert wire.call(name, cache, *params) == result


def test_past_its_deadline_no_version_matches_and_absent_holds(wire, cache):
    version = wire.call("put", cache, "k", 5, {"ttl_ms": 0, "stale_ms": 600_000})
    assert wire.call("delete", cache, "k", {"if": version}) is False
    assert wire.call("put", cache, "k", 6, {"if": version}) is None
    assert wire.call("put", cache, "k", 7, {"if": "absent"}) > version
    assert wire.call("get", cache, "k") == [7]


def test_past_its_deadline_a_lease_gets_a_token(wire, cache):
    wire.call("put", cache, "k", 5, {"ttl_ms": 0})
    assert isinstance(wire.call("lease", cache, "k", {"wait_ms": 0}), int)


def test_keep_ttl_of_an_expired_entry_does_not_revive_its_deadline(wire, cache, tier):
    wire.call("put", cache, "k", 5, {"ttl_ms": 0})
    wire.call("put", cache, "k", 6, {"keep_ttl": True, "ttl_ms": 300_000})
    assert 200_000 < left_ms(wire, cache, "k") <= 300_000


def test_a_put_without_ttl_takes_the_caches_max_age(wire, open_cache, tier):
    cache = open_cache(tier, max_age_ms=400_000)
    wire.call("put", cache, "k", 1, {"ttl_ms": 5_000})
    wire.call("put", cache, "k", 2)
    assert 300_000 < left_ms(wire, cache, "k") <= 400_000


def test_a_put_without_ttl_and_max_age_does_not_expire(wire, open_cache):
    for tier in ("lru", "durable"):
        cache = open_cache(tier)
        wire.call("put", cache, "k", 1, {"ttl_ms": 5_000})
        wire.call("put", cache, "k", 2)
        assert left_ms(wire, cache, "k") is None


def test_ttl_nil_means_no_deadline(wire, open_cache):
    for tier in ("lru", "durable"):
        cache = open_cache(tier, max_age_ms=1000)
        wire.call("put", cache, "k", 1, {"ttl_ms": None})
        assert left_ms(wire, cache, "k") is None


def test_ttl_may_exceed_max_age(wire, open_cache, tier):
    cache = open_cache(tier, max_age_ms=1_000)
    wire.call("put", cache, "k", 1, {"ttl_ms": 500_000})
    assert 400_000 < left_ms(wire, cache, "k") <= 500_000


def test_keep_ttl_keeps_the_deadline_of_a_live_entry(wire, cache):
    wire.call("put", cache, "k", 1, {"ttl_ms": 300_000})
    wire.call("put", cache, "k", 2, {"keep_ttl": True, "ttl_ms": 5})
    assert wire.call("get", cache, "k") == [2]
    assert 200_000 < left_ms(wire, cache, "k") <= 300_000


def test_keep_ttl_keeps_that_an_entry_has_no_deadline(wire, open_cache):
    for tier in ("lru", "durable"):
        cache = open_cache(tier, max_age_ms=1_000)
        wire.call("put", cache, "k", 1, {"ttl_ms": None})
        wire.call("put", cache, "k", 2, {"keep_ttl": True})
        assert left_ms(wire, cache, "k") is None


def test_keep_ttl_with_none_live_lets_the_other_options_count(wire, open_cache, tier):
    cache = open_cache(tier, max_age_ms=400_000)
    wire.call("put", cache, "a", 1, {"keep_ttl": True, "ttl_ms": 200_000})
    wire.call("put", cache, "b", 1, {"keep_ttl": True})
    assert 100_000 < left_ms(wire, cache, "a") <= 200_000
    assert 300_000 < left_ms(wire, cache, "b") <= 400_000


def test_keep_ttl_keeps_the_stale_window_of_a_live_entry(wire, cache):
    wire.call("put", cache, "k", 1, {"ttl_ms": 40, "stale_ms": 600_000})
    kept = wire.call("put", cache, "k", 2, {"keep_ttl": True, "if": "present"})
    pass_deadline(40)
    answer = wire.call("lease", cache, "k", {"wait_ms": 0})
    if kept is None:  # a machine so busy that it had expired before
        assert isinstance(answer, list) and answer[0] == 1
    else:
        assert isinstance(answer, list) and answer[0] == 2 and isinstance(answer[1], int)


@pytest.mark.parametrize("tier_name", ["lru", "ttl"])
def test_memory_comes_back_within_a_second_without_any_request(wire, open_cache, tier_name):
    cache = open_cache(tier_name, **TIERS[tier_name])
    for ttl_ms in (1, 20, 300, 700):
        wire.call("put_many", cache, [[f"{ttl_ms}-{i}", "x" * 500] for i in range(500)], {"ttl_ms": ttl_ms})
    wire.call("put", cache, "stays", 1, {"ttl_ms": 600_000})
    sleep_ms(700 + 1000)
    eventually(lambda: wire.call("info", cache)["currsize"] == 1, BUSY_S)
    info = wire.call("info", cache)
    assert info["expirations"] == 2000
    assert info["evictions"] == 0
    assert info["used_bytes"] < 1000


def test_memory_of_stale_entries_comes_back_after_their_window(wire, open_cache):
    cache = open_cache()
    ids = wire.pipeline(("put", cache, "k", 1, {"ttl_ms": 0, "stale_ms": 300}), ("info", cache))
    assert wire.results(ids)[1]["currsize"] == 1
    sleep_ms(300 + 1000)
    eventually(lambda: wire.call("info", cache)["currsize"] == 0, BUSY_S)


def test_expired_entries_go_before_any_live_one(wire, open_cache):
    cache = open_cache(max_entries=10)
    wire.call("put_many", cache, [[f"live{i}", i] for i in range(5)])
    wire.call("put_many", cache, [[f"dead{i}", i] for i in range(5)], {"ttl_ms": 0})
    wire.call("put_many", cache, [[f"new{i}", i] for i in range(5)])
    assert wire.call("get_many", cache, [f"live{i}" for i in range(5)]) == [[i] for i in range(5)]
    info = wire.call("info", cache)
    assert (info["evictions"], info["expirations"]) == (0, 5)


def test_expired_entries_go_before_any_live_one_when_bytes_are_short(wire, open_cache):
    cache = open_cache(max_bytes=100_000)
    wire.call("put_many", cache, [[f"live{i}", b"x" * 10_000] for i in range(4)])
    wire.call("put_many", cache, [[f"dead{i}", b"x" * 10_000] for i in range(4)], {"ttl_ms": 0})
    wire.call("put_many", cache, [[f"new{i}", b"x" * 10_000] for i in range(4)])
    assert all(wire.call("get_many", cache, [f"live{i}" for i in range(4)]))
    assert wire.call("info", cache)["evictions"] == 0


def test_stale_entries_go_before_live_ones(wire, open_cache):
    cache = open_cache(max_entries=10)
    wire.call("put_many", cache, [[f"live{i}", i] for i in range(5)])
    for i in range(5):
        wire.call("put", cache, f"stale{i}", i, {"ttl_ms": 0, "stale_ms": 600_000})
    wire.call("put_many", cache, [[f"new{i}", i] for i in range(3)])
    assert wire.call("get_many", cache, [f"live{i}" for i in range(5)]) == [[i] for i in range(5)]
    assert wire.call("info", cache)["currsize"] == 10


def test_an_overwritten_entry_does_not_expire_at_its_old_deadline(wire, cache):
    wire.call("put", cache, "k", 1, {"ttl_ms": 20})
    wire.call("put", cache, "k", 2, {"ttl_ms": 600_000})
    wire.call("put", cache, "t", 1, {"ttl_ms": 600_000})
    wire.call("touch", cache, "t", {"ttl_ms": 20})
    pass_deadline(20)
    assert wire.call("get", cache, "k") == [2]
    assert wire.call("get", cache, "t") is None


def test_many_deadlines_are_all_kept(wire, cache):
    wire.call("put_many", cache, [[f"long{i}", i] for i in range(500)], {"ttl_ms": 600_000})
    wire.call("put_many", cache, [[f"short{i}", i] for i in range(500)], {"ttl_ms": 100})
    pass_deadline(100)
    assert wire.call("get_many", cache, [f"short{i}" for i in range(500)]) == [None] * 500
    assert wire.call("get_many", cache, [f"long{i}" for i in range(500)]) == [[i] for i in range(500)]
