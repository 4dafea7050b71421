"""Wrong types in every position of every method: always a reply, always bad_request, never a change, and the
connection goes on.

One table says what each parameter and option takes; everything else that MessagePack knows must be refused.
"""

import pytest

from wire import Raw, check_error, pairs

# One sample or more of every type.
SAMPLES = {
    "nil": [None],
    "bool": [True, False],
    "int": [1],
    "negative": [-1],
    "huge": [2**53 + 1, 2**64 - 1],
    "float": [1.0, float("nan")],
    "str": ["x"],
    "empty": ["", b""],
    "bin": [b"x"],
    "array": [[], [1], ["x"], [[]]],
    "map": [{}, {"a": 1}, {1: 2}],
    "ext": [Raw(b"\xd4\x01\x02"), Raw(b"\xd6\xff\x00\x00\x00\x00"), Raw(b"\xc7\x00\x05")],
}
EVERY_TYPE = set(SAMPLES)
STRING = {"str", "bin"}
ANY_STRING = STRING | {"empty"}
DURATION = {"int"}
COUNT = {"int", "huge"}
OPTIONS = {"nil", "map"}

# method: (valid params without options, what each position takes, {option: what it takes})
ANY_VALUE = EVERY_TYPE
METHODS = {
    "ping": ([], [], None),
    "hello": ([], [], {"name": ANY_STRING, "version": ANY_STRING}),
    "open": (
        ["{new}"],
        [STRING],
        {
            "tier": STRING,
            "max_entries": COUNT,
            "max_bytes": COUNT,
            "max_age_ms": DURATION,
            "stale_ms": DURATION,
            "reserved_bytes": COUNT,
            "policy": STRING,
            "alter": {"bool"},
        },
    ),
    "drop": (["{new}"], [STRING], None),
    "get": (["{cache}", "k"], [STRING, STRING], {"meta": {"bool"}}),
    "put": (
        ["{cache}", "k", 1],
        [STRING, STRING, ANY_VALUE],
        {
            "ttl_ms": DURATION | {"nil"},
            "keep_ttl": {"bool"},
            "stale_ms": DURATION,
            "if": STRING | COUNT,
            "lease": COUNT,
            "sync": {"bool"},
        },
    ),
    "delete": (["{cache}", "k"], [STRING, STRING], {"if": COUNT, "sync": {"bool"}}),
    "get_many": (["{cache}", ["k"]], [STRING, {"array"}], None),
    "put_many": (
        ["{cache}", [["k", 1]]],
        [STRING, {"array"}],
        {"ttl_ms": DURATION | {"nil"}, "sync": {"bool"}},
    ),
    "delete_many": (["{cache}", ["k"]], [STRING, {"array"}], None),
    "touch": (["{cache}", "k"], [STRING, STRING], {"ttl_ms": DURATION | {"nil"}}),
    "increment": (
        ["{cache}", "n", 1],
        [STRING, STRING, {"int", "negative", "huge"}],
        {"initial": {"int", "negative", "huge"}, "ttl_ms": DURATION | {"nil"}},
    ),
    "keys": (["{cache}"], [STRING], {"cursor": ANY_STRING | {"nil"}, "prefix": ANY_STRING, "limit": {"int"}}),
    "clear": (["{cache}"], [STRING], {"prefix": ANY_STRING}),
    "lease": (["{cache}", "k"], [STRING, STRING], {"lease_ms": DURATION, "wait_ms": DURATION}),
    "release": (["{cache}", "k", 1], [STRING, STRING, COUNT], None),
    "info": (["{cache}"], [STRING], None),
    "sync": (["durable"], [STRING], None),
    "hot": (["{cache}"], [STRING], {"limit": DURATION}),
    "monitor": ([], [], {"one_in": DURATION, "cache": ANY_STRING, "method": set()}),
    "backup": ([["durable"]], [{"array"}], None),
    "backup_next": ([0], [COUNT], None),
    "subscribe": (["{cache}"], [STRING], {"prefix": ANY_STRING}),
    "unsubscribe": (["{cache}"], [STRING], None),
}
# Positions whose every string is a cache name; the wrong ones are a bad request, the unknown ones unknown_cache.
MAY_LEAVE_OUT_THE_CACHE = {"info", "sync", "backup"}


def filled(params, cache, new):
    return [p.format(cache=cache, new=new) if isinstance(p, str) else p for p in params]


def wrong(taken):
    return [sample for kind, samples in SAMPLES.items() if kind not in taken for sample in samples]


@pytest.fixture(scope="module")
def shared_cache(daemon):
    wire = daemon.connect()
    wire.call("open", "wrong-types", {"tier": "lru"})
    wire.call("put", "wrong-types", "k", "untouched")
    wire.close()
    return "wrong-types"


@pytest.fixture
def unchanged(wire, shared_cache):
    yield
    assert wire.call("get", shared_cache, "k") == ["untouched"]
    assert wire.call("keys", shared_cache) == [None, ["k"]]
    assert wire.call("drop", "wrong-new") is False


def refused(wire, method, params):
    response = wire.reply(wire.request(method, *params))
    try:
        check_error(response, "bad_request")
    except AssertionError as failure:
        raise AssertionError(f"{method}{params!r}: {failure}") from None


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_type_in_any_position_is_a_bad_request(wire, shared_cache, unchanged, method):
    valid, positions, _ = METHODS[method]
    options = [{"tier": "lru"}] if method == "open" else []
    for position, taken in enumerate(positions):
        for sample in wrong(taken):
            params = filled(valid, shared_cache, "wrong-new")
            params[position] = sample
            if sample is None and method in MAY_LEAVE_OUT_THE_CACHE:
                continue  # nil options
            if isinstance(sample, dict) and not sample and method in MAY_LEAVE_OUT_THE_CACHE:
                continue  # an empty map of options
            refused(wire, method, params + options)


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row[2]])
def test_a_wrong_type_in_any_option_is_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, options = METHODS[method]
    for option, taken in options.items():
        for sample in wrong(taken):
            base = {"tier": "lru"} if method == "open" else {}
            refused(wire, method, filled(valid, shared_cache, "wrong-new") + [{**base, option: sample}])


@pytest.mark.parametrize("method", METHODS)
def test_too_few_params_are_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, _ = METHODS[method]
    for count in range(len(valid)):
        if count == 0 and method in MAY_LEAVE_OUT_THE_CACHE:
            continue
        refused(wire, method, filled(valid[:count], shared_cache, "wrong-new"))


@pytest.mark.parametrize("method", METHODS)
def test_too_many_params_are_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, _ = METHODS[method]
    options = {"tier": "lru"} if method == "open" else {}
    for surplus in ([options, 1], [options, {}], [options, None, None], [options] * 10):
        refused(wire, method, filled(valid, shared_cache, "wrong-new") + surplus)


@pytest.mark.parametrize("method", METHODS)
def test_options_that_are_no_map_are_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, _ = METHODS[method]
    for sample in wrong(OPTIONS):
        refused(wire, method, filled(valid, shared_cache, "wrong-new") + [sample])


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_option_is_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, _ = METHODS[method]
    base = {"tier": "lru"} if method == "open" else {}
    for option in ("no_such_option", "", "TTL_MS", b"\xff", 1, None, 1.5, Raw(b"\x90"), Raw(b"\x80")):
        refused(wire, method, filled(valid, shared_cache, "wrong-new") + [{**base, option: 1}])


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row[2]])
def test_a_doubled_option_is_a_bad_request(wire, shared_cache, unchanged, method):
    valid, _, options = METHODS[method]
    values = {"tier": "lru", "policy": "lru", "alter": True, "meta": True, "keep_ttl": True, "sync": True, "if": 1}
    values |= {"name": "n", "version": "v", "prefix": "p", "cursor": "c"}
    base = [("tier", "lru")] if method == "open" else []
    for option in options:
        value = values.get(option, 1)
        rest = [] if option == "tier" else base
        for again in (option, option.encode()):
            doubled = pairs(*rest, (option, value), (again, value))
            refused(wire, method, filled(valid, shared_cache, "wrong-new") + [doubled])


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("open", "drop", "sync", "backup_next")])
def test_nil_options_are_none(wire, open_cache, method):
    valid, _, _ = METHODS[method]
    cache = open_cache()
    wire.call("put", cache, "k", 1)
    wire.call(method, *filled(valid, cache, "none"), None)


BAD_KEY_LISTS = [[5], ["k", None], ["k", ""], [["k"]], ["k", {}], ["k", 1.5], [Raw(b"\xd4\x01\x02")], [True]]


@pytest.mark.parametrize("method", ["get_many", "delete_many"])
@pytest.mark.parametrize("keys", BAD_KEY_LISTS, ids=str)
def test_a_wrong_key_in_a_list_is_a_bad_request(wire, shared_cache, unchanged, method, keys):
    refused(wire, method, [shared_cache, keys])


BAD_PAIRS = ["k", 5, [], ["k"], ["k", 1, 2], [5, 1], [None, 1], ["", 1], {"k": 1}, None, [["k"], 1]]


@pytest.mark.parametrize("pair", BAD_PAIRS, ids=str)
def test_a_wrong_pair_in_put_many_is_a_bad_request_and_nothing_is_written(wire, shared_cache, unchanged, pair):
    refused(wire, "put_many", [shared_cache, [["k", "changed"], pair]])


LONG_KEY = "x" * 65_536
TOO_LONG = {"get_many": ["k", LONG_KEY], "delete_many": ["k", LONG_KEY], "put_many": [["k", 1], [LONG_KEY, 1]]}


@pytest.mark.parametrize("method", TOO_LONG)
def test_too_long_a_key_in_a_list_is_too_large_and_nothing_is_done(wire, shared_cache, unchanged, method):
    wire.fails("too_large", method, shared_cache, TOO_LONG[method])


FLOATS = [0.0, 1.0, 1000.0, -1.0, float("inf")]
DURATION_OPTIONS = [
    ("put", ["k", 1], "ttl_ms"),
    ("put", ["k", 1], "stale_ms"),
    ("put_many", [[["k", 1]]], "ttl_ms"),
    ("touch", ["k"], "ttl_ms"),
    ("increment", ["n", 1], "ttl_ms"),
    ("lease", ["k"], "lease_ms"),
    ("lease", ["k"], "wait_ms"),
]


@pytest.mark.parametrize("method,params,option", DURATION_OPTIONS, ids=str)
def test_a_duration_is_an_integer_from_0_to_2_to_the_53(wire, shared_cache, unchanged, method, params, option):
    for duration in FLOATS + [-1, 2**53 + 1, 2**64 - 1, -(2**63), "1", True]:
        refused(wire, method, [shared_cache, *params, {option: duration}])


def test_a_duration_of_2_to_the_53_is_taken(wire, open_cache, new_name):
    cache, longest = open_cache(), 2**53
    assert wire.call("put", cache, "k", 1, {"ttl_ms": longest, "stale_ms": longest}) > 0
    assert wire.call("put_many", cache, [["k", 1]], {"ttl_ms": longest})
    assert wire.call("touch", cache, "k", {"ttl_ms": longest}) is True
    assert wire.call("increment", cache, "n", 1, {"ttl_ms": longest}) == 1
    value, _, left_ms = wire.call("get", cache, "k", {"meta": True})
    assert value == 1 and longest - 600_000 < left_ms <= longest
    assert wire.call("open", new_name(), {"tier": "ttl", "max_age_ms": longest, "stale_ms": longest}) is True


def test_lease_ms_and_max_age_ms_are_at_least_1(wire, shared_cache, new_name):
    refused(wire, "lease", [shared_cache, "new", {"lease_ms": 0}])
    refused(wire, "open", [new_name(), {"tier": "ttl", "max_age_ms": 0}])
    refused(wire, "open", [new_name(), {"tier": "lru", "max_age_ms": 0}])
    assert wire.call("open", new_name(), {"tier": "ttl", "max_age_ms": 1}) is True
    assert isinstance(wire.call("lease", shared_cache, "new", {"lease_ms": 1, "wait_ms": 0}), int)
