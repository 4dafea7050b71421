"""Clients that connect and send nothing, send and never read, or leave in the middle: memory stays bounded, others
are served."""

import random
import time

import pytest

from wire import Raw, bin32, request_bytes

MEBIBYTE = 1 << 20
# What the daemon may grow by for one client that misbehaves: its output and input, and the allocator's slack.
GROWTH_MAX = 48 * MEBIBYTE


def send_until_blocked(wire, data, blocked_s=0.5, bytes_max=200 * MEBIBYTE):
    """Sends `data` again and again until the daemon takes no more for a while; returns how many bytes it took."""
    wire.socket.settimeout(blocked_s)
    sent = 0
    try:
        while sent < bytes_max:
            sent += wire.socket.send(data)
    except TimeoutError:
        pass
    return sent


def is_served(wire):
    started = time.monotonic()
    assert wire.call("ping") == "pong"
    return time.monotonic() - started < 5


def test_clients_that_connect_and_send_nothing_do_no_harm(connect):
    silent = [connect() for _ in range(100)]
    other = connect()
    assert is_served(other)
    time.sleep(0.2)
    assert all(wire.call("ping") == "pong" for wire in silent[::10])


def test_clients_that_connect_and_leave_at_once_do_no_harm(daemon, connect):
    for _ in range(300):
        daemon.connect().close()
    assert is_served(connect())


def test_a_client_that_sends_and_never_reads_is_not_read_from_after_a_while(daemon, connect, open_cache, sanitized):
    deaf, other, cache = connect(), connect(), open_cache()
    other.call("put", cache, "k", b"x" * 10_000)
    before = daemon.resident_bytes()
    taken = send_until_blocked(deaf, request_bytes(1, "get", cache, "k") * 1000, bytes_max=20 * MEBIBYTE)
    assert taken < 20 * MEBIBYTE, "the daemon reads on and on"
    assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < GROWTH_MAX


def test_such_a_client_gets_all_its_replies_when_it_reads_at_last(connect, open_cache):
    deaf, cache = connect(), open_cache()
    deaf.call("put", cache, "k", b"x" * 10_000)
    deaf.socket.setblocking(False)
    requests = b"".join(request_bytes(10_000 + i, "get", cache, "k") for i in range(3000))
    sent = 0
    while sent < len(requests):
        try:
            sent += deaf.socket.send(requests[sent : sent + 4096])
        except BlockingIOError:
            deaf.receive()
            deaf.socket.setblocking(False)
    assert all(deaf.result(10_000 + i) == [b"x" * 10_000] for i in range(3000))


def test_many_clients_that_never_read_are_bounded_too(daemon, connect, open_cache, sanitized):
    other, cache = connect(), open_cache()
    other.call("put", cache, "k", b"x" * 100_000)
    before = daemon.resident_bytes()
    deaf = [connect() for _ in range(30)]
    for wire in deaf:
        send_until_blocked(wire, request_bytes(1, "get", cache, "k") * 200, blocked_s=0.02, bytes_max=MEBIBYTE)
    assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < 30 * 4 * MEBIBYTE


def test_replies_of_many_large_values_to_a_client_that_never_reads_are_bounded(daemon, connect, open_cache, sanitized):
    deaf, other, cache = connect(), connect(), open_cache()
    other.call("put", cache, "k", b"x" * (8 * MEBIBYTE))
    before = daemon.resident_bytes()
    deaf.send(b"".join(request_bytes(i, "get", cache, "k") for i in range(100)))
    assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < GROWTH_MAX
    assert deaf.result(0) == [b"x" * (8 * MEBIBYTE)]


def test_many_half_sent_large_frames_are_bounded_by_what_has_arrived(daemon, connect, sanitized):
    other = connect()
    before = daemon.resident_bytes()
    halves = [connect() for _ in range(50)]
    for wire in halves:
        wire.send(b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + bin32(30 * MEBIBYTE) + b"x" * 1000)
    assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < GROWTH_MAX
    for wire in halves:
        wire.close()
    assert is_served(other)


def test_announced_containers_cost_no_memory_before_they_arrive(daemon, connect, sanitized):
    other = connect()
    before = daemon.resident_bytes()
    for start in (b"\xdd\x01\x00\x00\x00", b"\xdf\x00\x80\x00\x00"):
        for _ in range(30):
            connect().send(b"\x94\x00\x05\xa3put\x93\xa3lru\xa1k" + start + b"\x01" * 100)
    assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < GROWTH_MAX


def test_frames_of_a_byte_at_a_time_do_no_harm(connect, open_cache):
    slow, other, cache = connect(), connect(), open_cache()
    request = request_bytes(1, "put", cache, "k", list(range(100)))
    for i, byte in enumerate(request):
        slow.send(bytes([byte]))
        if i % 50 == 0:
            assert is_served(other)
    assert slow.result(1) > 0


def test_large_values_of_one_client_do_not_keep_others_waiting(connect, open_cache):
    large, other, cache = connect(), connect(), open_cache()
    value = b"x" * (16 * MEBIBYTE)
    for i in range(5):
        msgid = large.request("put", cache, "large", value)
        assert is_served(other)
        large.result(msgid)
        msgid = large.request("get", cache, "large")
        assert is_served(other)
        assert large.result(msgid) == [value]


def test_clients_that_leave_in_the_middle_of_everything_do_no_harm(daemon, connect, open_cache):
    other, cache, durable = connect(), open_cache(), open_cache("durable")
    generator = random.Random(9)
    for i in range(100):
        wire = daemon.connect()
        wire.pipeline(
            ("put", durable, f"k{i % 7}", b"x" * 10_000, {"sync": True}),
            ("lease", cache, f"k{i % 5}", {"wait_ms": 60_000}),
            ("subscribe", cache),
            ("get_many", durable, [f"k{j}" for j in range(7)]),
            ("keys", durable),
            ("put", cache, f"p{i}", 1),
            ("sync",),
        )
        data = request_bytes(99, "put", cache, "never", b"x" * 1000)
        wire.send(data[: generator.randrange(1, len(data))])
        wire.close()
    assert is_served(other)
    assert other.call("get", cache, "never") is None
    for i in range(5):
        assert isinstance(other.call("lease", cache, f"k{i}", {"wait_ms": 10_000}), int)


def test_deep_values_up_to_the_limit_do_no_harm(connect, open_cache):
    wire, cache = connect(), open_cache()
    depth = wire.call("hello")["limits"]["max_depth"] - 2
    value = Raw((b"\x92" + b"\x90") * (depth - 1) + b"\x90")
    for i in range(100):
        wire.call("put", cache, f"k{i}", value)
    assert wire.call_bytes("get", cache, "k99") == b"\x91" + value


@pytest.mark.parametrize("count", [1, 50])
def test_memory_comes_back_when_such_clients_leave(daemon, open_cache, connect, sanitized, count):
    other, cache = connect(), open_cache()
    other.call("put", cache, "k", b"x" * 200_000)
    before = daemon.resident_bytes()
    for _ in range(3):
        deaf = [daemon.connect() for _ in range(count)]
        for wire in deaf:
            wire.send(b"".join(request_bytes(i, "get", cache, "k") for i in range(20)))
        for wire in deaf:
            wire.close()
        assert is_served(other)
    if not sanitized:
        assert daemon.resident_bytes() - before < GROWTH_MAX + count * 2 * MEBIBYTE
