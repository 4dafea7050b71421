"""kill -9: what `sync` had answered is there, versions are never used twice, nothing is torn."""

import contextlib
import os
import random
import signal

import pytest

from clock import eventually

MEBIBYTE = 1 << 20


def test_all_that_sync_had_answered_is_there_after_kill_9(own_daemon):
    wire = own_daemon.connect()
    for start in range(0, 20_000, 2000):
        wire.call("put_many", "durable", [[f"k{i}", {"value": i}] for i in range(start, start + 2000)])
    wire.call("sync", "durable")
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    for start in range(0, 20_000, 2000):
        keys = [f"k{i}" for i in range(start, start + 2000)]
        assert wire.call("get_many", "durable", keys) == [[{"value": i}] for i in range(start, start + 2000)]
    wire.call("sync")
    assert wire.call("info", "durable")["currsize"] == 20_000


def log_bytes(daemon):
    """Of what LevelDB reads again at its next start."""
    total = 0
    for file in os.scandir(os.path.join(daemon.data_dir, "durable")):
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_size if file.name.endswith(".log") else 0
    return total


def test_a_log_is_short_when_nothing_was_written_for_a_while_and_all_of_it_is_there_after_kill_9(own_daemon):
    wire = own_daemon.connect()
    values = [[f"k{i}", random.Random(i).randbytes(MEBIBYTE)] for i in range(10)]
    wire.call("put_many", "durable", values)
    wire.call("sync", "durable")
    eventually(lambda: log_bytes(own_daemon) < MEBIBYTE)
    wire.call("put", "durable", "later", 1, {"sync": True})
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    assert wire.call("get_many", "durable", [key for key, _ in values]) == [[value] for _, value in values]
    assert wire.call("get", "durable", "later") == [1]


def test_sync_without_a_cache_is_as_good(own_daemon):
    wire = own_daemon.connect()
    wire.call("open", "other", {"tier": "durable"})
    wire.call("put", "other", "k", 1)
    wire.call("put", "durable", "k", 2)
    wire.call("sync")
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    assert (wire.call("get", "other", "k"), wire.call("get", "durable", "k")) == ([1], [2])


def test_overwrites_and_deletes_that_were_synced_are_there(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [["a", 1], ["b", 1], ["c", 1]])
    wire.call("sync")
    wire.call("put", "durable", "a", 2)
    wire.call("delete", "durable", "b")
    wire.call("touch", "durable", "c", {"ttl_ms": 600_000})
    wire.call("increment", "durable", "n", 41)
    wire.call("sync")
    own_daemon.kill9()
    wire = own_daemon.start().connect()
    assert wire.call("get_many", "durable", ["a", "b", "n"]) == [[2], None, [41]]
    assert 300_000 < wire.call("get", "durable", "c", {"meta": True})[2] <= 600_000


def test_several_crashes_in_a_row_lose_nothing_synced(own_daemon):
    model, generator = {}, random.Random(7)
    wire = own_daemon.connect()
    for _ in range(4):
        requests = []
        for _ in range(500):
            key = f"k{generator.randrange(300)}"
            if generator.random() < 0.3:
                requests.append(("delete", "durable", key))
                model.pop(key, None)
            else:
                model[key] = generator.randrange(1000)
                requests.append(("put", "durable", key, model[key]))
        wire.results(wire.pipeline(*requests))
        wire.call("sync", "durable")
        own_daemon.kill9()
        wire = own_daemon.start().connect()
        keys = [f"k{i}" for i in range(300)]
        expected = [[model[key]] if key in model else None for key in keys]
        assert wire.call("get_many", "durable", keys) == expected


def test_a_crash_under_load_tears_nothing(own_daemon):
    """Each value repeats its number; whatever is found after the crash is whole, and not older than the last sync."""
    wire = own_daemon.connect()
    synced = -1
    for number in range(200):
        wire.notify("put_many", "durable", [[f"k{i}", [number] * 200] for i in range(20)])
        if number % 40 == 20:
            wire.call("sync", "durable")
            synced = number
    wire.request("sync", "durable")
    own_daemon.send_signal(signal.SIGKILL)
    own_daemon.wait()
    wire = own_daemon.start().connect()
    for i in range(20):
        (value,) = wire.call("get", "durable", f"k{i}")
        assert value == [value[0]] * 200
        assert synced <= value[0] <= 199


@pytest.mark.parametrize("end", ["kill9", "stop"])
def test_versions_are_never_used_twice(own_daemon, end):
    last = 0
    for _ in range(4):
        wire = own_daemon.connect()
        for i in range(300):
            version = wire.call("put", "durable", f"k{i}", 1)
            assert version > last
            last = version
        getattr(own_daemon, end)()
        own_daemon.start()


def test_versions_are_never_used_twice_across_drop_and_crash(own_daemon):
    wire, last = own_daemon.connect(), 0
    for round_number in range(6):
        wire.call("open", "mine", {"tier": "durable"})
        version = wire.call("put", "mine", "k", 1, {"sync": True})
        assert version > last
        last = version
        wire.call("drop", "mine")
        if round_number % 2:
            own_daemon.kill9()
            wire = own_daemon.start().connect()


def test_versions_of_a_cache_in_memory_are_never_used_twice_across_a_crash(own_daemon):
    first = own_daemon.connect().call("put", "lru", "k", 1)
    own_daemon.kill9()
    assert own_daemon.start().connect().call("put", "lru", "k", 1) > first


def test_a_crash_while_clearing_leaves_old_entries_or_none(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[f"k{i}", i] for i in range(5000)], {"sync": True})
    wire.request("clear", "durable")
    own_daemon.send_signal(signal.SIGKILL)
    own_daemon.wait()
    wire = own_daemon.start().connect()
    for i, answer in enumerate(wire.call("get_many", "durable", [f"k{i}" for i in range(5000)])):
        assert answer in (None, [i])
    wire.call("put", "durable", "new", 1)
    assert wire.call("get", "durable", "new") == [1]
