"""`get_many`, `put_many`, `delete_many`, `touch` and `increment` in every tier."""

import pytest

from wire import Raw, items_of

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


def left_ms(wire, cache, key):
    return wire.call("get", cache, key, {"meta": True})[2]


def test_get_many_answers_in_the_order_of_the_keys(wire, cache):
    wire.call("put_many", cache, [["a", 1], ["b", None], ["c", [3]]])
    assert wire.call("get_many", cache, ["c", "absent", "a", "b", "a"]) == [[[3]], None, [1], [None], [1]]
    assert wire.call("get_many", cache, []) == []


def test_put_many_answers_a_version_each_and_the_last_of_equal_keys_stays(wire, cache):
    versions = wire.call("put_many", cache, [["a", 1], ["b", 2], ["a", 3]])
    assert len(versions) == 3
    assert wire.call("get", cache, "a", {"meta": True})[:2] == [3, versions[2]]
    assert wire.call("get", cache, "b", {"meta": True})[:2] == [2, versions[1]]
    assert wire.call("put_many", cache, []) == []


def test_put_many_gives_all_entries_the_deadline(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("put_many", cache, [["a", 1], ["b", 2]], {"ttl_ms": 100_000})
    assert all(50_000 < left_ms(wire, cache, key) <= 100_000 for key in "ab")
    wire.call("put_many", cache, [["a", 1], ["b", 2]])
    assert all(500_000 < left_ms(wire, cache, key) <= 600_000 for key in "ab")
    wire.call("put_many", cache, [["a", 1]], {"ttl_ms": None})
    assert left_ms(wire, cache, "a") is None
    wire.call("put_many", cache, [["a", 1], ["b", 2]], {"ttl_ms": 0})
    assert wire.call("get_many", cache, ["a", "b"]) == [None, None]


def test_put_many_is_checked_whole_before_anything_is_written(wire, cache):
    wire.call("put", cache, "a", "old")
    value_max = wire.call("hello")["limits"]["max_value"]
    wire.fails("bad_request", "put_many", cache, [["a", "new"], ["b"]])
    wire.fails("bad_request", "put_many", cache, [["a", "new"], ["", 1]])
    wire.fails("too_large", "put_many", cache, [["a", "new"], ["x" * 65_536, 1]])
    wire.fails("too_large", "put_many", cache, [["a", "new"], ["b", b"x" * value_max]])
    wire.fails("bad_request", "put_many", cache, [["a", "new"]], {"ttl_ms": -1})
    assert wire.call("get_many", cache, ["a", "b"]) == [["old"], None]


def test_put_many_with_an_entry_that_cannot_fit_writes_nothing(wire, open_cache):
    cache = open_cache(max_bytes=100_000)
    wire.call("put", cache, "a", "old")
    wire.fails("out_of_memory", "put_many", cache, [["a", "new"], ["b", b"x" * 200_000]])
    assert wire.call("get_many", cache, ["a", "b"]) == [["old"], None]


def test_delete_many_counts_what_was_live(wire, cache):
    wire.call("put_many", cache, [["a", 1], ["b", 2], ["c", 3]])
    assert wire.call("delete_many", cache, ["a", "absent", "b", "a"]) == 2
    assert wire.call("get_many", cache, ["a", "b", "c"]) == [None, None, [3]]
    assert wire.call("delete_many", cache, []) == 0


def test_thousands_of_keys_fit_in_one_request(wire, cache):
    pairs = [[f"key{i}", i] for i in range(5000)]
    assert len(set(wire.call("put_many", cache, pairs))) == 5000
    assert wire.call("get_many", cache, [key for key, _ in pairs]) == [[i] for i in range(5000)]
    assert wire.call("delete_many", cache, [key for key, _ in pairs]) == 5000


def test_touch_tells_whether_the_entry_is_there_and_makes_no_new_version(wire, cache):
    assert wire.call("touch", cache, "k") is False
    assert wire.call("touch", cache, "k", {"ttl_ms": 5}) is False
    version = wire.call("put", cache, "k", "value")
    assert wire.call("touch", cache, "k") is True
    assert wire.call("touch", cache, "k", {"ttl_ms": 500_000}) is True
    assert wire.call("get", cache, "k", {"meta": True})[:2] == ["value", version]


def test_touch_gives_the_deadline_that_is_asked_for(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("put", cache, "k", 1)
    wire.call("touch", cache, "k", {"ttl_ms": 100_000})
    assert 50_000 < left_ms(wire, cache, "k") <= 100_000
    wire.call("touch", cache, "k", {"ttl_ms": None})
    assert left_ms(wire, cache, "k") is None
    wire.call("touch", cache, "k", {"ttl_ms": 0})
    assert wire.call("get", cache, "k") is None


def test_touch_without_ttl_gives_the_caches_max_age(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("put", cache, "k", 1, {"ttl_ms": 5_000})
    wire.call("touch", cache, "k")
    assert 500_000 < left_ms(wire, cache, "k") <= 600_000


def test_touch_without_ttl_and_max_age_leaves_the_deadline(wire, open_cache):
    cache = open_cache()
    wire.call("put_many", cache, [["a", 1], ["b", 1]])
    wire.call("put", cache, "b", 1, {"ttl_ms": 100_000})
    wire.call("touch", cache, "a")
    wire.call("touch", cache, "b")
    assert left_ms(wire, cache, "a") is None
    assert 50_000 < left_ms(wire, cache, "b") <= 100_000


def test_touch_to_no_deadline_is_unsupported_in_tier_ttl(wire, open_cache):
    cache = open_cache("ttl", max_age_ms=600_000)
    wire.call("put", cache, "k", 1)
    wire.fails("unsupported", "touch", cache, "k", {"ttl_ms": None})
    wire.fails("unsupported", "increment", cache, "n", 1, {"ttl_ms": None})
    wire.fails("unsupported", "put_many", cache, [["k", 2]], {"ttl_ms": None})
    assert wire.call("get_many", cache, ["k", "n"]) == [[1], None]


def test_increment_starts_at_initial_and_adds(wire, cache):
    assert wire.call("increment", cache, "n", 5) == 5
    assert wire.call("increment", cache, "n", -7) == -2
    assert wire.call("increment", cache, "n", 0) == -2
    assert wire.call("increment", cache, "m", 1, {"initial": 100}) == 101
    assert wire.call("increment", cache, "m", 1, {"initial": 100}) == 102
    assert wire.call("get_many", cache, ["n", "m"]) == [[-2], [102]]


def test_increment_of_a_stored_integer_of_any_form(wire, cache):
    for form in (b"\x05", b"\xcc\x05", b"\xcd\x00\x05", b"\xcf" + bytes(7) + b"\x05", b"\xd3" + bytes(7) + b"\x05"):
        wire.call("put", cache, "n", Raw(form))
        assert wire.call("increment", cache, "n", 1) == 6


def test_increment_reaches_both_ends_of_64_bits(wire, cache):
    wire.call("put", cache, "n", INT64_MAX - 1)
    assert wire.call("increment", cache, "n", 1) == INT64_MAX
    assert wire.call("get", cache, "n") == [INT64_MAX]
    wire.call("put", cache, "n", INT64_MIN + 1)
    assert wire.call("increment", cache, "n", -1) == INT64_MIN
    assert wire.call("increment", cache, "n", INT64_MAX) == -1
    assert wire.call("increment", cache, "m", INT64_MIN) == INT64_MIN


def test_increment_beyond_64_bits_is_not_a_number_and_changes_nothing(wire, cache):
    wire.call("put", cache, "n", INT64_MAX)
    wire.fails("not_a_number", "increment", cache, "n", 1)
    assert wire.call("get", cache, "n") == [INT64_MAX]
    wire.call("put", cache, "n", INT64_MIN)
    wire.fails("not_a_number", "increment", cache, "n", -1)
    assert wire.call("get", cache, "n") == [INT64_MIN]
    wire.fails("not_a_number", "increment", cache, "absent", 1, {"initial": INT64_MAX})
    assert wire.call("get", cache, "absent") is None


NO_NUMBERS = ["5", b"5", 5.0, None, True, [5], {}, Raw(b"\xd4\x05\x05"), 2**63, 2**64 - 1]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=str)
def test_increment_of_anything_else_is_not_a_number_and_changes_nothing(wire, cache, value):
    wire.call("put", cache, "n", value)
    before = items_of(wire.call_bytes("get", cache, "n", {"meta": True}))
    wire.fails("not_a_number", "increment", cache, "n", 1)
    after = items_of(wire.call_bytes("get", cache, "n", {"meta": True}))
    assert after[:2] == before[:2]


def test_increment_keeps_the_deadline_unless_it_names_one(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("put", cache, "n", 1, {"ttl_ms": 100_000})
    wire.call("increment", cache, "n", 1)
    assert 50_000 < left_ms(wire, cache, "n") <= 100_000
    wire.call("increment", cache, "n", 1, {"ttl_ms": 300_000})
    assert 200_000 < left_ms(wire, cache, "n") <= 300_000
    wire.call("increment", cache, "n", 1, {"ttl_ms": None})
    assert left_ms(wire, cache, "n") is None
    wire.call("increment", cache, "n", 1)
    assert left_ms(wire, cache, "n") is None


def test_increment_of_an_absent_key_takes_the_caches_max_age(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("increment", cache, "n", 1)
    assert 500_000 < left_ms(wire, cache, "n") <= 600_000


def test_increments_of_several_connections_all_count(connect, cache):
    wires = [connect() for _ in range(4)]
    ids = [wire.pipeline(*[("increment", cache, "n", 1)] * 250) for wire in wires]
    results = [result for wire, some in zip(wires, ids) for result in wire.results(some)]
    assert sorted(results) == list(range(1, 1001))
