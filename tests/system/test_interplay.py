"""Requests that meet others half-way: a drop and those who wait, a client that left, a stop during a clear, a restart
with less memory."""

from clock import eventually
from wire import RpcError


def outcome(wire, request):
    try:
        return wire.result(request)
    except RpcError as error:
        return error.code


def test_a_sync_that_a_drop_overtook_is_not_acknowledged(wire, open_cache):
    cache = open_cache("durable")
    wire.call("put", cache, "x", "old", {"sync": True})
    put, sync, dropped = wire.pipeline(
        ("put", cache, "x", "new", {"sync": True}), ("sync", cache), ("drop", cache)
    )
    assert outcome(wire, put) == "unknown_cache"
    assert outcome(wire, sync) == "unknown_cache"
    assert outcome(wire, dropped) is True


def test_a_lease_on_a_cold_key_is_nobodys_when_its_client_left(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[f"k{i}", i] for i in range(100)])
    own_daemon.restart()
    observer = own_daemon.connect()
    for _ in range(20):
        leaving = own_daemon.connect()
        leaving.pipeline(*[("lease", "durable", f"absent{i}", {"lease_ms": 3_600_000}) for i in range(50)])
        leaving.close()

    def nothing_is_left():
        server = observer.call("info")["server"]
        return (server["connections"], server["leases"], server["lease_waiters"]) == (1, 0, 0)

    eventually(nothing_is_left)


def test_a_clear_that_was_begun_is_finished_before_the_daemon_stops(own_daemon):
    wire = own_daemon.connect()
    for start in range(0, 50_000, 10_000):
        wire.call("put_many", "durable", [[f"key{i}", i] for i in range(start, start + 10_000)])
    wire.call("sync")
    (cleared,) = wire.pipeline(("clear", "durable"))
    wire.call("ping")
    own_daemon.stop()
    assert wire.result(cleared) == 50_000
    own_daemon.start()
    wire = own_daemon.connect()
    assert wire.call("keys", "durable") == [None, []]
    assert wire.call("info", "durable")["currsize"] == 0


def test_the_version_of_a_write_that_changed_nothing_survives_too(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [["synced", "v"], ["stopped", "v"]], {"sync": True})
    by_sync = wire.call("put", "durable", "synced", "v", {"sync": True})
    own_daemon.kill9()
    own_daemon.start()
    wire = own_daemon.connect()
    assert wire.call("get", "durable", "synced", {"meta": True})[1] == by_sync
    wire.call("get", "durable", "stopped")
    by_stop = wire.call("put", "durable", "stopped", "v")
    assert wire.call("info", "durable")["dirty_entries"] == 0
    own_daemon.restart()
    assert own_daemon.connect().call("get", "durable", "stopped", {"meta": True})[1] == by_stop


def test_an_entry_larger_than_the_memory_that_is_left_is_out_of_memory(start_daemon):
    daemon = start_daemon("--memory-limit", "64M")
    daemon.connect().call("put", "durable", "big", b"x" * 12_000_000, {"sync": True})
    daemon.stop()
    daemon.arguments = ["--memory-limit", "8M"]
    daemon.start()
    wire = daemon.connect()
    assert "12000" in wire.fails("out_of_memory", "get", "durable", "big")
    assert wire.call("drop", "durable") is True
