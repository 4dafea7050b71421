"""`get`, `put` and `delete` in every tier: results, conditions, versions, keys."""

import pytest

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


def test_get_answers_nil_on_a_miss_and_the_value_in_an_array_on_a_hit(wire, cache):
    assert wire.call("get", cache, "k") is None
    wire.call("put", cache, "k", "value")
    assert wire.call("get", cache, "k") == ["value"]
    assert wire.call("get", cache, "other") is None


def test_get_with_meta_answers_value_version_and_time_to_live(wire, open_cache):
    cache = open_cache()
    version = wire.call("put", cache, "k", "value")
    assert wire.call("get", cache, "k", {"meta": True}) == ["value", version, None]
    version = wire.call("put", cache, "k", "value", {"ttl_ms": 500_000})
    value, found, left_ms = wire.call("get", cache, "k", {"meta": True})
    assert (value, found) == ("value", version) and 400_000 < left_ms <= 500_000
    assert wire.call("get", cache, "absent", {"meta": True}) is None


def test_put_replaces_the_value(wire, cache):
    wire.call("put", cache, "k", "short")
    wire.call("put", cache, "k", "long" * 1000)
    assert wire.call("get", cache, "k") == ["long" * 1000]
    wire.call("put", cache, "k", None)
    assert wire.call("get", cache, "k") == [None]
    assert wire.call("info", cache)["currsize"] == 1


def test_versions_grow_with_each_write_to_the_cache(wire, cache):
    last = 0
    for i in range(20):
        version = wire.call("put", cache, f"k{i % 3}", i)
        assert last < version < 2**53
        assert wire.call("get", cache, f"k{i % 3}", {"meta": True})[1] == version
        last = version
    wire.call("increment", cache, "n", 1)
    incremented = wire.call("get", cache, "n", {"meta": True})[1]
    assert incremented > last
    several = wire.call("put_many", cache, [["a", 1], ["b", 2], ["a", 3]])
    assert several == sorted(set(several)) and several[0] > incremented


def test_a_deleted_key_comes_back_with_a_higher_version(wire, cache):
    first = wire.call("put", cache, "k", 1)
    wire.call("delete", cache, "k")
    assert wire.call("put", cache, "k", 1) > first


def test_put_if_absent_writes_only_where_nothing_is(wire, cache):
    assert wire.call("put", cache, "k", "first", {"if": "absent"}) > 0
    assert wire.call("put", cache, "k", "second", {"if": "absent"}) is None
    assert wire.call("get", cache, "k") == ["first"]
    wire.call("delete", cache, "k")
    assert wire.call("put", cache, "k", "third", {"if": "absent"}) > 0


def test_put_if_present_writes_only_where_something_is(wire, cache):
    assert wire.call("put", cache, "k", "first", {"if": "present"}) is None
    assert wire.call("get", cache, "k") is None
    wire.call("put", cache, "k", "second")
    assert wire.call("put", cache, "k", "third", {"if": "present"}) > 0
    assert wire.call("get", cache, "k") == ["third"]


def test_put_if_version_writes_only_over_that_version(wire, cache):
    first = wire.call("put", cache, "k", 1)
    second = wire.call("put", cache, "k", 2, {"if": first})
    assert second > first
    assert wire.call("put", cache, "k", 3, {"if": first}) is None
    assert wire.call("get", cache, "k") == [2]
    wire.call("delete", cache, "k")
    assert wire.call("put", cache, "k", 4, {"if": second}) is None
    assert wire.call("put", cache, "absent", 5, {"if": 2**53 - 1}) is None


def test_a_condition_that_does_not_hold_keeps_the_deadline(wire, open_cache):
    cache = open_cache()
    wire.call("put", cache, "k", 1, {"ttl_ms": 500_000})
    wire.call("put", cache, "k", 2, {"if": "absent", "ttl_ms": 5})
    wire.call("put", cache, "k", 2, {"if": 1, "ttl_ms": None})
    assert 400_000 < wire.call("get", cache, "k", {"meta": True})[2] <= 500_000


def test_an_option_word_may_be_bin(wire, cache):
    assert wire.call("put", cache, "k", 1, {b"if": b"present"}) is None
    assert wire.call("put", cache, "k", 1, {"if": b"absent"}) > 0


def test_delete_tells_whether_there_was_a_live_entry(wire, cache):
    assert wire.call("delete", cache, "k") is False
    wire.call("put", cache, "k", 1)
    assert wire.call("delete", cache, "k") is True
    assert wire.call("delete", cache, "k") is False
    assert wire.call("get", cache, "k") is None


def test_delete_if_version_erases_only_that_version(wire, cache):
    first = wire.call("put", cache, "k", 1)
    second = wire.call("put", cache, "k", 2)
    assert wire.call("delete", cache, "k", {"if": first}) is False
    assert wire.call("get", cache, "k") == [2]
    assert wire.call("delete", cache, "k", {"if": second}) is True
    assert wire.call("delete", cache, "k", {"if": second}) is False


def test_a_key_has_1_to_65535_bytes(wire, cache):
    for key in ("x", "x" * 65_535, b"\x00", b"\xff" * 65_535, " ", "a/b"):
        wire.call("put", cache, key, len(key))
        assert wire.call("get", cache, key) == [len(key)]
        assert wire.call("delete", cache, key) is True


KEY_METHODS = [("get",), ("put", 1), ("delete",), ("touch",), ("increment", 1), ("lease",), ("release", 1)]


@pytest.mark.parametrize("method", KEY_METHODS, ids=lambda row: row[0])
def test_an_empty_key_is_a_bad_request_and_a_longer_one_too_large(wire, cache, method):
    name, *rest = method
    wire.fails("bad_request", name, cache, "", *rest)
    wire.fails("bad_request", name, cache, b"", *rest)
    wire.fails("too_large", name, cache, "x" * 65_536, *rest)
    wire.fails("too_large", name, cache, b"x" * 100_000, *rest)


def test_keys_that_differ_in_one_byte_are_different(wire, cache):
    base = b"k" * 200
    keys = [base[:i] + b"x" + base[i + 1 :] for i in range(0, 200, 7)] + [base, base + b"\0", base[:-1]]
    for i, key in enumerate(keys):
        wire.call("put", cache, key, i)
    assert [wire.call("get", cache, key) for key in keys] == [[i] for i in range(len(keys))]


def test_caches_do_not_share_keys(wire, open_cache):
    first, second = open_cache(), open_cache()
    wire.call("put", first, "k", 1)
    assert wire.call("get", second, "k") is None
    wire.call("put", second, "k", 2)
    assert wire.call("get", first, "k") == [1]


def test_two_connections_see_the_same_cache(connect, cache):
    first, second = connect(), connect()
    first.call("put", cache, "k", "from the first")
    assert second.call("get", cache, "k") == ["from the first"]


def test_values_of_many_sizes_can_replace_each_other(wire, cache):
    for size in [0, 1, 31, 32, 255, 256, 4095, 4096, 65_535, 65_536, 1 << 20, 5 << 20, 100, 0]:
        wire.call("put", cache, "k", b"x" * size)
        assert wire.call("get", cache, "k") == [b"x" * size]


def test_a_write_race_has_one_winner(connect, cache):
    wires = [connect() for _ in range(8)]
    ids = [wire.request("put", cache, "k", i, {"if": "absent"}) for i, wire in enumerate(wires)]
    versions = [wire.result(msgid) for wire, msgid in zip(wires, ids)]
    winners = [i for i, version in enumerate(versions) if version is not None]
    assert len(winners) == 1
    assert wires[0].call("get", cache, "k") == [winners[0]]
