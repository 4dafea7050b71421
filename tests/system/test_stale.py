"""Stale values: past the deadline, within `stale_ms`, for `lease` alone."""

import pytest

from clock import pass_deadline, sleep_ms

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}
LONG = {"lease_ms": 600_000, "wait_ms": 600_000}


@pytest.fixture(params=TIERS)
def tier(request):
    return request.param


@pytest.fixture
def cache(open_cache, tier):
    return open_cache(tier, **TIERS[tier])


@pytest.fixture
def stale(wire, cache):
    """A cache whose `k` is past its deadline and stale for ten minutes."""
    wire.call("put", cache, "k", "old", {"ttl_ms": 0, "stale_ms": 600_000})
    return cache


def test_one_gets_the_stale_value_with_a_token_and_the_others_without_at_once(connect, stale):
    holder, other, third = connect(), connect(), connect()
    value, token = holder.call("lease", stale, "k", LONG)
    assert value == "old" and isinstance(token, int)
    assert other.call("lease", stale, "k", LONG) == ["old", None]
    assert third.call("lease", stale, "k", {"wait_ms": 0}) == ["old", None]
    assert holder.call("lease", stale, "k", LONG) == ["old", None]


def test_a_refresh_makes_it_fresh_for_everyone(connect, stale):
    holder, other = connect(), connect()
    _, token = holder.call("lease", stale, "k", LONG)
    assert holder.call("put", stale, "k", "new", {"lease": token}) > 0
    assert other.call("lease", stale, "k", LONG) == ["new"]
    assert other.call("get", stale, "k") == ["new"]


def test_after_release_the_next_asker_gets_the_token(connect, stale):
    holder, other = connect(), connect()
    _, token = holder.call("lease", stale, "k", LONG)
    assert holder.call("release", stale, "k", token) is True
    value, again = other.call("lease", stale, "k", LONG)
    assert value == "old" and isinstance(again, int) and again != token


def test_after_the_lease_ended_by_time_the_next_asker_gets_the_token(wire, stale):
    _, token = wire.call("lease", stale, "k", {"lease_ms": 1})
    sleep_ms(50)
    value, again = wire.call("lease", stale, "k", LONG)
    assert value == "old" and isinstance(again, int) and again != token


def test_the_holders_disconnect_frees_the_token(connect, stale):
    holder, other = connect(), connect()
    holder.call("lease", stale, "k", LONG)
    holder.finish_sending()
    holder.read_to_end()
    assert isinstance(other.call("lease", stale, "k", LONG)[1], int)


def test_stale_ms_of_the_cache_counts_when_the_put_names_none(wire, open_cache, tier):
    cache = open_cache(tier, **{**TIERS[tier], "stale_ms": 600_000})
    wire.call("put", cache, "k", "old", {"ttl_ms": 0})
    assert wire.call("lease", cache, "k")[0] == "old"
    wire.call("put", cache, "j", "old", {"ttl_ms": 0, "stale_ms": 0})
    assert isinstance(wire.call("lease", cache, "j"), int)
    wire.call("put_many", cache, [["m", "old"]], {"ttl_ms": 0})
    assert wire.call("lease", cache, "m")[0] == "old"


def test_without_stale_ms_nothing_is_stale(wire, cache):
    wire.call("put", cache, "k", "old", {"ttl_ms": 0})
    assert isinstance(wire.call("lease", cache, "k"), int)


def test_a_value_is_stale_from_its_deadline_on_and_not_before(wire, cache):
    wire.call("put", cache, "k", "old", {"ttl_ms": 300, "stale_ms": 600_000})
    answer = wire.call("lease", cache, "k")
    assert answer == ["old"] or len(answer) == 2  # two: the machine was busy for 300 ms
    pass_deadline(300)
    answer = wire.call("lease", cache, "k")
    assert answer[0] == "old" and len(answer) == 2


def test_past_its_stale_window_nothing_is_answered(wire, cache):
    wire.call("put", cache, "k", "old", {"ttl_ms": 0, "stale_ms": 50})
    pass_deadline(50)
    assert isinstance(wire.call("lease", cache, "k"), int)


def test_stale_values_are_misses_for_everything_but_lease(wire, stale):
    assert wire.call("get", stale, "k") is None
    assert wire.call("get_many", stale, ["k"]) == [None]
    assert wire.call("keys", stale) == [None, []]
    assert wire.call("touch", stale, "k", {"ttl_ms": 1000}) is False
    assert wire.call("lease", stale, "k", LONG)[0] == "old"


def test_a_delete_takes_a_stale_value_away(wire, stale):
    assert wire.call("delete", stale, "k") is False
    assert isinstance(wire.call("lease", stale, "k"), int)


def test_clear_takes_stale_values_away_and_does_not_count_them(wire, stale):
    assert wire.call("clear", stale) == 0
    assert isinstance(wire.call("lease", stale, "k"), int)


def test_a_stale_answer_counts_as_a_hit(connect, wire, stale):
    before = wire.call("info", stale)
    wire.call("lease", stale, "k", LONG)
    connect().call("lease", stale, "k", LONG)
    after = wire.call("info", stale)
    assert after["hits"] - before["hits"] == 2
    assert after["misses"] == before["misses"]


def test_a_value_that_becomes_stale_during_a_wait_stays_with_its_lease(connect, cache):
    holder, other = connect(), connect()
    token = holder.call("lease", cache, "k", LONG)
    holder.call("put", cache, "k", "short", {"lease": token, "ttl_ms": 1, "stale_ms": 600_000})
    pass_deadline(1)
    value, token = other.call("lease", cache, "k", LONG)
    assert value == "short" and isinstance(token, int)


def test_stale_ms_0_is_taken_and_2_to_the_53_too(wire, cache):
    assert wire.call("put", cache, "k", 1, {"stale_ms": 0}) > 0
    assert wire.call("put", cache, "k", 1, {"ttl_ms": 0, "stale_ms": 2**53}) > 0
    assert wire.call("lease", cache, "k")[0] == 1
