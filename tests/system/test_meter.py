"""`info` tells, for each method, requests, errors by code, and how long answers took; and what connections moved."""

import time

import pytest

from clock import eventually


@pytest.fixture
def daemon_of_three(start_daemon):
    return start_daemon("--max-connections", "3")


def methods(wire, **options):
    return wire.call("info", *([options] if options else []))["methods"]


def server(wire):
    return wire.call("info")["server"]


def test_requests_are_counted_by_method_whichever_way_they_go(own_daemon):
    wire = own_daemon.connect()
    for _ in range(20):
        wire.call("put", "lru", "k", 1)
        wire.call("get", "lru", "k")
    wire.call("get", "lru", "k", {"meta": True})  # not the short way
    for msgid in wire.pipeline(*[("get", "lru", "k")] * 40, ("put", "lru", "k", 2), *[("get", "lru", "k")] * 40):
        wire.reply(msgid)
    wire.notify("put", "lru", "k", 3)
    options = [{}, {"ttl_ms": 1}, {"sync": True}, {"sync": True, "ttl_ms": 60_000}, {"keep_ttl": True, "sync": True}]
    for msgid in wire.pipeline(*[("put", "durable", f"k{i}", i, options[i % 5]) for i in range(50)]):
        wire.reply(msgid)
    info = wire.call("info")
    told = info["methods"]
    assert {name: told[name]["requests"] for name in ("get", "put", "info")} == {"get": 101, "put": 72, "info": 1}
    assert {name: told[name]["answered"] for name in ("get", "put", "info")} == {"get": 101, "put": 71, "info": 0}
    assert info["server"]["requests"] == sum(row["requests"] for row in told.values())


def test_errors_are_counted_by_method_and_code(own_daemon):
    wire = own_daemon.connect()
    wire.fails("unknown_cache", "get", "nowhere", "k")
    wire.fails("bad_request", "get", "lru", "k", {"mata": True})
    wire.fails("bad_request", "get", "lru", "")
    wire.fails("unknown_method", "no_such_method")
    told = methods(wire)
    assert told["get"]["errors"] == {"unknown_cache": 1, "bad_request": 2}
    assert told["get"]["answered"] == 3
    assert told["unknown"]["errors"] == {"unknown_method": 1}
    assert told["info"]["errors"] == {}


def test_a_time_has_all_its_figures_in_order(own_daemon):
    wire = own_daemon.connect()
    for i in range(300):
        wire.call("put", "lru", f"k{i}", i)
    row = methods(wire)["put"]
    assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["p999_ns"] <= row["max_ns"] <= row["total_ns"]
    assert row["total_ns"] >= 300 * row["p50_ns"] / 2 * 0.99
    assert row["max_ns"] < 30 * 10**9


def test_waiting_for_anothers_lease_counts(own_daemon):
    holder, waiter = own_daemon.connect(), own_daemon.connect()
    began = time.monotonic_ns()
    holder.call("lease", "lru", "k")
    waiting = waiter.request("lease", "lru", "k")
    waiter.call("ping")
    time.sleep(0.05)
    holder.call("put", "lru", "k", 1)
    waiter.reply(waiting)
    took_ns = time.monotonic_ns() - began
    assert 50_000_000 <= methods(holder)["lease"]["max_ns"] <= took_ns


def test_waiting_for_a_key_on_disk_counts(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", b"x" * 1000, {"sync": True})
    wire.close()
    own_daemon.restart()
    wire = own_daemon.connect()
    assert wire.call("get", "durable", "k") == [b"x" * 1000]
    row = methods(wire)["get"]
    assert (row["requests"], row["answered"]) == (1, 1)


def test_a_request_over_many_keys_in_steps_is_answered_once(own_daemon):
    wire = own_daemon.connect()
    keys = [f"k{i}" for i in range(5_000)]
    wire.call("put_many", "lru", [[key, b"x" * 200] for key in keys])
    wire.call("get_many", "lru", keys)
    wire.call("put", "lru", "large", b"x" * (3 << 20))
    wire.call("get", "lru", "large")  # in steps too
    told = methods(wire)
    for method in ("put_many", "get_many", "put", "get"):
        assert (told[method]["requests"], told[method]["answered"]) == (1, 1), method


def test_buckets_are_told_when_asked_for(own_daemon):
    wire = own_daemon.connect()
    for i in range(100):
        wire.call("put", "lru", f"k{i}", i)
    assert "buckets" not in methods(wire)["put"]
    row = methods(wire, buckets=True)["put"]
    ends = [end for end, _ in row["buckets"]]
    assert sum(count for _, count in row["buckets"]) == row["answered"] == 100
    assert ends == sorted(set(ends))
    assert ends[-1] >= row["max_ns"] > ends[-1] * 0.98


def test_only_the_whole_info_has_buckets(wire, open_cache):
    wire.fails("bad_request", "info", open_cache(), {"buckets": True})
    wire.fails("bad_request", "info", {"buckets": 1})


def test_bytes_of_connections_are_counted_both_ways(own_daemon):
    wire = own_daemon.connect()
    before = server(wire)
    wire.call("put", "lru", "k", b"x" * 100_000)
    wire.call("get", "lru", "k")
    after = server(wire)
    assert 100_000 < after["bytes_in"] - before["bytes_in"] < 101_000
    assert 100_000 < after["bytes_out"] - before["bytes_out"] < 103_000


def test_what_a_client_reads_late_is_counted_whole(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "lru", "k", b"x" * 500_000)
    before = server(wire)["bytes_out"]
    waiting = [wire.request("get", "lru", "k") for _ in range(4)]
    time.sleep(0.05)
    for msgid in waiting:
        wire.reply(msgid)
    eventually(lambda: 2_000_000 < server(wire)["bytes_out"] - before < 2_100_000)


def test_connections_are_counted_as_they_come_and_go(daemon_of_three):
    wire = daemon_of_three.connect()
    eventually(lambda: server(wire)["connections"] == 1)
    before = server(wire)

    def since():
        now = server(wire)
        return [now[f"connections_{what}"] - before[f"connections_{what}"] for what in ("accepted", "closed", "refused")]

    for _ in range(5):
        other = daemon_of_three.connect()
        other.call("ping")
        other.close()
        eventually(lambda: server(wire)["connections"] == 1)
    assert since() == [5, 5, 0]
    others = [daemon_of_three.connect() for _ in range(2)]
    for other in others:
        other.call("ping")
    refused = daemon_of_three.connect()
    assert refused.receive().error.startswith("overloaded: ")
    assert since() == [7, 5, 1]
    for other in (*others, refused, wire):
        other.close()
