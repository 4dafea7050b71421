"""Tier `durable` in one life of the daemon and across clean stops: sync, checkpoint, restart, cold entries."""

import signal
import time

import pytest

from clock import eventually, pass_deadline

LONG = {"lease_ms": 600_000, "wait_ms": 600_000}


@pytest.fixture
def restarted(own_daemon):
    """restarted(fill): runs fill(wire), stops and starts the daemon; returns a new connection, all entries cold."""

    def run(fill):
        fill(own_daemon.connect())
        own_daemon.restart()
        return own_daemon.connect()

    return run


def test_sync_answers_what_it_wrote(wire, open_cache):
    cache = open_cache("durable")
    wire.call("put_many", cache, [[f"k{i}", "x" * 100] for i in range(50)])
    result = wire.call("sync", cache)
    assert set(result) == {"entries", "bytes", "duration_ms"}
    assert 0 <= result["entries"] <= 50 and result["duration_ms"] >= 0
    again = wire.call("sync", cache)
    assert (again["entries"], again["bytes"]) == (0, 0)


def test_sync_without_a_cache_syncs_every_durable_one_and_skips_the_others(wire, open_cache):
    caches = [open_cache("durable") for _ in range(3)]
    for cache in [*caches, "lru", "ttl"]:
        wire.call("put", cache, "k", 1)
    assert set(wire.call("sync")) == {"entries", "bytes", "duration_ms"}
    assert [wire.call("info", cache)["dirty_entries"] for cache in caches] == [0, 0, 0]
    assert set(wire.call("sync", None)) == {"entries", "bytes", "duration_ms"}


def test_several_syncs_at_once_are_all_answered(connect, open_cache):
    cache, wires = open_cache("durable"), [connect() for _ in range(5)]
    ids = [wire.pipeline(*[("put", cache, f"{i}", 1), ("sync", cache)] * 10) for i, wire in enumerate(wires)]
    for wire, some in zip(wires, ids):
        wire.results(some)
    assert wires[0].call("info", cache)["dirty_entries"] == 0


def test_writing_the_value_and_deadline_that_are_there_dirties_nothing(wire, open_cache):
    cache = open_cache("durable")
    version = wire.call("put", cache, "k", "same")
    wire.call("sync", cache)
    again = wire.call("put", cache, "k", "same")
    assert again > version
    assert wire.call("info", cache)["dirty_entries"] == 0
    assert wire.call("sync", cache)["entries"] == 0
    wire.call("put", cache, "k", "same", {"ttl_ms": 600_000})
    wire.call("sync", cache)
    assert wire.call("get", cache, "k", {"meta": True})[2] is not None


def test_put_with_sync_is_answered_when_the_key_is_on_disk(own_daemon):
    wire = own_daemon.connect()
    assert wire.call("put", "durable", "k", 1, {"sync": True}) > 0
    assert wire.call("put", "durable", "k", 2, {"if": "absent", "sync": True}) is None
    assert wire.call("put", "durable", "k", 1, {"sync": True}) > 0
    assert len(wire.call("put_many", "durable", [["a", 1], ["b", 2]], {"sync": True})) == 2
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    assert wire.call("get_many", "durable", ["k", "a", "b"]) == [[1], [1], [2]]


def test_delete_with_sync_is_answered_when_the_key_is_gone_from_disk(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [["a", 1], ["b", 1]], {"sync": True})
    assert wire.call("delete", "durable", "a", {"sync": True}) is True
    assert wire.call("delete", "durable", "a", {"sync": True}) is False
    assert wire.call("delete", "durable", "absent", {"sync": True}) is False
    own_daemon.kill9()
    assert own_daemon.start().connect().call("get_many", "durable", ["a", "b"]) == [None, [1]]


def test_a_put_with_sync_that_changed_nothing_still_waits_for_the_disk(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", 1)
    assert wire.call("put", "durable", "k", 9, {"if": "absent", "sync": True}) is None
    own_daemon.kill9()
    assert own_daemon.start().connect().call("get", "durable", "k") == [1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_without_sync_loses_nothing(own_daemon, number):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[f"k{i}", i] for i in range(5000)])
    wire.call("delete", "durable", "k7")
    own_daemon.stop(number)
    wire = own_daemon.start().connect()
    answers = wire.call("get_many", "durable", [f"k{i}" for i in range(5000)])
    assert answers == [[i] if i != 7 else None for i in range(5000)]


def test_a_checkpoint_comes_by_itself(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", 1)
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    own_daemon.kill9()
    assert own_daemon.start().connect().call("get", "durable", "k") == [1]


def test_many_dirty_bytes_start_a_checkpoint_early(start_daemon):
    wire = start_daemon("--checkpoint-interval", "60s").connect()
    started = time.monotonic()
    for i in range(40):
        wire.call("put", "durable", f"k{i}", bytes([i]) * (1 << 20))
    eventually(lambda: wire.call("info", "durable")["last_sync_ms"] is not None)
    assert time.monotonic() - started < 59


def test_definitions_of_durable_caches_survive_a_restart(restarted):
    options = {"tier": "durable", "max_age_ms": 500_000, "stale_ms": 7}
    wire = restarted(lambda wire: wire.call("open", "mine", options))
    assert wire.call("open", "mine", options) is False
    wire.fails("conflict", "open", "mine", {"tier": "durable"})
    info = wire.call("info", "mine")
    assert (info["tier"], info["max_age_ms"]) == ("durable", 500_000)


def test_a_definition_is_on_disk_before_open_is_answered(own_daemon):
    wire = own_daemon.connect()
    wire.call("open", "mine", {"tier": "durable", "max_age_ms": 500_000})
    wire.call("open", "mine", {"tier": "durable", "max_age_ms": 400_000, "alter": True})
    own_daemon.kill9()
    assert own_daemon.start().connect().call("info", "mine")["max_age_ms"] == 400_000


def test_deadlines_survive_a_restart_and_go_on_meanwhile(restarted):
    def fill(wire):
        wire.call("put", "durable", "long", 1, {"ttl_ms": 600_000})
        wire.call("put", "durable", "none", 1)
        wire.call("put", "durable", "short", 1, {"ttl_ms": 1})
        wire.call("put", "durable", "stale", 1, {"ttl_ms": 1, "stale_ms": 600_000})
        wire.call("put", "durable", "touched", 1)
        wire.call("sync", "durable")
        wire.call("touch", "durable", "touched", {"ttl_ms": 300_000})

    wire = restarted(fill)
    assert 400_000 < wire.call("get", "durable", "long", {"meta": True})[2] < 600_000
    assert 100_000 < wire.call("get", "durable", "touched", {"meta": True})[2] < 300_000
    assert wire.call("get", "durable", "none", {"meta": True})[2] is None
    assert wire.call("get", "durable", "short") is None
    assert wire.call("get", "durable", "stale") is None
    assert wire.call("lease", "durable", "stale", LONG)[0] == 1


def test_versions_survive_a_restart(restarted):
    versions = {}

    def fill(wire):
        for i in range(100):
            versions[f"k{i}"] = wire.call("put", "durable", f"k{i}", i)

    wire = restarted(fill)
    for key, version in versions.items():
        assert wire.call("get", "durable", key, {"meta": True})[1] == version
    assert wire.call("put", "durable", "k0", 0, {"if": versions["k0"]}) > max(versions.values())


def test_deletes_survive_a_restart(restarted):
    def fill(wire):
        wire.call("put_many", "durable", [[f"k{i}", i] for i in range(100)])
        wire.call("sync")
        wire.call("delete", "durable", "k1")
        wire.call("delete_many", "durable", ["k2", "k3"])

    wire = restarted(fill)
    assert wire.call("get_many", "durable", ["k0", "k1", "k2", "k3", "k4"]) == [[0], None, None, None, [4]]
    assert wire.call("info", "durable")["currsize"] == 97


@pytest.mark.parametrize("synced", [True, False])
def test_clear_survives_a_restart(restarted, synced):
    def fill(wire):
        wire.call("put_many", "durable", [[f"user:{i}", i] for i in range(500)] + [["other", 1]])
        if synced:
            wire.call("sync")
        assert wire.call("clear", "durable", {"prefix": "user:"}) == 500
        wire.call("put", "durable", "user:7", "new")

    wire = restarted(fill)
    assert sorted(wire.call("keys", "durable")[1]) == ["other", "user:7"]
    assert wire.call("get", "durable", "user:7") == ["new"]


def test_clear_of_cold_entries_counts_them(restarted):
    wire = restarted(lambda wire: wire.call("put_many", "durable", [[f"k{i}", i] for i in range(3000)]))
    assert wire.call("clear", "durable", {"prefix": "k1"}) == 1111
    assert wire.call("clear", "durable") == 3000 - 1111
    assert wire.call("keys", "durable") == [None, []]


def test_drop_is_answered_when_it_is_gone_from_disk(own_daemon):
    wire = own_daemon.connect()
    wire.call("open", "mine", {"tier": "durable"})
    wire.call("put_many", "mine", [[f"k{i}", i] for i in range(1000)], {"sync": True})
    assert wire.call("drop", "mine") is True
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    wire.fails("unknown_cache", "get", "mine", "k1")
    assert wire.call("open", "mine", {"tier": "durable"}) is True
    assert wire.call("keys", "mine") == [None, []]
    assert wire.call("info", "mine")["currsize"] == 0


def test_currsize_is_exact_after_a_sync(restarted):
    def fill(wire):
        wire.call("put_many", "durable", [[f"k{i}", i] for i in range(700)])
        wire.call("sync")
        assert wire.call("info", "durable")["currsize"] == 700

    wire = restarted(fill)
    wire.call("sync")
    assert wire.call("info", "durable")["currsize"] == 700
    wire.call("put_many", "durable", [["k1", "over"], ["new", 1]])
    wire.call("delete_many", "durable", ["k2", "k3", "absent"])
    wire.call("sync")
    assert wire.call("info", "durable")["currsize"] == 699


def cold_fill(wire):
    wire.call("put_many", "durable", [[f"k{i}", i] for i in range(20)])


COLD = {
    "get": (("get", "k5"), [5]),
    "get_many": (("get_many", ["k5", "absent", "k6"]), [[5], None, [6]]),
    "delete": (("delete", "k5"), True),
    "delete of what is absent": (("delete", "absent"), False),
    "delete_many": (("delete_many", ["k5", "absent", "k6"]), 2),
    "touch": (("touch", "k5"), True),
    "touch of what is absent": (("touch", "absent"), False),
    "increment": (("increment", "k5", 1), 6),
    "increment with initial": (("increment", "k5", 1, {"initial": 100}), 6),
    "put if absent": (("put", "k5", 1, {"if": "absent"}), None),
    "put if present": (("put", "absent", 1, {"if": "present"}), None),
    "put if version": (("put", "k5", 1, {"if": 2**52}), None),
    "lease": (("lease", "k5"), [5]),
    "release": (("release", "k5", 1), False),
}


@pytest.mark.parametrize("case", COLD)
def test_a_cold_entry_is_as_good_as_any(restarted, case):
    (method, *params), result = COLD[case]
    wire = restarted(cold_fill)
    assert wire.call(method, "durable", *params) == result


def test_walks_tell_cold_and_dirty_keys_alike(restarted):
    wire = restarted(lambda wire: wire.call("put_many", "durable", [[f"old{i}", i] for i in range(2500)]))
    wire.call("put_many", "durable", [[f"new{i}", i] for i in range(100)])
    wire.call("delete_many", "durable", [f"old{i}" for i in range(100)])
    cursor, keys = None, []
    while cursor is not None or not keys:
        cursor, some = wire.call("keys", "durable", {"limit": 300, **({"cursor": cursor} if cursor else {})})
        keys += some
    assert sorted(keys) == sorted([f"old{i}" for i in range(100, 2500)] + [f"new{i}" for i in range(100)])


def test_keep_ttl_knows_the_deadline_of_a_cold_entry(restarted):
    wire = restarted(lambda wire: wire.call("put", "durable", "k", 1, {"ttl_ms": 600_000}))
    wire.call("put", "durable", "k", 2, {"keep_ttl": True})
    assert 300_000 < wire.call("get", "durable", "k", {"meta": True})[2] < 600_000


def test_expiry_of_a_cold_entry_is_noticed_when_it_is_met(own_daemon):
    own_daemon.connect().call("put", "durable", "k", 1, {"ttl_ms": 2000, "sync": True})
    own_daemon.kill9()  # before it expires in memory
    wire = own_daemon.start().connect()
    pass_deadline(2000)
    assert wire.call("get", "durable", "k") is None
    assert wire.call("info", "durable")["expirations"] == 1


def test_counters_start_anew_with_the_daemon(restarted):
    def fill(wire):
        wire.call("put", "durable", "k", 1)
        wire.call("get", "durable", "k")

    info = restarted(fill).call("info", "durable")
    assert (info["hits"], info["misses"], info["puts"]) == (0, 0, 0)


def test_several_durable_caches_keep_apart(restarted):
    def fill(wire):
        for i in range(10):
            wire.call("open", f"cache{i}", {"tier": "durable"})
            wire.call("put", f"cache{i}", "k", i)

    wire = restarted(fill)
    assert [wire.call("get", f"cache{i}", "k") for i in range(10)] == [[i] for i in range(10)]
