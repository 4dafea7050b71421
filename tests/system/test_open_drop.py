"""`ping`, `hello`, `open`, `drop`, and the names of caches."""

import pytest

from clock import eventually

SETTINGS = {
    "lru": {"max_entries": 10, "max_bytes": 1 << 20, "max_age_ms": 60_000, "stale_ms": 500, "policy": "fifo"},
    "ttl": {"max_entries": 10, "max_bytes": 1 << 20, "max_age_ms": 60_000, "stale_ms": 500, "policy": "fifo"},
    "durable": {"max_age_ms": 60_000, "stale_ms": 500},
}
OTHER = {"max_entries": 11, "max_bytes": 2 << 20, "max_age_ms": 60_001, "stale_ms": 501, "policy": "lru"}
REQUIRED = {"lru": {}, "ttl": {"max_age_ms": 60_000}, "durable": {}}


def test_ping_is_answered_with_pong(wire):
    assert wire.call("ping") == "pong"


@pytest.mark.parametrize("params", [[], [None], [{}], [{"name": "a client"}], [{"name": "c", "version": "1.0"}]])
def test_hello_tells_server_protocol_pid_and_limits(wire, daemon, params):
    hello = wire.call("hello", *params)
    assert {"server", "version", "protocol", "pid", "limits"} <= set(hello)
    assert hello["protocol"] == 1
    assert hello["pid"] == daemon.pid
    assert hello["server"] == "pannierd"
    assert isinstance(hello["version"], str) and hello["version"]


def test_hello_tells_every_limit_as_a_number(wire):
    limits = wire.call("hello")["limits"]
    wanted = {"max_key", "max_value", "max_frame", "max_depth", "max_reply", "max_waiting", "lease_ms_max"}
    wanted |= {"max_connections", "max_unsent", "max_leases", "max_subscriptions"}
    assert wanted <= set(limits)
    assert all(isinstance(limit, int) and 0 < limit <= 2**53 for limit in limits.values())
    assert limits["max_key"] == 65_535


def test_three_caches_are_there_from_the_start(start_daemon):
    wire = start_daemon().connect()
    assert set(wire.call("info")["caches"]) == {"lru", "ttl", "durable"}
    for name in ("lru", "ttl", "durable"):
        assert wire.call("info", name)["tier"] == name
    assert wire.call("info", "ttl")["max_age_ms"] == 60_000
    assert wire.call("open", "ttl", {"tier": "ttl", "max_age_ms": 60_000}) is False
    assert wire.call("open", "lru", {"tier": "lru"}) is False
    assert wire.call("open", "durable", {"tier": "durable"}) is False


@pytest.mark.parametrize("tier", SETTINGS)
def test_open_creates_once_and_finds_the_same_settings_again(wire, new_name, tier):
    name, options = new_name(), {"tier": tier, **SETTINGS[tier]}
    assert wire.call("open", name, options) is True
    assert wire.call("open", name, options) is False
    info = wire.call("info", name)
    for option, value in SETTINGS[tier].items():
        found = info["maxsize"] if option == "max_entries" else info.get(option, value)
        assert found == value, option


@pytest.mark.parametrize("tier", SETTINGS)
def test_any_other_setting_is_a_conflict_and_changes_nothing(wire, new_name, tier):
    name, options = new_name(), {"tier": tier, **SETTINGS[tier]}
    wire.call("open", name, options)
    before = wire.call("info", name)
    for option in SETTINGS[tier]:
        assert option in wire.fails("conflict", "open", name, {**options, option: OTHER[option]})
    for other in set(SETTINGS) - {tier}:
        assert "tier" in wire.fails("conflict", "open", name, {"tier": other, **REQUIRED[other]})
    assert wire.call("info", name) == before


@pytest.mark.parametrize("tier", SETTINGS)
def test_a_setting_left_out_counts_as_its_default(wire, new_name, tier):
    plain, set_one = new_name(), new_name()
    wire.call("open", plain, {"tier": tier, **REQUIRED[tier]})
    assert wire.call("open", plain, {"tier": tier, **REQUIRED[tier], "stale_ms": 0}) is False
    for option in set(SETTINGS[tier]) - set(REQUIRED[tier]):
        value = "fifo" if option == "policy" else OTHER[option]
        wire.call("open", set_one, {"tier": tier, **REQUIRED[tier], option: value})
        wire.fails("conflict", "open", set_one, {"tier": tier, **REQUIRED[tier]})
        wire.call("drop", set_one)


def test_the_default_policy_is_lru(wire, new_name):
    name = new_name()
    wire.call("open", name, {"tier": "lru"})
    assert wire.call("open", name, {"tier": "lru", "policy": "lru"}) is False
    assert wire.call("info", name)["policy"] == "lru"


def test_open_without_a_known_tier_is_a_bad_request(wire, new_name):
    for options in ([], [{}], [None], [{"tier": "lfu"}], [{"tier": "LRU"}], [{"max_entries": 5}]):
        assert "tier" in wire.fails("bad_request", "open", new_name(), *options)


def test_an_unknown_policy_is_a_bad_request_that_names_the_known_ones(wire, new_name):
    text = wire.fails("bad_request", "open", new_name(), {"tier": "lru", "policy": "random"})
    assert "random" in text and "fifo" in text


def test_tier_ttl_requires_max_age_ms(wire, new_name):
    assert "max_age_ms" in wire.fails("bad_request", "open", new_name(), {"tier": "ttl"})


def test_reserved_bytes_is_a_setting(wire, new_name):
    name = new_name()
    assert wire.call("open", name, {"tier": "lru", "reserved_bytes": 1 << 20}) is True
    assert wire.call("open", name, {"tier": "lru", "reserved_bytes": 1 << 20}) is False
    wire.fails("conflict", "open", name, {"tier": "lru"})


def test_alter_sets_bounds_and_ages_in_place(wire, open_cache):
    cache = open_cache(max_entries=10, max_bytes=1 << 20, max_age_ms=60_000, stale_ms=100)
    wire.call("put", cache, "k", 1)
    bounds = {"max_entries": 20, "max_bytes": 2 << 20, "max_age_ms": 30_000, "stale_ms": 200}
    assert wire.call("open", cache, {"tier": "lru", **bounds, "alter": True}) is False
    info = wire.call("info", cache)
    assert (info["maxsize"], info["max_bytes"], info["max_age_ms"]) == (20, 2 << 20, 30_000)
    assert wire.call("open", cache, {"tier": "lru", **bounds}) is False
    assert wire.call("get", cache, "k") == [1]


def test_alter_creates_a_cache_where_there_is_none(wire, new_name):
    name = new_name()
    assert wire.call("open", name, {"tier": "lru", "max_entries": 5, "alter": True}) is True
    assert wire.call("info", name)["maxsize"] == 5


def test_alter_counts_a_setting_left_out_as_its_default(wire, open_cache):
    cache = open_cache(max_entries=10, max_age_ms=60_000)
    assert wire.call("open", cache, {"tier": "lru", "alter": True}) is False
    info = wire.call("info", cache)
    assert info["maxsize"] is None and info["max_age_ms"] is None


def test_alter_keeps_the_deadlines_of_entries(wire, open_cache):
    cache = open_cache(max_age_ms=600_000)
    wire.call("put", cache, "before", 1)
    wire.call("open", cache, {"tier": "lru", "max_age_ms": 1_000, "alter": True})
    wire.call("put", cache, "after", 1)
    assert wire.call("get", cache, "before", {"meta": True})[2] > 300_000
    assert wire.call("get", cache, "after", {"meta": True})[2] <= 1_000


def test_alter_to_smaller_bounds_evicts_the_least_recently_used(wire, open_cache):
    cache = open_cache(max_entries=10)
    for i in range(10):
        wire.call("put", cache, str(i), i)
    wire.call("get", cache, "0")
    wire.call("open", cache, {"tier": "lru", "max_entries": 3, "alter": True})
    eventually(lambda: set(wire.call("keys", cache)[1]) == {"8", "9", "0"})
    assert wire.call("info", cache)["evictions"] == 7


def test_alter_cannot_change_tier_or_policy(wire, open_cache):
    cache = open_cache()
    wire.fails("conflict", "open", cache, {"tier": "ttl", "max_age_ms": 5, "alter": True})
    wire.fails("conflict", "open", cache, {"tier": "lru", "policy": "fifo", "alter": True})


def test_drop_tells_whether_the_cache_was_there(wire, open_cache):
    cache = open_cache()
    wire.call("put", cache, "k", 1)
    assert wire.call("drop", cache) is True
    assert wire.call("drop", cache) is False
    wire.fails("unknown_cache", "get", cache, "k")
    assert cache not in wire.call("info")["caches"]


@pytest.mark.parametrize("tier", REQUIRED)
def test_a_cache_that_is_dropped_and_opened_again_is_empty(wire, open_cache, tier):
    cache = open_cache(tier, **REQUIRED[tier])
    for i in range(100):
        wire.call("put", cache, str(i), i)
    wire.call("get", cache, "1")
    last = wire.call("put", cache, "k", 1)
    wire.call("drop", cache)
    assert wire.call("open", cache, {"tier": tier, **REQUIRED[tier]}) is True
    assert wire.call("keys", cache) == [None, []]
    assert wire.call("get", cache, "k") is None
    info = wire.call("info", cache)
    assert (info["hits"], info["misses"], info["puts"], info["currsize"]) == (0, 1, 0, 0)
    assert wire.call("put", cache, "k", 1) > last


def test_a_name_may_be_opened_with_another_tier_after_drop(wire, open_cache):
    cache = open_cache("durable")
    wire.call("put", cache, "k", 1, {"sync": True})
    wire.call("drop", cache)
    assert wire.call("open", cache, {"tier": "lru"}) is True
    assert wire.call("get", cache, "k") is None


def test_lease_waiters_of_a_dropped_cache_get_unknown_cache(connect, open_cache):
    holder, waiter, cache = connect(), connect(), open_cache()
    holder.call("lease", cache, "k")
    waiting = waiter.request("lease", cache, "k", {"wait_ms": 60_000})
    waiter.call("ping")
    holder.call("drop", cache)
    assert waiter.reply(waiting).error.startswith("unknown_cache: ")


@pytest.mark.parametrize("name", ["x", "!", "~", "with a blank", "a/b:c.d_e-f", "N" * 255, "0", '"quoted"', "lru2"])
def test_a_name_is_1_to_255_bytes_of_printable_ascii(wire, name):
    assert wire.call("open", name, {"tier": "lru"}) is True
    wire.call("put", name, "k", name)
    assert wire.call("get", name, "k") == [name]
    assert wire.call("info")["caches"][name]["currsize"] == 1
    assert wire.call("drop", name) is True


@pytest.mark.parametrize("name", ["", "N" * 256, "ä", b"\xff", "a\n", "\x00", "\x7f", "a\tb", "N" * 70_000])
def test_any_other_name_is_a_bad_request(wire, name):
    wire.fails("bad_request", "open", name, {"tier": "lru"})


def test_many_caches_can_be_open_at_once(wire, new_name):
    names = [new_name() for _ in range(200)]
    wire.results(wire.pipeline(*[("open", name, {"tier": "lru"}) for name in names]))
    wire.results(wire.pipeline(*[("put", name, "k", name) for name in names]))
    ids = wire.pipeline(*[("get", name, "k") for name in names])
    assert wire.results(ids) == [[name] for name in names]
    assert all(wire.results(wire.pipeline(*[("drop", name) for name in names])))
