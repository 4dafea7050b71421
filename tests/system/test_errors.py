"""Every error code that a healthy daemon gives, and what its words must tell. `storage`: test_storage_failure.py;
`shutting_down`: test_stop.py; `overloaded`: test_limits.py."""

import pytest

from wire import Raw


def limits_of(wire):
    return wire.call("hello")["limits"]


def test_an_unknown_method_is_named(wire):
    assert "no_such_method" in wire.fails("unknown_method", "no_such_method")


def test_methods_are_compared_exactly(wire):
    for method in ("Ping", "ping ", "", "pin", "pings", "ping\0"):
        wire.fails("unknown_method", method)


def test_an_unknown_method_is_told_whatever_its_params_are(wire):
    wire.fails("unknown_method", "no_such_method", 1, {"a": None}, Raw(b"\xd4\x01\x02"))


CACHE_METHODS = [
    ("get", "k"),
    ("put", "k", 1),
    ("delete", "k"),
    ("get_many", ["k"]),
    ("put_many", [["k", 1]]),
    ("delete_many", ["k"]),
    ("touch", "k"),
    ("increment", "k", 1),
    ("keys",),
    ("clear",),
    ("lease", "k"),
    ("release", "k", 1),
    ("info",),
    ("sync",),
    ("subscribe",),
]


@pytest.mark.parametrize("method", CACHE_METHODS, ids=lambda row: row[0])
def test_an_unknown_cache_is_named(wire, method):
    name, *params = method
    assert "no-such-cache" in wire.fails("unknown_cache", name, "no-such-cache", *params)


def test_an_unknown_option_is_a_bad_request_that_names_it(wire, open_cache):
    assert "speed" in wire.fails("bad_request", "put", open_cache(), "k", 1, {"speed": 1})


def test_a_bad_option_names_the_option_and_the_value(wire, open_cache):
    text = wire.fails("bad_request", "put", open_cache(), "k", 1, {"ttl_ms": -12345})
    assert "ttl_ms" in text and "-12345" in text


def test_a_bad_option_word_is_repeated(wire, open_cache):
    assert "sometimes" in wire.fails("bad_request", "put", open_cache(), "k", 1, {"if": "sometimes"})


def test_too_large_a_key_tells_its_size_and_the_limit(wire, open_cache):
    text = wire.fails("too_large", "put", open_cache(), "k" * 65_536, 1)
    assert "65536" in text.replace(",", "") and "65535" in text.replace(",", "")


def test_too_large_a_value_tells_the_limit_and_the_old_one_stays(wire, open_cache):
    cache, limits = open_cache(), limits_of(wire)
    assert limits["max_value"] + 100 < limits["max_frame"], "nothing between value and frame limit"
    wire.call("put", cache, "k", "old")
    text = wire.fails("too_large", "put", cache, "k", b"x" * limits["max_value"])
    assert str(limits["max_value"]) in text.replace(",", "")
    assert wire.call("get", cache, "k") == ["old"]


def test_a_value_of_just_the_limit_is_taken(wire, open_cache):
    cache, limits = open_cache(), limits_of(wire)
    header_bytes = 5
    value = b"x" * (limits["max_value"] - header_bytes)
    wire.call("put", cache, "k", value)
    assert wire.call("get", cache, "k") == [value]


def test_too_large_a_reply_tells_the_limit_and_the_connection_goes_on(wire, open_cache):
    cache, limits = open_cache(), limits_of(wire)
    value = b"x" * (1 << 20)
    wire.call("put", cache, "k", value)
    text = wire.fails("too_large", "get_many", cache, ["k"] * (limits["max_reply"] // len(value) + 1))
    assert str(limits["max_reply"]) in text.replace(",", "")
    assert wire.call("ping") == "pong"


def test_conflict_names_the_setting_that_differs(wire, open_cache):
    cache = open_cache(max_entries=10)
    text = wire.fails("conflict", "open", cache, {"tier": "lru", "max_entries": 20})
    assert "max_entries" in text and "10" in text and "20" in text


def test_increment_of_something_else_is_not_a_number(wire, open_cache):
    cache = open_cache()
    wire.call("put", cache, "k", "seven")
    assert wire.fails("not_a_number", "increment", cache, "k", 1)
    assert wire.call("get", cache, "k") == ["seven"]


def test_an_entry_larger_than_its_cache_is_out_of_memory_and_the_old_one_stays(wire, open_cache):
    cache = open_cache(max_bytes=100_000)
    wire.call("put", cache, "k", "old")
    wire.call("put", cache, "other", "stays")
    text = wire.fails("out_of_memory", "put", cache, "k", b"x" * 200_000)
    assert "100000" in text.replace(",", "")
    assert wire.call("get_many", cache, ["k", "other"]) == [["old"], ["stays"]]


def test_what_a_tier_cannot_do_is_unsupported(wire, open_cache, new_name):
    lru, ttl = open_cache(), open_cache("ttl", max_age_ms=1000)
    wire.fails("unsupported", "sync", lru)
    wire.fails("unsupported", "sync", ttl)
    wire.fails("unsupported", "put", lru, "k", 1, {"sync": True})
    wire.fails("unsupported", "delete", lru, "k", {"sync": True})
    wire.fails("unsupported", "put_many", lru, [["k", 1]], {"sync": True})
    wire.fails("unsupported", "put", ttl, "k", 1, {"ttl_ms": None})
    wire.fails("unsupported", "open", new_name(), {"tier": "durable", "max_entries": 10})
    wire.fails("unsupported", "open", new_name(), {"tier": "durable", "max_bytes": 1 << 20})
    assert wire.call("get", lru, "k") is None and wire.call("get", ttl, "k") is None


HOSTILE_WORDS = [b"\xff\xfe\x00\x01", b"\n\r\t\x1b[31m", "ä€😀".encode(), b"\xed\xa0\x80", b'"\\']


@pytest.mark.parametrize("word", HOSTILE_WORDS)
def test_offending_values_are_escaped(wire, open_cache, word):
    cache = open_cache()
    texts = [
        wire.fails("unknown_method", word),
        wire.fails("bad_request", "get", cache, "k", {word: 1}),
        wire.fails("bad_request", "put", cache, "k", 1, {"if": word}),
        wire.fails("bad_request", "open", b"new" + word, {"tier": word}),
    ]
    for text in texts:
        assert all(character.isprintable() for character in text), text


@pytest.mark.parametrize("length", [79, 80, 81, 1000, 100_000])
def test_at_most_80_bytes_of_an_offending_value_are_repeated(wire, open_cache, length):
    cache, word = open_cache(), "w" * length
    texts = [
        wire.fails("unknown_method", word),
        wire.fails("bad_request", "get", cache, "k", {word: 1}),
        wire.fails("bad_request", "put", cache, "k", 1, {"if": word}),
        wire.fails("bad_request", "put", cache, "k", 1, {"ttl_ms": word}),
    ]
    for text in texts:
        assert "w" * min(length, 40) in text
        assert "w" * 81 not in text


def test_repeating_stops_between_characters(wire):
    for offset in range(4):
        wire.fails("unknown_method", "x" * offset + "€" * 100)


def test_the_connection_goes_on_after_every_kind_of_error(wire, open_cache):
    cache = open_cache()
    wire.fails("unknown_method", "nothing")
    wire.fails("bad_request", "get")
    wire.fails("unknown_cache", "get", "nothing", "k")
    wire.fails("too_large", "get", cache, "k" * 70_000)
    wire.fails("conflict", "open", cache, {"tier": "lru", "max_entries": 1})
    wire.call("put", cache, "k", None)
    wire.fails("not_a_number", "increment", cache, "k", 1)
    wire.fails("unsupported", "sync", cache)
    assert wire.call("get", cache, "k") == [None]


def test_an_error_in_a_pipeline_touches_only_its_own_request(wire, open_cache):
    cache = open_cache()
    ids = wire.pipeline(("put", cache, "a", 1), ("put", cache, "", 1), ("nothing",), ("get", cache, "a"))
    assert wire.result(ids[0]) > 0
    assert wire.reply(ids[1]).error.startswith("bad_request: ")
    assert wire.reply(ids[2]).error.startswith("unknown_method: ")
    assert wire.result(ids[3]) == [1]
