"""Large values are read straight into their place in memory: nobody sees that but by what it costs."""

import socket

import msgpack
import pytest

from clock import eventually, sleep_ms
from wire import Wire, request_bytes

KIBIBYTE = 1 << 10
MEBIBYTE = 1 << 20
VALUE = bytes(range(256)) * 4 * KIBIBYTE  # 1 MiB


@pytest.fixture
def own(start_daemon):
    """(a daemon of the test's own, one who looks at it, one who sends)"""
    daemon = start_daemon("--memory-limit", "64M")
    return daemon, daemon.connect(), daemon.connect()


def server_info(wire):
    return wire.call("info")["server"]


def put_bytes(key=b"key", value=VALUE, msgid=7, cache="lru"):
    return request_bytes(msgid, "put", cache, key, value)


def begin(sender, observer, data, at_least=256 * KIBIBYTE):
    """Sends the beginning of a request, and returns when so much of it lies where it is to stay."""
    before = server_info(observer)["memory_used"]
    sender.send(data)
    eventually(lambda: server_info(observer)["memory_used"] >= before + at_least)


def test_what_has_arrived_lies_in_the_memory_of_the_caches_and_is_its_clients_until_it_is_whole(own):
    _, observer, sender = own
    request = put_bytes()
    begin(sender, observer, request[: 600 * KIBIBYTE], at_least=590 * KIBIBYTE)
    assert 590 * KIBIBYTE < server_info(observer)["buffer_bytes"] < 1024 * KIBIBYTE
    assert observer.call("get", "lru", b"key") is None
    sender.send(request[600 * KIBIBYTE :])
    version = sender.result(7)
    assert server_info(observer)["buffer_bytes"] < 128 * KIBIBYTE
    assert observer.call("get", "lru", b"key", {"meta": True})[:2] == [VALUE, version]


@pytest.mark.parametrize("size", [65_536, 131_072, 200_000, 1_000_000, 6_000_000])
@pytest.mark.parametrize("kind", ["bin", "str", "ext", "list"])
def test_values_of_every_size_and_type_come_back(wire, open_cache, kind, size):
    cache = open_cache()
    data = VALUE * (size // len(VALUE)) + VALUE[: size % len(VALUE)]
    value = {
        "bin": data,
        "str": "v" * size,
        "ext": msgpack.ExtType(5, data),
        "list": [data[: size // 2], data[size // 2 :]],
    }[kind]
    for _ in range(3):
        assert wire.call("put", cache, "key", value) > 0
        assert wire.call("get", cache, "key") == [value]


@pytest.mark.parametrize("size", [*range(8_130, 8_150), 20_000, 65_535])
def test_keys_that_fill_the_first_slot_of_an_entry_are_no_matter(wire, open_cache, size):
    cache, key, value = open_cache(), b"k" * size, VALUE[:250_000]
    for _ in range(2):
        assert wire.call("put", cache, key, value) > 0
    assert wire.call("get", cache, key) == [value]


@pytest.mark.parametrize("part", [997, 40_000, 150_001])
def test_a_client_that_sends_little_at_a_time_is_served_the_same(connect, wire, open_cache, part):
    cache, other = open_cache(), connect()
    request = b"".join(put_bytes(cache=cache, value=VALUE[:200_000], msgid=msgid) for msgid in [7, 8])
    for start in range(0, len(request), part):
        wire.send(request[start : start + part])
        other.call("ping")  # and the other has its turn
    assert wire.call("get", cache, b"key") == [VALUE[:200_000]]
    assert wire.result(7) < wire.result(8)


def put_in_parts(sender, observer, first=b""):
    """A value of which the beginning, or what comes after `first`, lies where it is to stay before the rest comes."""
    begin(sender, observer, put_bytes()[len(first) : 600 * KIBIBYTE])
    sender.send(put_bytes()[600 * KIBIBYTE :])
    assert sender.result(7) > 0
    assert observer.call("get", "lru", b"key") == [VALUE]
    observer.call("clear", "lru")


@pytest.mark.parametrize("head", [1, 20, 5_000])
def test_the_head_of_a_value_may_come_alone(own, head):
    _, observer, sender = own
    for _ in range(3):
        sender.send(put_bytes()[:head])
        for _ in range(2):
            observer.call("ping")  # by the second it was read
        put_in_parts(sender, observer, put_bytes()[:head])


def test_a_value_that_begins_behind_more_than_one_turn_of_requests_has_its_place(own):
    _, observer, sender = own
    small = b"".join(request_bytes(msgid, "get", "lru", b"key") for msgid in range(100, 1_200))
    begin(sender, observer, small + put_bytes()[: 20 * KIBIBYTE])
    sender.send(put_bytes()[20 * KIBIBYTE :])
    assert sender.result(7) > 0
    assert sender.results(range(100, 1_200)) == [None] * 1_100
    assert observer.call("get", "lru", b"key") == [VALUE]


def test_where_pages_are_larger_every_value_has_its_place_too(start_daemon):
    daemon = start_daemon("--memory-limit", "33G")
    observer, sender = daemon.connect(), daemon.connect()
    for _ in range(4):
        put_in_parts(sender, observer)


def test_a_client_that_leaves_in_the_middle_leaves_nothing(own):
    daemon, observer, sender = own
    observer.call("put", "lru", b"key", b"old")
    before = server_info(observer)["memory_used"]
    for end in [Wire.close, Wire.finish_sending]:
        sender = daemon.connect()
        begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
        end(sender)
        eventually(lambda: server_info(observer)["memory_used"] == before)
    assert observer.call("get", "lru", b"key") == [b"old"]


def test_where_reading_fails_in_the_middle_nothing_is_left(start_daemon):
    daemon = start_daemon("--memory-limit", "64M", "--log-level", "debug")
    observer, sender = daemon.connect(), daemon.connect()
    observer.call("put", "lru", b"key", b"old")
    before = server_info(observer)
    # Who leaves without having read a reply resets the connection.
    sender.request("ping")
    assert sender.socket.recv(1, socket.MSG_PEEK)
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    sender.close()
    eventually(lambda: "is gone: connection reset by peer" in daemon.log())
    eventually(lambda: server_info(observer)["memory_used"] == before["memory_used"])
    assert server_info(observer)["connections"] == before["connections"] - 1
    assert observer.call("get", "lru", b"key") == [b"old"]


def test_requests_around_a_large_one_keep_their_order(wire, open_cache):
    cache = open_cache()
    small, large, other = b"s" * 10, VALUE, VALUE[::-1]
    asked = [
        ("put", cache, "key", small), ("get", cache, "key"),
        ("put", cache, "key", large), ("get", cache, "key"),
        ("put", cache, "key", other), ("put", cache, "key", small), ("get", cache, "key"),
        ("put", cache, "key", large, {"if": "absent"}), ("get", cache, "key"),
        ("put", cache, "key", large, {"if": "present"}), ("get", cache, "key"),
    ]  # fmt: skip
    replies = wire.results(wire.pipeline(*asked))
    assert [reply for (method, *_), reply in zip(asked, replies) if method == "get"] == [
        [small], [large], [small], [small], [large],
    ]  # fmt: skip
    versions = [reply for (method, *_), reply in zip(asked, replies) if method == "put"]
    assert versions[4] is None
    written = versions[:4] + versions[5:]
    assert written == sorted(written) and None not in written


def test_the_same_bytes_again_are_no_change_on_disk(wire, open_cache):
    cache = open_cache("durable")
    first = wire.call("put", cache, "key", VALUE)
    wire.call("sync", cache)
    again = wire.call("put", cache, "key", VALUE)
    assert again > first
    assert wire.call("info", cache)["dirty_entries"] == 0
    wire.call("put", cache, "key", VALUE[:-1] + b"!")
    assert wire.call("info", cache)["dirty_entries"] == 1


def test_what_is_refused_is_refused_when_it_is_whole(wire, open_cache):
    bounded = open_cache(max_bytes=500_000)
    wire.fails("out_of_memory", "put", bounded, "key", VALUE)
    wire.fails("unknown_cache", "put", "nobody-opened-this", "key", VALUE)
    assert wire.call("get", bounded, "key") is None


def test_a_cache_that_is_dropped_meanwhile_is_not_there_when_the_value_is_whole(own):
    _, observer, sender = own
    for reopens in [False, True]:
        observer.call("open", "short", {"tier": "lru"})
        before = server_info(observer)["memory_used"]
        request = put_bytes(cache="short")
        begin(sender, observer, request[: 600 * KIBIBYTE])
        observer.call("drop", "short")
        if reopens:
            observer.call("open", "short", {"tier": "lru", "stale_ms": 1_000})
        sender.send(request[600 * KIBIBYTE :])
        reply = sender.reply(7)
        if reopens:
            assert reply.error is None
            assert observer.call("get", "short", b"key") == [VALUE]
        else:
            assert reply.error.startswith("unknown_cache")
            eventually(lambda: server_info(observer)["memory_used"] <= before)


def test_who_begins_to_monitor_is_told_of_it(own):
    daemon, observer, sender = own
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    watcher = daemon.connect()
    watcher.call("monitor", {"method": "put"})
    sender.send(put_bytes()[600 * KIBIBYTE :])
    assert sender.result(7) > 0
    eventually(lambda: b"put" in bytes(repr(watcher.receive()), "utf-8"))


def test_subscribers_and_those_who_wait_for_a_lease_are_told(own):
    daemon, observer, sender = own
    subscriber, holder, waiter = daemon.connect(), daemon.connect(), daemon.connect()
    subscriber.call("subscribe", "lru")
    assert holder.call("lease", "lru", b"key")
    waiting = waiter.request("lease", "lru", b"key", {"wait_ms": 60_000})
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    sender.send(put_bytes()[600 * KIBIBYTE :])
    assert sender.result(7) > 0
    assert VALUE in waiter.result(waiting)
    assert subscriber.invalidation().keys == ["key"]


def test_many_in_the_middle_of_a_value_take_a_share_of_little_memory(start_daemon):
    daemon = start_daemon("--memory-limit", "16M")
    observer = daemon.connect()
    senders = [daemon.connect() for _ in range(60)]
    requests = [put_bytes(key=b"large-%d" % i, value=VALUE[: 300_000 + i]) for i in range(60)]
    for sender, request in zip(senders, requests):
        sender.send(request[:200_000])
    for i in range(40_000):
        observer.notify("put", "lru", b"%d" % i, b"v" * 400)
    info = server_info(observer)
    assert info["memory_used"] <= info["memory_limit"] == 16 * MEBIBYTE
    # The most are not in the memory of the caches.
    assert info["buffer_bytes"] > 40 * 200_000
    for sender, request in zip(senders, requests):
        sender.send(request[200_000:])
    assert all(sender.result(7) > 0 for sender in senders)
    for i in range(50, 60):
        assert observer.call("get", "lru", b"large-%d" % i) == [VALUE[: 300_000 + i]]


def test_those_that_have_stopped_in_the_middle_keep_nobody_from_a_place(start_daemon):
    daemon = start_daemon("--memory-limit", "128M")
    observer, sender = daemon.connect(), daemon.connect()
    stopped = [daemon.connect() for _ in range(64)]
    requests = [put_bytes(key=b"stopped-%d" % i, value=VALUE[i : i + 140_000]) for i in range(64)]
    for other, request in zip(stopped, requests):
        begin(other, observer, request[:100_000], at_least=120_000)
    sleep_ms(1_000)
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    sender.send(put_bytes()[600 * KIBIBYTE :])
    assert sender.result(7) > 0
    for other, request in zip(stopped, requests):
        other.send(request[100_000:])
    assert all(other.result(7) > 0 for other in stopped)
    assert observer.call("get", "lru", b"key") == [VALUE]
    for i in range(64):
        assert observer.call("get", "lru", b"stopped-%d" % i) == [VALUE[i : i + 140_000]]


def test_a_value_that_arrives_makes_way_for_one_that_needs_all_memory(start_daemon):
    daemon = start_daemon("--memory-limit", "16M")
    observer, sender = daemon.connect(), daemon.connect()
    before = server_info(observer)["memory_used"]
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    free = 16 * MEBIBYTE - before - 1_100_000
    observer.call("put", "lru", b"all", b"x" * free)
    eventually(lambda: server_info(observer)["buffer_bytes"] > 500 * KIBIBYTE)
    assert observer.call("get", "lru", b"all") == [b"x" * free]
    sender.send(put_bytes()[600 * KIBIBYTE :])
    assert sender.result(7) > 0
    assert observer.call("get", "lru", b"key") == [VALUE]


def test_a_daemon_that_is_killed_in_the_middle_of_a_value_leaves_sound_memory(start_daemon, arena):
    daemon = start_daemon("--memory-limit", "64M", "--arena-file", arena)
    observer = daemon.connect()
    observer.call("put", "lru", b"key", b"old")
    before = server_info(observer)["memory_used"]
    senders = [daemon.connect() for _ in range(3)]
    for sender in senders:
        begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    daemon.kill9()
    daemon.start()
    assert "it is sound" in daemon.log()
    observer = daemon.connect()
    assert observer.call("get", "lru", b"key") == [b"old"]
    eventually(lambda: server_info(observer)["memory_used"] == before)


def test_a_daemon_that_stops_in_the_middle_of_a_value_stops_cleanly(own):
    daemon, observer, sender = own
    begin(sender, observer, put_bytes()[: 600 * KIBIBYTE])
    daemon.stop()
