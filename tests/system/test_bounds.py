"""Bounds in entries and bytes, at once and apart; the memory limit; who goes when it is full."""

import random
import shutil
import tempfile

import pytest

from daemon_process import Daemon


def keys_of(wire, cache):
    return set(wire.call("keys", cache, {"limit": 10_000})[1])


@pytest.mark.parametrize("entries_max", [1, 2, 10, 1000])
def test_max_entries_is_never_exceeded_and_the_newest_stay(wire, open_cache, entries_max):
    cache = open_cache(max_entries=entries_max)
    for i in range(entries_max + 50):
        wire.call("put", cache, f"key{i}", i)
    info = wire.call("info", cache)
    assert (info["currsize"], info["maxsize"], info["evictions"]) == (entries_max, entries_max, 50)
    assert keys_of(wire, cache) == {f"key{i}" for i in range(50, entries_max + 50)}


def test_an_overwrite_in_a_full_cache_evicts_nothing(wire, open_cache):
    cache = open_cache(max_entries=3)
    for i in range(30):
        wire.call("put", cache, f"key{i % 3}", i)
    assert wire.call("info", cache)["evictions"] == 0


def test_max_bytes_is_never_exceeded_and_the_most_recently_used_stay(wire, open_cache):
    cache, generator = open_cache(max_bytes=200_000), random.Random(5)
    recent = []
    for i in range(600):
        key = f"key{generator.randrange(200)}"
        if generator.random() < 0.3:
            if wire.call("get", cache, key) is not None:
                recent.remove(key)
                recent.append(key)
            continue
        wire.call("put", cache, key, b"x" * generator.choice([10, 100, 1000, 10_000, 30_000]))
        recent = [each for each in recent if each != key] + [key]
        info = wire.call("info", cache)
        assert info["used_bytes"] <= info["max_bytes"] == 200_000
        there = keys_of(wire, cache)
        assert there == set(recent[-len(there) :]), "not the most recently used ones"
        recent = recent[-len(there) :]


def test_used_bytes_count_key_value_and_overhead(wire, open_cache):
    cache = open_cache()
    assert wire.call("info", cache)["used_bytes"] == 0
    wire.call("put", cache, "k" * 1000, b"x" * 50_000)
    used = wire.call("info", cache)["used_bytes"]
    assert 51_000 < used < 60_000
    wire.call("put", cache, "k" * 1000, b"x" * 100)
    assert 1_100 < wire.call("info", cache)["used_bytes"] < 2_000
    wire.call("delete", cache, "k" * 1000)
    assert wire.call("info", cache)["used_bytes"] == 0


def test_both_bounds_hold_at_once(wire, open_cache):
    cache = open_cache(max_entries=20, max_bytes=100_000)
    for i in range(100):
        wire.call("put", cache, f"small{i}", 1)
    assert wire.call("info", cache)["currsize"] == 20
    for i in range(100):
        wire.call("put", cache, f"large{i}", b"x" * 20_000)
        info = wire.call("info", cache)
        assert info["currsize"] <= 20 and info["used_bytes"] <= 100_000
    assert keys_of(wire, cache) == {f"large{i}" for i in range(100 - info["currsize"], 100)}
    assert 3 <= info["currsize"] <= 4


def test_an_entry_that_can_never_fit_evicts_nothing(wire, open_cache):
    cache = open_cache(max_bytes=100_000)
    wire.call("put_many", cache, [[f"key{i}", i] for i in range(50)])
    wire.fails("out_of_memory", "put", cache, "large", b"x" * 100_000)
    info = wire.call("info", cache)
    assert (info["currsize"], info["evictions"]) == (50, 0)


def test_a_large_entry_takes_the_place_of_as_many_as_it_needs(wire, open_cache):
    cache = open_cache(max_bytes=100_000)
    wire.call("put_many", cache, [[f"key{i}", b"x" * 1_000] for i in range(50)])
    wire.call("put", cache, "large", b"x" * 90_000)
    there = keys_of(wire, cache)
    assert there - {"large"} == {f"key{i}" for i in range(51 - len(there), 50)}
    assert 7 <= len(there) <= 10


def test_increment_of_a_full_cache_keeps_within_its_bounds(wire, open_cache):
    cache = open_cache(max_entries=5)
    for i in range(20):
        wire.call("increment", cache, f"n{i}", 1)
    assert keys_of(wire, cache) == {f"n{i}" for i in range(15, 20)}


def test_evictions_and_expirations_and_deletes_are_counted_apart(wire, open_cache):
    cache = open_cache(max_entries=3)
    wire.call("put", cache, "expired", 1, {"ttl_ms": 0})
    wire.call("put", cache, "deleted", 1)
    wire.call("delete", cache, "deleted")
    for i in range(5):
        wire.call("put", cache, str(i), i)
    info = wire.call("info", cache)
    assert (info["evictions"], info["expirations"], info["deletes"]) == (2, 1, 1)


MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def small_daemon():
    """A daemon with a memory limit of 32 MiB."""
    process = Daemon(tempfile.mkdtemp(prefix="pannier-"), "--memory-limit", "32M")
    yield process.start()
    process.discard()
    shutil.rmtree(process.directory, ignore_errors=True)


def test_the_memory_limit_is_told_and_kept(small_daemon):
    wire = small_daemon.connect()
    assert wire.call("info")["server"]["memory_limit"] == 32 * MEBIBYTE
    for i in range(200):
        wire.call("put", "lru", f"key{i}", b"x" * MEBIBYTE)
        server = wire.call("info")["server"]
        assert server["memory_used"] <= server["memory_limit"]
    info = wire.call("info", "lru")
    assert 8 <= info["currsize"] <= 32, "the limit leaves room for some of them"
    there = keys_of(wire, "lru")
    assert there == {f"key{i}" for i in range(200 - len(there), 200)}, "not the most recently used ones"


def test_an_entry_larger_than_the_memory_limit_is_out_of_memory(start_daemon):
    wire = start_daemon("--memory-limit", "16M").connect()
    wire.call("put", "lru", "k", "old")
    assert wire.call("hello")["limits"]["max_value"] > 20 * MEBIBYTE
    wire.fails("out_of_memory", "put", "lru", "k", b"x" * (20 * MEBIBYTE))
    assert wire.call("get", "lru", "k") == ["old"]


def test_a_durable_cache_is_not_bounded_by_memory(small_daemon):
    wire = small_daemon.connect()
    for i in range(80):
        wire.call("put", "durable", f"key{i}", b"%d" % i * (MEBIBYTE // 2))
        if i % 5 == 4:  # before too much is dirty
            wire.call("sync", "durable")
    wire.call("sync")
    info = wire.call("info", "durable")
    assert (info["currsize"], info["evictions"]) == (80, 0)
    server = wire.call("info")["server"]
    assert server["memory_used"] <= server["memory_limit"]
    for i in range(80):
        assert wire.call("get", "durable", f"key{i}") == [b"%d" % i * (MEBIBYTE // 2)]


def test_reserved_bytes_of_one_cache_are_not_taken_by_others(small_daemon):
    wire = small_daemon.connect()
    wire.call("open", "reserved", {"tier": "lru", "reserved_bytes": 4 * MEBIBYTE})
    wire.call("put_many", "reserved", [[str(i), b"x" * 100_000] for i in range(20)])
    for i in range(100):
        wire.call("put", "lru", f"key{i}", b"x" * MEBIBYTE)
    assert wire.call("info", "reserved")["currsize"] == 20
    assert wire.call("info", "reserved")["evictions"] == 0
    wire.call("drop", "reserved")


def test_resident_memory_stays_near_the_limit(small_daemon, sanitized):
    if sanitized:
        pytest.skip("a sanitizer's own memory is counted too")
    wire, generator = small_daemon.connect(), random.Random(6)
    for _ in range(40):
        batch = [[f"key{generator.randrange(10_000)}", b"x" * generator.randrange(20_000)] for _ in range(100)]
        wire.call("put_many", "lru", batch)
    assert small_daemon.resident_bytes() < 32 * MEBIBYTE + 96 * MEBIBYTE


def test_expired_entries_of_one_cache_go_before_live_ones_of_another(start_daemon):
    wire = start_daemon("--memory-limit", "16M").connect()
    wire.call("put_many", "lru", [[f"live{i}", b"x" * 100_000] for i in range(50)])
    for i in range(200):
        wire.call("put", "ttl", f"dead{i}", b"x" * 100_000, {"ttl_ms": 0})
    assert wire.call("info", "lru")["evictions"] == 0
    assert all(wire.call("get_many", "lru", [f"live{i}" for i in range(50)]))
