"""The exact order of eviction: what is a use, what is none, policies lru and fifo, against a model."""

import collections
import random

import pytest

TIERS = {"lru": {}, "ttl": {"max_age_ms": 600_000}}


@pytest.fixture(params=TIERS)
def abc(request, wire, open_cache):
    """A full cache with room for three: a is the least recently used, then b, then c."""
    cache = open_cache(request.param, max_entries=3, **TIERS[request.param])
    for i, key in enumerate("abc"):
        wire.call("put", cache, key, i)
    return cache


def eviction_order(wire, cache):
    """The keys of a full cache, the first to go first; empties it of them."""
    before = set(wire.call("keys", cache)[1])
    order = []
    for i in range(len(before)):
        wire.call("put", cache, f"filler{i}", 0)
        after = set(wire.call("keys", cache)[1])
        gone = before - after
        assert len(gone) == 1
        order += gone
        before -= gone
    return order


USES = {
    "get": ("get", "a"),
    "get with meta": ("get", "a", {"meta": True}),
    "get_many": ("get_many", ["a"]),
    "lease": ("lease", "a"),
    "put": ("put", "a", 9),
    "put if present": ("put", "a", 9, {"if": "present"}),
    "put_many": ("put_many", [["a", 9]]),
    "increment": ("increment", "a", 1),
    "touch": ("touch", "a"),
    "touch with ttl": ("touch", "a", {"ttl_ms": 500_000}),
}
NO_USES = {
    "a put whose condition fails": ("put", "a", 9, {"if": "absent"}),
    "a put over another version": ("put", "a", 9, {"if": 1}),
    "a delete of another version": ("delete", "a", {"if": 1}),
    "keys": ("keys",),
    "keys with prefix": ("keys", {"prefix": "a"}),
    "info": ("info",),
    "a get of another key": ("get", "x"),
    "release without a lease": ("release", "a", 5),
    "subscribe": ("subscribe",),
    "a put with a lease that is not the key's": ("put", "a", 9, {"lease": 2**52}),
}


@pytest.mark.parametrize("use", USES)
def test_a_use_makes_an_entry_the_last_to_go(wire, abc, use):
    method, *params = USES[use]
    wire.call(method, abc, *params)
    assert eviction_order(wire, abc) == ["b", "c", "a"]


@pytest.mark.parametrize("no_use", NO_USES)
def test_what_is_no_use_leaves_the_order(wire, abc, no_use):
    method, *params = NO_USES[no_use]
    wire.call(method, abc, *params)
    assert eviction_order(wire, abc) == ["a", "b", "c"]


def test_a_failed_request_is_no_use(wire, abc):
    wire.call("put", abc, "a", "text")
    for key in "bc":
        wire.call("get", abc, key)
    wire.fails("not_a_number", "increment", abc, "a", 1)
    wire.fails("bad_request", "put", abc, "a", 1, {"ttl_ms": -1})
    wire.fails("bad_request", "put_many", abc, [["a", 1], [5, 1]])
    assert eviction_order(wire, abc) == ["a", "b", "c"]


def test_get_many_uses_in_the_order_of_its_keys(wire, abc):
    wire.call("get_many", abc, ["c", "a", "b"])
    assert eviction_order(wire, abc) == ["c", "a", "b"]


def test_put_many_uses_in_the_order_of_its_pairs(wire, abc):
    wire.call("put_many", abc, [["b", 1], ["a", 1], ["c", 1]])
    assert eviction_order(wire, abc) == ["b", "a", "c"]


def test_a_key_twice_in_get_many_counts_at_its_last_place(wire, abc):
    wire.call("get_many", abc, ["a", "b", "c", "a"])
    assert eviction_order(wire, abc) == ["b", "c", "a"]


@pytest.fixture(params=TIERS)
def fifo(request, wire, open_cache):
    cache = open_cache(request.param, policy="fifo", max_entries=3, **TIERS[request.param])
    for i, key in enumerate("abc"):
        wire.call("put", cache, key, i)
    return cache


@pytest.mark.parametrize("use", USES)
def test_in_fifo_the_oldest_insertion_goes_whatever_was_used(wire, fifo, use):
    method, *params = USES[use]
    wire.call(method, fifo, *params)
    assert eviction_order(wire, fifo) == ["a", "b", "c"]


def test_in_fifo_a_key_that_was_deleted_is_inserted_anew(wire, fifo):
    wire.call("delete", fifo, "a")
    wire.call("put", fifo, "a", 1)
    assert eviction_order(wire, fifo) == ["b", "c", "a"]


def test_in_fifo_a_key_that_was_past_its_deadline_is_inserted_anew(wire, fifo):
    wire.call("put", fifo, "a", 1, {"ttl_ms": 0})
    wire.call("put", fifo, "a", 1)
    assert eviction_order(wire, fifo) == ["b", "c", "a"]


class Model:
    """The reference: an ordered dictionary, the first to go first."""

    def __init__(self, entries_max, fifo):
        self.entries = collections.OrderedDict()
        self.entries_max = entries_max
        self.fifo = fifo
        self.hits = self.misses = self.evictions = 0

    def use(self, key):
        if not self.fifo:
            self.entries.move_to_end(key)

    def get(self, key):
        if key not in self.entries:
            self.misses += 1
            return None
        self.hits += 1
        self.use(key)
        return [self.entries[key]]

    def put(self, key, value):
        if key in self.entries:
            self.use(key)
        elif len(self.entries) == self.entries_max:
            self.entries.popitem(last=False)
            self.evictions += 1
        self.entries[key] = value

    def delete(self, key):
        return self.entries.pop(key, None) is not None

    def touch(self, key):
        if key in self.entries:
            self.use(key)
        return key in self.entries


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_a_long_random_run_agrees_with_the_model(wire, open_cache, policy):
    generator = random.Random(4)
    model, cache = Model(100, policy == "fifo"), open_cache(max_entries=100, policy=policy)
    for _ in range(20):
        requests, expected = [], []
        for _ in range(1000):
            key = f"key{min(int(generator.expovariate(0.012)), 400)}"
            choice = generator.random()
            if choice < 0.55:
                requests.append(("get", cache, key))
                expected.append(model.get(key))
            elif choice < 0.9:
                value = generator.randrange(1000)
                requests.append(("put", cache, key, value))
                model.put(key, value)
                expected.append("a version")
            elif choice < 0.95:
                requests.append(("delete", cache, key))
                expected.append(model.delete(key))
            else:
                requests.append(("touch", cache, key))
                expected.append(model.touch(key))
        results = wire.results(wire.pipeline(*requests))
        for request, result, want in zip(requests, results, expected):
            assert result > 0 if want == "a version" else result == want, request
    info = wire.call("info", cache)
    assert (info["hits"], info["misses"], info["evictions"]) == (model.hits, model.misses, model.evictions)
    assert set(wire.call("keys", cache)[1]) == set(model.entries)
    order = list(model.entries)
    if len(order) == 100:
        assert eviction_order(wire, cache) == order
