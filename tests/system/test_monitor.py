"""`monitor`: requests of other connections are told as they are answered, and nobody waits for who is told."""

import os
import time

import pytest

from clock import eventually


@pytest.fixture
def pair(own_daemon):
    """(the one that monitors, another)"""
    return own_daemon.connect(), own_daemon.connect()


def told(wire, count):
    while len(wire.seen) < count:
        wire.receive()
    assert len(wire.seen) == count
    return [seen for seen, _ in wire.seen]


def test_requests_are_told_with_what_they_were_about_and_how_they_ended(pair):
    wire, other = pair
    assert wire.call("monitor") is True
    other.call("put", "lru", "k", b"x" * 100)
    other.call("get", "lru", "k")
    other.call("get", "lru", "absent")
    other.call("get_many", "lru", ["a", "b"])
    other.fails("unknown_cache", "get", "nowhere", "k")
    other.call("ping")
    lines = told(wire, 6)
    assert [(line["method"], line["cache"], line["key"], line["keys"], line["outcome"]) for line in lines] == [
        ("put", "lru", "k", None, "done"),
        ("get", "lru", "k", None, "hit"),
        ("get", "lru", "absent", None, "miss"),
        ("get_many", "lru", None, 2, "done"),
        ("get", "nowhere", "k", None, "unknown_cache"),
        ("ping", None, None, None, "done"),
    ]
    assert lines[1]["reply_bytes"] == 1 + 2 + 100
    assert all(line["took_ns"] > 0 for line in lines)
    assert len({line["connection"] for line in lines}) == 1
    assert {(line["pid"], line["uid"]) for line in lines} == {(os.getpid(), os.getuid())}


def test_what_is_no_name_of_a_cache_is_told_as_none(pair):
    wire, other = pair
    wire.call("monitor")
    other.fails("bad_request", "get", "\x1b[2J", "k")
    other.fails("unknown_method", "no such", "lru", "k")
    assert [(line["method"], line["cache"], line["key"]) for line in told(wire, 2)] == [
        ("get", None, None),
        ("unknown", None, None),
    ]


def test_cache_and_method_choose_what_is_told(pair):
    wire, other = pair
    wire.call("monitor", {"cache": "ttl", "method": "put"})
    for cache in ("lru", "ttl"):
        other.call("put", cache, "k", 1)
        other.call("get", cache, "k")
    other.call("put", "ttl", "last", 1)
    assert [(line["cache"], line["key"]) for line in told(wire, 2)] == [("ttl", "k"), ("ttl", "last")]
    assert wire.call("ping") == "pong"
    assert len(wire.seen) == 2


def test_one_in_n_is_told(pair):
    wire, other = pair
    wire.call("monitor", {"one_in": 10})
    for msgid in other.pipeline(*[("get", "lru", f"k{i}") for i in range(100)]):
        other.reply(msgid)
    assert len(told(wire, 10)) == 10


def test_at_most_a_thousand_a_second_are_told_and_the_rest_counted(pair):
    wire, other = pair
    wire.call("monitor")
    began = time.monotonic()
    for _ in range(10):
        for msgid in other.pipeline(*[("get", "lru", "k")] * 500):
            other.reply(msgid)
    time.sleep(1.05)
    other.call("get", "lru", "last")
    while not (wire.seen and wire.seen[-1][0]["key"] == "last"):
        wire.receive()
    assert len(wire.seen) + sum(left_out for _, left_out in wire.seen) == 5001
    assert len(wire.seen) <= 1000 * (time.monotonic() - began + 2)


def test_who_does_not_read_holds_up_nobody(pair):
    wire, other = pair
    wire.call("monitor")
    key = "k" * 1000
    for _ in range(20):
        for msgid in other.pipeline(*[("get", "lru", key)] * 500):
            other.reply(msgid)
    assert other.call("info")["server"]["buffer_bytes"] < 4 << 20
    assert other.call("ping") == "pong"


def test_requests_that_waited_are_told_when_they_are_answered(pair):
    wire, other = pair
    wire.call("monitor", {"method": "lease"})
    other.call("lease", "lru", "k")
    waiting = other.request("lease", "lru", "k")
    other.call("put", "lru", "k", 1)
    other.reply(waiting)
    assert len(told(wire, 2)) == 2


def test_it_ends_with_the_connection_and_the_short_way_is_taken_again(own_daemon):
    wire, other = own_daemon.connect(), own_daemon.connect()
    wire.call("monitor")
    wire.close()
    eventually(lambda: other.call("info")["server"]["connections"] == 1)
    for msgid in other.pipeline(*[("get", "lru", "k")] * 100):
        other.reply(msgid)


def test_more_than_sixteen_may_not(own_daemon):
    wires = [own_daemon.connect() for _ in range(17)]
    for wire in wires[:16]:
        assert wire.call("monitor") is True
    wires[16].fails("overloaded", "monitor")
    assert wires[0].call("monitor", {"one_in": 2}) is True
