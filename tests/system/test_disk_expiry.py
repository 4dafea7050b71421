"""Entries of a durable cache that have expired and are on disk alone leave the disk by themselves."""

import glob
import os
import time

import pytest

from clock import eventually

COUNT = 3_000
VALUE = b"x" * 2_000
TTL_MS = 3_000


@pytest.fixture
def daemon_on(start_daemon):
    """Its memory has room for a part of the entries only."""
    return start_daemon("--memory-limit", "4M", "--expire-interval", "200ms", "--checkpoint-interval", "50ms")


def fill(wire, prefix, options):
    for start in range(0, COUNT, 100):
        entries = [[f"{prefix}{i:05}", VALUE] for i in range(start, start + 100)]
        wire.call("put_many", "durable", entries, {**options, "sync": True})


def count(wire):
    return wire.call("info", "durable")["currsize"]


def keys(wire):
    return wire.call("keys", "durable", {"limit": 10_000})[1]


def test_what_has_expired_on_disk_alone_goes_without_being_asked_for_and_the_rest_stays(daemon_on):
    wire = daemon_on.connect()
    fill(wire, "short", {"ttl_ms": TTL_MS})
    fill(wire, "long", {})  # pushes the others out of memory
    assert wire.call("info", "durable")["used_bytes"] < COUNT * len(VALUE)
    eventually(lambda: count(wire) == COUNT, timeout_s=60)
    assert wire.call("info", "durable")["expirations"] == COUNT
    assert wire.call("sync", "durable")
    assert count(wire) == COUNT and len(keys(wire)) == COUNT
    daemon_on.kill9()  # what is on disk alone now
    wire = daemon_on.start().connect()
    assert count(wire) == COUNT and keys(wire) == [f"long{i:05}" for i in range(COUNT)]
    assert wire.call("get", "durable", "long00007") == [VALUE]


def test_what_is_written_while_it_is_looked_for_stays(daemon_on):
    wire = daemon_on.connect()
    fill(wire, "k", {"ttl_ms": TTL_MS})
    fill(wire, "other", {})
    latest = {}
    deadline = time.monotonic() + 2 * TTL_MS / 1000
    number = 0
    while time.monotonic() < deadline:  # across the moment at which they expire
        number += 1
        latest[f"k{number * 7 % COUNT:05}"] = number
        wire.call("put", "durable", f"k{number * 7 % COUNT:05}", number)
        time.sleep(0.002)
    eventually(lambda: count(wire) == COUNT + len(latest), timeout_s=60)
    wire.call("sync", "durable")
    daemon_on.kill9()
    wire = daemon_on.start().connect()
    assert count(wire) == COUNT + len(latest)
    assert {key: wire.call("get", "durable", key) for key in latest} == {key: [n] for key, n in latest.items()}


def test_a_stale_entry_stays_as_long_as_a_lease_may_get_it(daemon_on):
    wire = daemon_on.connect()
    wire.call("put", "durable", "stale", 1, {"ttl_ms": 1, "stale_ms": 600_000, "sync": True})
    wire.call("put", "durable", "gone", 1, {"ttl_ms": 1_000, "stale_ms": 1, "sync": True})
    daemon_on.stop()
    daemon_on.start()
    wire = daemon_on.connect()
    eventually(lambda: count(wire) == 1, timeout_s=60)
    assert wire.call("lease", "durable", "stale")[0] == 1


def test_what_cannot_be_read_is_stepped_over(start_daemon):
    daemon = start_daemon()
    wire = daemon.connect()
    wire.call("put", "durable", "a", "before all others", {"sync": True})
    fill(wire, "short", {"ttl_ms": TTL_MS})
    wire.call("put", "durable", "z", "behind them", {"sync": True})
    daemon.kill9()
    daemon.start().stop()  # makes a table of the log
    newest = max(glob.glob(f"{daemon.data_dir}/durable/*.ldb"))
    with open(newest, "r+b") as file:
        file.seek(os.path.getsize(newest) // 3)
        file.write(bytes(100))
    daemon.arguments += ["--expire-interval", "100ms"]
    wire = daemon.start().connect()
    eventually(lambda: count(wire) < COUNT // 10, timeout_s=60)
    eventually(lambda: wire.call("info", "durable")["expirations"] == COUNT + 2 - count(wire), timeout_s=60)
    assert count(wire) > 2, "what lies in the damaged block"
    assert wire.call("get_many", "durable", ["a", "z"]) == [["before all others"], ["behind them"]]
    assert "a read from disk failed: cannot read records of cache 1 around key" in daemon.log()


def test_a_cache_without_deadlines_is_looked_at_again_once_there_is_one(daemon_on):
    wire = daemon_on.connect()
    fill(wire, "long", {})
    time.sleep(1)  # for a few walks to find none
    fill(wire, "short", {"ttl_ms": TTL_MS})
    fill(wire, "long", {})  # pushes them out of memory
    eventually(lambda: count(wire) == COUNT, timeout_s=60)
    assert keys(wire) == [f"long{i:05}" for i in range(COUNT)]
