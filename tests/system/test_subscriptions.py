"""`subscribe` and `unsubscribe`: who is told what, in which order."""

import pytest

from clock import eventually

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}, "durable": {}}


@pytest.fixture(params=TIERS)
def cache(request, open_cache):
    return open_cache(request.param, **TIERS[request.param])


@pytest.fixture
def subscriber(connect, cache):
    wire = connect()
    wire.sequence = wire.call("subscribe", cache)["sequence"]
    return wire


def told(wire, sequence=None):
    """The keys told so far, in order; None for "all". Asserts that the sequence goes on without a gap."""
    keys = []
    for invalidation in wire.invalidations_so_far():
        if sequence is not None:
            sequence += 1
            assert invalidation.sequence == sequence
        keys += [None] if invalidation.keys is None else invalidation.keys
    return keys


def test_subscribe_answers_a_sequence(wire, cache):
    answer = wire.call("subscribe", cache)
    assert set(answer) == {"sequence"} and 0 <= answer["sequence"] < 2**53


def test_an_invalidation_names_cache_keys_and_sequence(connect, subscriber, cache):
    connect().call("put", cache, "k", 1)
    invalidation = subscriber.invalidation()
    assert invalidation.cache == cache and invalidation.keys == ["k"]
    assert invalidation.sequence == subscriber.sequence + 1


CHANGES = {
    "put": [("put", "k", 2)],
    "put if present": [("put", "k", 2, {"if": "present"})],
    "put_many": [("put_many", [["k", 2]])],
    "increment": [("increment", "k", 1)],
    "delete": [("delete", "k")],
    "delete_many": [("delete_many", ["k"])],
    "a put of a value past its deadline": [("put", "k", 2, {"ttl_ms": 0})],
}


@pytest.mark.parametrize("change", CHANGES)
def test_writes_and_deletes_are_told(wire, connect, cache, change):
    wire.call("put", cache, "k", 1)
    subscriber = connect()
    subscriber.call("subscribe", cache)
    for method, *params in CHANGES[change]:
        wire.call(method, cache, *params)
    assert "k" in told(subscriber)


NO_CHANGES = {
    "get": ("get", "k"),
    "get_many": ("get_many", ["k", "absent"]),
    "keys": ("keys",),
    "info": ("info",),
    "lease of what is there": ("lease", "k"),
    "lease of what is absent": ("lease", "absent", {"wait_ms": 0}),
    "a put whose condition fails": ("put", "k", 2, {"if": "absent"}),
    "a delete of what is absent": ("delete", "absent"),
    "a delete of another version": ("delete", "k", {"if": 2**52}),
    "release": ("release", "k", 5),
}


@pytest.mark.parametrize("method", NO_CHANGES)
def test_what_changes_nothing_is_not_told(wire, connect, cache, method):
    wire.call("put", cache, "k", 1)
    subscriber = connect()
    subscriber.call("subscribe", cache)
    name, *params = NO_CHANGES[method]
    wire.call(name, cache, *params)
    assert told(subscriber) == []


def test_ones_own_writes_are_told_before_their_reply(subscriber, cache):
    subscriber.call("put", cache, "k", 1)
    assert [each.keys for each in subscriber.notifications] == [["k"]]
    subscriber.call("delete", cache, "k")
    assert [each.keys for each in subscriber.notifications] == [["k"], ["k"]]


def test_a_change_is_queued_to_every_subscriber_before_its_own_reply(connect, cache):
    subscribers, writer = [connect() for _ in range(5)], connect()
    for subscriber in subscribers:
        subscriber.call("subscribe", cache)
    for i in range(50):
        writer.call("put", cache, f"k{i}", 1)
        for subscriber in subscribers:
            # What was queued before the ping's reply arrives before it.
            subscriber.call("ping")
            assert subscriber.notifications[-1].keys == [f"k{i}"]


def test_a_local_copy_filled_by_get_on_the_subscribed_connection_is_safe(connect, subscriber, cache):
    writer, copy = connect(), None
    for i in range(200):
        writer.call("put", cache, "k", i)
        copy = subscriber.call("get", cache, "k")
        for invalidation in subscriber.notifications:
            assert invalidation.keys == ["k"]
        subscriber.notifications.clear()
        assert copy == [i]


def test_sequences_are_consecutive_within_one_subscription(connect, subscriber, cache):
    writer = connect()
    ids = writer.pipeline(*[("put", cache, f"k{i % 10}", i) for i in range(500)])
    writer.results(ids)
    keys = told(subscriber, subscriber.sequence)
    assert [key for key in dict.fromkeys(keys)] == [f"k{i}" for i in range(10)]


def test_with_a_prefix_only_its_keys_are_told(wire, connect, cache):
    subscriber = connect()
    sequence = subscriber.call("subscribe", cache, {"prefix": "user:"})["sequence"]
    wire.call("put_many", cache, [["user:1", 1], ["use", 1], ["other", 1], ["user:2", 2], ["user:", 3]])
    wire.call("delete", cache, "other")
    assert told(subscriber, sequence) == ["user:1", "user:2", "user:"]


def test_to_subscribe_again_replaces_the_prefix(wire, connect, cache):
    subscriber = connect()
    subscriber.call("subscribe", cache, {"prefix": "a"})
    subscriber.call("subscribe", cache, {"prefix": "b"})
    wire.call("put_many", cache, [["a", 1], ["b", 1]])
    assert told(subscriber) == ["b"]
    subscriber.call("subscribe", cache)
    wire.call("put_many", cache, [["a", 1], ["b", 1]])
    assert told(subscriber) == ["a", "b"]


def test_unsubscribe_tells_whether_it_was_subscribed(wire, connect, subscriber, cache):
    assert subscriber.call("unsubscribe", cache) is True
    wire.call("put", cache, "k", 1)
    assert told(subscriber) == []
    assert subscriber.call("unsubscribe", cache) is False
    assert connect().call("unsubscribe", cache) is False


def test_nothing_from_before_the_subscription_is_told(wire, connect, cache):
    wire.call("put", cache, "before", 1)
    subscriber = connect()
    subscriber.call("subscribe", cache)
    wire.call("put", cache, "after", 1)
    assert told(subscriber) == ["after"]


def test_a_subscription_is_to_one_cache(wire, subscriber, open_cache):
    other = open_cache()
    wire.call("put", other, "k", 1)
    assert told(subscriber) == []


def test_several_caches_can_be_subscribed_on_one_connection(wire, connect, open_cache):
    caches, subscriber = [open_cache() for _ in range(3)], connect()
    for cache in caches:
        subscriber.call("subscribe", cache)
    for cache in caches:
        wire.call("put", cache, "k", 1)
    assert [each.cache for each in subscriber.invalidations_so_far()] == caches


def test_expiry_is_told_without_any_request(wire, connect, open_cache):
    for tier in TIERS:
        cache, subscriber = open_cache(tier, **TIERS[tier]), connect()
        wire.call("put", cache, "k", 1, {"ttl_ms": 200})
        subscriber.call("subscribe", cache)
        assert subscriber.invalidation().keys == ["k"], tier


def test_evictions_are_told(wire, connect, open_cache):
    cache, subscriber = open_cache(max_entries=2), connect()
    wire.call("put_many", cache, [["a", 1], ["b", 2]])
    subscriber.call("subscribe", cache)
    wire.call("put", cache, "c", 3)
    assert sorted(told(subscriber)) == ["a", "c"]


def test_clear_tells_all_or_every_key(wire, connect, cache):
    wire.call("put_many", cache, [["a1", 1], ["a2", 1], ["b", 1]])
    subscriber, other = connect(), connect()
    sequence = subscriber.call("subscribe", cache)["sequence"]
    other.call("subscribe", cache, {"prefix": "b"})
    wire.call("clear", cache, {"prefix": "a"})
    keys = told(subscriber, sequence)
    assert None in keys or {"a1", "a2"} <= set(keys)
    told(other)
    wire.call("clear", cache)
    keys = told(subscriber)
    assert None in keys or "b" in keys
    keys = told(other)
    assert None in keys or "b" in keys


def test_drop_tells_all(wire, subscriber, cache):
    wire.call("put_many", cache, [["a", 1], ["b", 1]])
    told(subscriber)
    wire.call("drop", cache)
    keys = told(subscriber)
    assert None in keys or {"a", "b"} <= set(keys)


def test_a_subscription_outlives_drop_and_open(wire, connect, open_cache):
    cache, subscriber = open_cache(), connect()
    subscriber.call("subscribe", cache)
    wire.call("drop", cache)
    wire.call("open", cache, {"tier": "lru"})
    wire.call("put", cache, "k", 1)
    assert told(subscriber)[-1] == "k"


def test_keys_are_told_as_bin_where_they_are_not_utf8(wire, subscriber, cache):
    wire.call("put_many", cache, [[b"\xff", 1], ["é".encode(), 1]])
    assert told(subscriber) == [b"\xff", "é"]


def test_a_subscription_ends_with_its_connection(wire, connect, daemon, cache):
    subscriber = connect()
    subscriber.call("subscribe", cache)
    connections = wire.call("info")["server"]["connections"]
    subscriber.close()
    eventually(lambda: wire.call("info")["server"]["connections"] < connections)
    for i in range(1000):
        wire.notify("put", cache, "k", i)
    assert wire.call("get", cache, "k") == [999]


def test_keys_in_invalidations_are_in_the_order_of_the_changes(wire, subscriber, cache):
    wire.call("put_many", cache, [["c", 1], ["a", 1], ["b", 1]])
    wire.call("delete_many", cache, ["b", "c"])
    assert told(subscriber) == ["c", "a", "b", "b", "c"]
