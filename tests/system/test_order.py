"""The order of operations: of one connection, on one key, also across waits for cold durable keys."""

import random

import pytest


@pytest.fixture
def cold(own_daemon):
    """A connection to a daemon whose durable cache holds k0..k99 = 0..99 on disk, and nothing in memory."""
    own_daemon.connect().call("put_many", "durable", [[f"k{i}", i] for i in range(100)])
    own_daemon.restart()
    return own_daemon.connect()


def test_a_get_that_arrived_before_a_put_answers_what_was_there_before(cold):
    ids = cold.pipeline(("get", "durable", "k1"), ("put", "durable", "k1", "new"), ("get", "durable", "k1"))
    before, version, after = cold.results(ids)
    assert before == [1] and version > 0 and after == ["new"]


def test_a_get_after_a_delete_of_a_cold_key_misses(cold):
    ids = cold.pipeline(("delete", "durable", "k1"), ("get", "durable", "k1"), ("delete", "durable", "k1"))
    assert cold.results(ids) == [True, None, False]


def test_increments_of_a_cold_key_all_count_in_order(cold):
    ids = cold.pipeline(*[("increment", "durable", "k5", 1)] * 100)
    assert cold.results(ids) == list(range(6, 106))


def test_conditions_on_a_cold_key_see_each_other(cold):
    ids = cold.pipeline(
        ("put", "durable", "k1", "a", {"if": "absent"}),
        ("put", "durable", "k1", "b", {"if": "present"}),
        ("delete", "durable", "k1"),
        ("put", "durable", "k1", "c", {"if": "present"}),
        ("put", "durable", "k1", "d", {"if": "absent"}),
        ("get", "durable", "k1"),
    )
    results = cold.results(ids)
    assert results[0] is None and results[1] > 0 and results[2] is True and results[3] is None
    assert results[4] > results[1] and results[5] == ["d"]


def test_many_keys_at_once_keep_the_order_too(cold):
    ids = cold.pipeline(
        ("get_many", "durable", ["k1", "k2"]),
        ("put_many", "durable", [["k1", "x"], ["k2", "y"]]),
        ("get_many", "durable", ["k2", "k3", "k1"]),
        ("delete_many", "durable", ["k3", "k4", "k1"]),
        ("get_many", "durable", ["k1", "k2", "k3", "k4", "k5"]),
    )
    results = cold.results(ids)
    assert results[0] == [[1], [2]]
    assert results[2] == [["y"], [3], ["x"]]
    assert results[3] == 3
    assert results[4] == [None, ["y"], None, None, [5]]


def test_a_walk_or_clear_after_a_write_sees_it(cold):
    ids = cold.pipeline(
        ("increment", "durable", "k1", 1),
        ("delete", "durable", "k2"),
        ("clear", "durable"),
        ("get", "durable", "k1"),
        ("put", "durable", "k3", "new"),
        ("keys", "durable"),
    )
    results = cold.results(ids)
    assert results[:2] == [2, True]
    assert results[2] in (98, 99)  # k3 was written anew while the clear ran
    assert results[3] is None
    assert results[5] == [None, ["k3"]]


def test_a_sync_covers_all_that_arrived_before_it(own_daemon, cold):
    ids = cold.pipeline(*[("increment", "durable", f"k{i}", 1000) for i in range(100)], ("sync", "durable"))
    cold.result(ids[-1])
    own_daemon.kill9()
    answers = own_daemon.start().connect().call("get_many", "durable", [f"k{i}" for i in range(100)])
    assert answers == [[1000 + i] for i in range(100)]


def test_what_is_in_memory_does_not_wait_for_what_is_cold(cold):
    cold.call("put", "lru", "hot", 1)
    ids = cold.pipeline(*[("get", "durable", f"k{i}") for i in range(100)], ("get", "lru", "hot"), ("ping",))
    assert cold.results(ids) == [[i] for i in range(100)] + [[1], "pong"]


def test_writes_of_several_connections_to_a_cold_key_are_in_one_order(own_daemon, cold):
    wires = [own_daemon.connect() for _ in range(5)]
    ids = [wire.pipeline(*[("increment", "durable", "k0", 1)] * 20) for wire in wires]
    results = [wire.results(some) for wire, some in zip(wires, ids)]
    assert sorted(sum(results, [])) == list(range(1, 101))
    assert all(some == sorted(some) for some in results)


def test_a_lease_of_a_cold_key_answers_its_value(own_daemon, cold):
    other = own_daemon.connect()
    ids = cold.pipeline(("lease", "durable", "k1"), ("lease", "durable", "absent"), ("get", "durable", "k1"))
    value, token, got = cold.results(ids)
    assert value == [1] and isinstance(token, int) and got == [1]
    assert other.call("lease", "durable", "absent", {"wait_ms": 0}) is None


def test_requests_that_wait_for_a_cold_key_of_a_dropped_cache_are_answered(cold):
    *gets, dropped = cold.pipeline(*[("get", "durable", f"k{i}") for i in range(100)], ("drop", "durable"))
    assert cold.result(dropped) is True
    for msgid in gets:
        response = cold.reply(msgid)
        assert response.error is None or response.error.startswith("unknown_cache: ")
    cold.fails("unknown_cache", "get", "durable", "k1")


def test_invalidations_come_in_the_order_of_the_changes(own_daemon, cold):
    subscriber = own_daemon.connect()
    subscriber.call("subscribe", "durable")
    changes = [("increment", "durable", "k1", 1), ("put", "durable", "k1", 5), ("delete", "durable", "k1")]
    cold.results(cold.pipeline(*changes))
    told = [key for each in subscriber.invalidations_so_far() for key in each.keys]
    assert told == ["k1", "k1", "k1"]


def test_a_connection_that_leaves_while_it_waits_has_its_writes_done(own_daemon, cold):
    cold.pipeline(*[("increment", "durable", f"k{i}", 1000) for i in range(100)])
    cold.finish_sending()
    cold.read_to_end()
    answers = own_daemon.connect().call("get_many", "durable", [f"k{i}" for i in range(100)])
    assert answers == [[1000 + i] for i in range(100)]


class Model:
    """What one key after the other would do."""

    def __init__(self, values):
        self.values = values

    def get(self, key):
        return [self.values[key]] if key in self.values else None

    def put(self, key, value):
        self.values[key] = value

    def delete(self, key):
        return self.values.pop(key, None) is not None

    def increment(self, key, delta):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def touch(self, key):
        return key in self.values

    def get_many(self, keys):
        return [self.get(key) for key in keys]

    def delete_many(self, keys):
        return sum(self.delete(key) for key in keys)

    def put_many(self, pairs):
        self.values.update(pairs)

    def clear(self, options):
        gone = [key for key in self.values if key.startswith(options["prefix"])]
        return sum(self.delete(key) for key in gone)


METHODS = ["get"] * 8 + ["put", "delete", "increment", "touch"] * 4 + ["get_many", "put_many", "delete_many"]


def random_request(generator, rare):
    """A method and its params after the cache; one time in `rare` a clear."""
    if generator.randrange(rare) == 0:
        return "clear", {"prefix": generator.choice(["k1", "k2", "k77", ""])}
    method = generator.choice(METHODS)
    key, keys = f"k{generator.randrange(150)}", [f"k{generator.randrange(150)}" for _ in range(3)]
    params = {
        "put": [key, generator.randrange(100)],
        "increment": [key, generator.randrange(9)],
        "get_many": [keys],
        "delete_many": [keys],
        "put_many": [[[each, 5] for each in keys]],
    }
    return method, *params.get(method, [key])


@pytest.mark.parametrize("rare", [10**9, 100])
def test_a_random_pipeline_over_cold_keys_agrees_with_one_after_the_other(own_daemon, rare):
    generator, model = random.Random(8), Model({})
    wire = own_daemon.connect()
    for _ in range(3):
        requests, expected = [], []
        for _ in range(2000):
            method, *params = random_request(generator, rare)
            requests.append((method, "durable", *params))
            expected.append(getattr(model, method)(*params))
        results = wire.results(wire.pipeline(*requests))
        for request, result, want in zip(requests, results, expected):
            if request[0] == "clear":
                assert result <= want, request  # what a later write replaced first counts as replaced
            elif want is None and request[0] != "get":
                assert result, request  # a version, or several
            else:
                assert result == want, request
        own_daemon.restart()
        wire = own_daemon.connect()


def test_a_clear_comes_after_what_waits_and_before_what_follows(cold):
    ids = cold.pipeline(
        ("increment", "durable", "k1", 1),
        ("clear", "durable", {"prefix": "k"}),
        ("put", "durable", "k1", "new"),
        ("get", "durable", "k1"),
        ("increment", "durable", "k2", 1),
        ("get", "durable", "k3"),
        ("keys", "durable"),
    )
    incremented, cleared, version, got, begun, gone, walk = cold.results(ids)
    assert (incremented, got, begun, gone) == (2, ["new"], 1, None)
    assert 98 <= cleared <= 100 and version > 0
    assert walk[0] is None and sorted(walk[1]) == ["k1", "k2"]


def test_a_drop_comes_before_what_follows(cold):
    ids = cold.pipeline(
        ("drop", "durable"),
        ("open", "durable", {"tier": "durable"}),
        ("get", "durable", "k1"),
        ("put", "durable", "k1", "new", {"sync": True}),
        ("get", "durable", "k1"),
    )
    assert cold.results(ids[:3]) == [True, True, None]
    assert cold.result(ids[3]) > 0 and cold.result(ids[4]) == ["new"]


def test_a_sync_covers_notifications_that_arrived_before_it(own_daemon, cold):
    for i in range(100):
        cold.notify("increment", "durable", f"k{i}", 1000)
    cold.call("sync")
    own_daemon.kill9()
    answers = own_daemon.start().connect().call("get_many", "durable", [f"k{i}" for i in range(100)])
    assert answers == [[1000 + i] for i in range(100)]
