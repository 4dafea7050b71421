"""Entries read out of the daemon's memory: as without that, but with no request."""

import os
import signal
import threading
import time

import pytest
from clock import eventually
from programs import Programs
from shared_reads import Decorated, listing, requests, shared_hits, talking

import pannier
from pannier.extensions import message_pack


@pytest.fixture
def connect(daemon):
    """connect(shared_reads): a client of the shared daemon."""
    clients = []

    def connect_to(shared_reads="always", path=daemon.socket_path):
        clients.append(pannier.connect(path, shared_reads=shared_reads))
        return clients[-1]

    yield connect_to
    for connected in clients:
        connected.close()


@pytest.mark.parametrize("read", ["get", "get_raw", "get_entry", "get_many", "index", "in"])
def test_a_hit_is_no_request_and_counts_as_a_shared_hit(connect, client, cache, read):
    cache.put("k", [1])
    reader = connect().cache(cache.name)
    ways = {
        "get": lambda: reader.get("k") == [1],
        "get_raw": lambda: reader.get_raw("k") == message_pack.pack([1]),
        "get_entry": lambda: reader.get_entry("k").value == [1],
        "get_many": lambda: reader.get_many(["k"]) == {"k": [1]},
        "index": lambda: reader["k"] == [1],
        "in": lambda: "k" in reader,
    }
    assert ways[read]()
    before, hits = requests(client), shared_hits(client, cache.name)
    assert all(ways[read]() for _ in range(100))
    assert shared_hits(client, cache.name) == hits + 100
    # The two infos that this test has asked for since, and this one.
    assert requests(client) == before + 3


def test_auto_begins_with_the_seventeenth_get(connect, client, cache):
    cache.put("k", 1)
    reader = connect("auto").cache(cache.name)
    assert [reader.get("k") for _ in range(16)] == [1] * 16
    assert shared_hits(client, cache.name) == 0
    assert [reader.get("k") for _ in range(10)] == [1] * 10
    assert shared_hits(client, cache.name) == 10


def test_never_makes_requests_only(connect, client, cache):
    cache.put("k", 1)
    reader = connect("never").cache(cache.name)
    before = requests(client)
    assert all(reader.get("k") == 1 for _ in range(100))
    assert shared_hits(client, cache.name) == 0
    assert requests(client) == before + 102


def test_a_daemon_that_shares_with_nobody_is_asked(start_daemon, connect):
    daemon = start_daemon("--max-shared-readers", "0")
    cache = connect(path=daemon.socket_path).cache("lru")
    cache.put("k", 1)
    assert all(cache.get("k") == 1 for _ in range(100))
    assert cache.get("absent") is None
    assert shared_hits(cache.client, "lru") == 0


def test_a_wrong_wish_is_refused_when_it_is_made(daemon):
    with pytest.raises(pannier.InvalidArgument, match="shared_reads"):
        pannier.connect(daemon.socket_path, shared_reads="sometimes")
    with pytest.raises(pannier.InvalidArgument, match="shared_reads"):
        pannier.configure(shared_reads="sometimes")


@pytest.mark.parametrize("size", [0, 1000, 70_000, 3_000_000])
def test_values_of_every_size_are_read_whole(connect, cache, size):
    value = bytes(range(256)) * (size // 256 + 1)
    cache.put("k", value)
    reader = connect().cache(cache.name)
    assert all(reader.get("k") == value for _ in range(20))


def test_many_are_read_whole_however_much_they_are_together(connect, client, cache):
    values = {f"k{i}": bytes([i]) * 3000 for i in range(100)}
    cache.put_many(values)
    reader = connect().cache(cache.name)
    assert reader.get_many([*values, "absent"]) == values
    before = client.cache(cache.name).info()
    assert reader.get_many([*values, "absent"]) == values
    after = client.cache(cache.name).info()
    assert (after.hits - before.hits, after.misses - before.misses) == (100, 1)


def test_an_unknown_cache_raises_as_ever(connect):
    reader = connect().cache("never opened")
    for read in (lambda: reader.get("k"), lambda: reader.get_many([]), lambda: reader.get_many(["k"])):
        with pytest.raises(pannier.errors.UnknownCache):
            read()


def test_what_another_process_puts_is_seen_at_the_next_read(sharing, connect, cache, tmp_path):
    programs = Programs(tmp_path)
    reader = connect().cache(cache.name)
    with talking(programs, cache.name, b"k") as put:
        for number in range(1000):
            put(number)
            assert reader.get("k") == [number]


def test_a_cache_that_was_dropped_and_reopened_is_read_as_it_is(connect, client, cache):
    reader = connect().cache(cache.name)
    for number in range(100):
        cache.put("k", number)
        assert reader.get("k") == number
        cache.drop()
        client.open(cache.name, "lru")
        assert reader.get("k") is None


def test_hits_of_a_function_are_forgotten_when_it_is_cleared(sharing):
    listed = pannier.lru_cache(maxsize=1000)(listing)
    for _ in range(3):
        assert all(listed(1) == [1] for _ in range(100))
        listed.cache_clear()
        assert listed.cache_info() == (0, 0, 1000, 0)


@pytest.mark.parametrize("arena", ["memory", "file"])
def test_a_daemon_that_is_killed_takes_nothing_stale_with_it(start_daemon, let_find, new_name, arena):
    daemon = start_daemon("--arena-file", "arena", parent="/dev/shm") if arena == "file" else start_daemon()
    let_find(daemon.socket_path)
    pannier.configure(shared_reads="always")
    with pannier.connect(daemon.socket_path, shared_reads="never") as other:
        name = new_name()
        other.open(name, "lru")
        cached = Decorated(pannier.lru_cache, other, name)
        reader = pannier.config.default_client().cache(name)
        for number in range(5):
            cached.settle()
            reader.put("k", number)
            assert reader.get("k") == number
            daemon.kill9()
            # Nobody serves: computed, by itself.
            assert cached.call(1) == [1]
            with pytest.raises(pannier.errors.TransportError):
                reader.get("k")
            daemon.start()
            other.open(name, "lru", max_entries=128, alter=True)
            assert reader.get("k") == (number if arena == "file" else None)
            other.cache(name).put(cached.key, ["after", number])
            eventually(lambda expected=["after", number]: cached.call(1) == expected)
            other.cache(name).put("k", "after")
            assert reader.get("k") == "after"
            other.cache(name).put(cached.key, ["later", number])
            assert cached.call(1) == ["later", number]


def test_a_daemon_that_hangs_holds_up_a_get_for_no_longer_than_a_request(own_daemon):
    path = own_daemon.socket_path
    with pannier.connect(path, timeout=0.1, connect_timeout=60, shared_reads="always") as client:
        client.ping()
        os.kill(own_daemon.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(pannier.errors.TransportError):
                client.cache("lru").get("k")
            assert time.monotonic() - began < 30
        finally:
            os.kill(own_daemon.pid, signal.SIGCONT)


def test_a_daemon_that_dies_under_readers_breaks_none(own_daemon):
    with pannier.connect(own_daemon.socket_path, shared_reads="always") as client:
        cache = client.cache("lru")
        cache.put("k", [1] * 100)
        is_over = threading.Event()
        wrong = []

        def read():
            while not is_over.is_set():
                try:
                    value = cache.get("k")
                except pannier.errors.TransportError:
                    continue
                if value is not None and value != [1] * 100:
                    wrong.append(value)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.2)
            own_daemon.kill9()
            own_daemon.start()
            cache.put("k", [1] * 100)
        is_over.set()
        for thread in threads:
            thread.join()
        assert not wrong
