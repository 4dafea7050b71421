"""Requests over very many keys, and very large values: others are served between their steps, and the order holds."""

import random
import select
import threading
import time

import msgpack
import pytest

from wire import Closed, Raw, RpcError

MEBIBYTE = 1 << 20
KEYS = [f"key{i:013}" for i in range(30_000)]
ALL_KEYS = Raw(msgpack.packb(KEYS))
ALL_PAIRS = Raw(msgpack.packb([[key, i] for i, key in enumerate(KEYS)]))


@pytest.fixture(params=["lru", "durable"])
def cache(request, open_cache):
    return open_cache(request.param)


@pytest.fixture
def full(connect, open_cache):
    """A cache in memory with an entry under each of KEYS."""
    name = open_cache()
    connect().call("put_many", name, ALL_PAIRS)
    return name


def served_meanwhile(wire, other):
    """How many pings of `other` are answered before anything is sent to `wire`."""
    pings = 0
    while not select.select([wire.socket], [], [], 0)[0]:
        other.call("ping")
        pings += 1
    return pings


@pytest.mark.parametrize("method", ["get_many", "put_many", "delete_many"])
def test_others_are_served_while_very_many_keys_are_worked_through(connect, full, method):
    wire, other = connect(), connect()
    items = Raw(msgpack.packb([[f"{i}", i] if method == "put_many" else f"{i}" for i in range(100_000)]))
    pings = 0
    for _ in range(5):
        msgid = wire.request(method, full, items)
        pings += served_meanwhile(wire, other)
        wire.result_bytes(msgid)
    # In one step each would leave time for one or two, while it arrives.
    assert pings >= 20


def test_what_a_connection_sends_behind_many_keys_is_executed_after_them(connect, cache):
    wire = connect()
    ids = wire.pipeline(
        ("put_many", cache, ALL_PAIRS),
        ("get", cache, KEYS[-1]),
        ("get_many", cache, ALL_KEYS),
        ("delete_many", cache, KEYS[1:]),
        ("get", cache, KEYS[-1]),
        ("get_many", cache, KEYS[:3]),
        ("ping",),
    )
    versions, last, values, deleted, gone, rest, pong = wire.results(ids)
    assert versions == sorted(set(versions)) and len(versions) == len(KEYS)
    assert last == [len(KEYS) - 1] and values == [[i] for i in range(len(KEYS))]
    assert deleted == len(KEYS) - 1 and gone is None and rest == [[0], None, None] and pong == "pong"
    assert wire.reply_order == ids


def test_one_bad_item_among_many_leaves_everything_as_it_was(connect, cache):
    wire = connect()
    wire.call("put", cache, KEYS[0], "old")
    wire.fails("bad_request", "put_many", cache, [[key, "new"] for key in KEYS] + [["", 1]])
    wire.fails("bad_request", "put_many", cache, ALL_PAIRS, {"ttl_ms": -1})
    wire.fails("bad_request", "get_many", cache, KEYS[:-1] + [5])
    wire.fails("unknown_cache", "delete_many", "nowhere", ALL_KEYS)
    assert wire.call("get_many", cache, KEYS[:2]) == [["old"], None]
    assert wire.call("info", cache)["hits"] == 1


def test_many_writes_of_a_client_that_leaves_are_all_done(daemon, connect, cache):
    leaving, other = daemon.connect(), connect()
    leaving.request("put_many", cache, ALL_PAIRS)
    leaving.close()
    deadline = time.monotonic() + 30
    while other.call("get", cache, KEYS[-1]) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert other.call("get_many", cache, ALL_KEYS) == [[i] for i in range(len(KEYS))]


def test_a_client_that_ends_its_stream_still_gets_the_answer(connect, full):
    wire = connect()
    msgid = wire.request("get_many", full, ALL_KEYS)
    wire.finish_sending()
    assert wire.result(msgid) == [[i] for i in range(len(KEYS))]
    with pytest.raises(Closed):
        wire.receive()


def test_a_drop_meanwhile_is_answered_by_unknown_cache(connect, cache):
    wire, other = connect(), connect()
    tier, outcomes = wire.call("info", cache)["tier"], set()
    for method, items in [("put_many", ALL_PAIRS), ("get_many", ALL_KEYS), ("delete_many", ALL_KEYS)] * 2:
        msgid = wire.request(method, cache, items)
        assert other.call("drop", cache) is True
        try:
            wire.result(msgid)
            outcomes.add("done")
        except RpcError as error:
            outcomes.add(error.code)
        assert wire.call("ping") == "pong"
        other.call("open", cache, {"tier": tier})
    assert outcomes <= {"done", "unknown_cache"} and "unknown_cache" in outcomes


def test_many_keys_as_notifications_are_worked_through_in_order(connect, cache):
    wire = connect()
    wire.notify("put_many", cache, ALL_PAIRS)
    wire.notify("get_many", cache, ALL_KEYS)
    wire.notify("delete_many", cache, KEYS[::2])
    assert wire.call("get_many", cache, KEYS[:4]) == [None, [1], None, [3]]


def test_a_local_copy_that_is_filled_by_get_many_never_keeps_what_was_overwritten(connect, open_cache):
    cache, keys = open_cache(), KEYS[:20_000]
    reader, writer = connect(), connect()
    writer.call("put_many", cache, [[key, 0] for key in keys])
    reader.call("subscribe", cache)
    stop, written = threading.Event(), dict.fromkeys(keys, 0)

    def write():
        generator = random.Random(5)
        while not stop.is_set():
            key = generator.choice(keys)
            written[key] += 1
            writer.call("put", cache, key, written[key])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        copy = {}
        for _ in range(10):
            # Messages are taken as they come: what was told before the answer is forgotten before it.
            msgid = reader.request("get_many", cache, keys)
            while msgid not in reader.replies:
                reader.receive()
                forget_told(reader, copy)
            copy.update((key, value[0]) for key, value in zip(keys, reader.result(msgid)))
    finally:
        stop.set()
        thread.join()
    reader.call("ping")
    forget_told(reader, copy)
    assert len(copy) > len(keys) / 2
    assert {key: value for key, value in copy.items() if value != written[key]} == {}


def forget_told(wire, copy):
    for told in wire.notifications:
        for key in told.keys if told.keys is not None else list(copy):
            copy.pop(key, None)
    wire.notifications.clear()


def test_an_answer_above_max_reply_is_refused_without_being_held(start_daemon):
    wire = start_daemon("--max-reply", "1M", "--max-value", "512K").connect()
    wire.call("put", "lru", "k", b"x" * 10_000)
    wire.fails("too_large", "get_many", "lru", ["k"] * 400)
    wire.fails("too_large", "get_many", "lru", ["k"] * 4_000)
    assert wire.call("get_many", "lru", ["k"] * 100) == [[b"x" * 10_000]] * 100
    assert wire.call("get_many", "lru", ["k"] * 60) == [[b"x" * 10_000]] * 60


def test_requests_in_steps_that_would_hold_too_much_together_are_overloaded_or_done(start_daemon):
    daemon = start_daemon("--max-frame", "1M", "--max-reply", "1M", "--max-value", "512K", "--max-buffers", "3M")
    wires = [daemon.connect() for _ in range(12)]
    keys = Raw(msgpack.packb(KEYS))
    ids = [wire.request("get_many", "lru", keys) for wire in wires]
    errors = [wire.reply(msgid).error for wire, msgid in zip(wires, ids)]
    assert None in errors
    assert all(error is None or error.startswith("overloaded: ") for error in errors)
    assert wires[0].call("get_many", "lru", keys) == [None] * len(KEYS)


def test_what_is_cold_comes_to_its_place_among_what_is_not(own_daemon):
    keys = KEYS[:3_000]
    own_daemon.connect().call("put_many", "durable", [[key, f"{i}" * 50] for i, key in enumerate(keys)])
    own_daemon.restart()
    wire = own_daemon.connect()
    cold = set(keys[::3])
    for key in keys:
        if key not in cold:
            wire.request("get", "durable", key)
    assert wire.call("get_many", "durable", keys) == [[f"{i}" * 50] for i in range(len(keys))]
    assert wire.call("get_many", "durable", keys) == [[f"{i}" * 50] for i in range(len(keys))]


def test_many_writes_under_way_are_done_and_kept_when_the_daemon_stops(own_daemon):
    wire, other = own_daemon.connect(), own_daemon.connect()
    msgid = wire.request("put_many", "durable", ALL_PAIRS)
    while other.call("get", "durable", KEYS[0]) is None:
        pass
    own_daemon.stop()
    assert len(wire.result(msgid)) == len(KEYS)
    answers = own_daemon.start().connect().call("get_many", "durable", KEYS[-500:])
    assert answers == [[i] for i in range(len(KEYS) - 500, len(KEYS))]


def test_puts_of_others_do_not_take_the_dirty_room_of_a_request_that_was_accepted(start_daemon):
    daemon = start_daemon("--max-dirty", "2304K", "--checkpoint-interval", "1h", "--checkpoint-bytes", "1152K")
    wire, other = daemon.connect(), daemon.connect()
    msgid = wire.request("put_many", "durable", ALL_PAIRS)
    while wire.pending(msgid, 0) and other.call("get", "durable", KEYS[0]) is None:
        pass  # not accepted yet: it is still arriving
    others = other.pipeline(*[("put", "durable", f"other{i}", b"x" * 50_000) for i in range(60)])
    assert len(wire.result(msgid)) == len(KEYS)
    errors = [other.reply(each).error for each in others]
    assert all(error is None or error.startswith("overloaded: ") for error in errors)


@pytest.fixture
def large(connect, open_cache):
    """A cache with a value of 4 MiB under `k`."""
    name = open_cache()
    connect().call("put", name, "k", b"a" * (4 * MEBIBYTE))
    return name


def test_what_a_connection_sends_behind_a_get_of_a_very_large_value_comes_after_it(connect, large):
    wire = connect()
    ids = wire.pipeline(("get", large, "k"), ("put", large, "k", 1), ("get", large, "k"), ("ping",))
    value, version, after, pong = wire.results(ids)
    assert value == [b"a" * (4 * MEBIBYTE)] and version > 0 and after == [1] and pong == "pong"
    assert wire.reply_order == ids


def test_a_very_large_value_is_answered_whole_while_it_is_overwritten(connect, large):
    reader, writer = connect(), connect()
    values = [letter * (4 * MEBIBYTE) for letter in (b"a", b"b")]
    for i in range(6):
        msgid = reader.request("get", large, "k")
        writer.call("put", large, "k", values[i % 2])
        assert reader.result(msgid)[0] in values
    assert reader.call("info", large)["hits"] == 6


def test_a_very_large_value_that_is_deleted_or_dropped_meanwhile_is_answered(connect, large):
    reader, writer = connect(), connect()
    msgid = reader.request("get", large, "k")
    writer.call("delete", large, "k")
    assert reader.result(msgid) in (None, [b"a" * (4 * MEBIBYTE)])
    writer.call("put", large, "k", b"c" * (4 * MEBIBYTE))
    msgid = reader.request("get", large, "k")
    writer.call("drop", large)
    response = reader.reply(msgid)
    assert response.error is None or response.error.startswith("unknown_cache: ")
    assert reader.call("ping") == "pong"
