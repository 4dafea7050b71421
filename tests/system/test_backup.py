"""backup and backup_next: an image of the durable caches as they are at one moment, read piece by piece."""

import threading
import time

import pytest

from clock import eventually
from wire import Raw, RpcError, items_of


def read_all(wire, *caches):
    """The answer of backup, and its records as (cache's name, key) -> record."""
    begun = wire.call("backup", caches) if caches else wire.call("backup")
    records, piece = {}, 0
    while (got := wire.call("backup_next", piece)) is not None:
        for cache, key, *rest in got:
            assert (begun["caches"][cache]["name"], key) not in records
            records[begun["caches"][cache]["name"], key] = rest
        piece += 1
    return begun, records


def test_it_holds_what_was_written_with_versions_deadlines_and_windows(own_daemon):
    wire = own_daemon.connect()
    wire.call("open", "other", {"tier": "durable", "max_age_ms": 3_600_000, "stale_ms": 5, "reserved_bytes": 100_000})
    first = wire.call("put", "durable", "k", {"a": [1, None]})
    second = wire.call("put", "other", b"\xff", 2.5, {"stale_ms": 7})
    wire.call("put", "lru", "k", "not durable")
    begun, records = read_all(wire)
    assert {cache["name"]: cache for cache in begun["caches"]} == {
        "durable": {"name": "durable", "entries": 1, "max_age_ms": None, "stale_ms": 0, "reserved_bytes": 0},
        "other": {"name": "other", "entries": 1, "max_age_ms": 3_600_000, "stale_ms": 5, "reserved_bytes": 100_000},
    }
    assert abs(begun["time_ms"] - time.time() * 1000) < 600_000
    assert records["durable", "k"] == [{"a": [1, None]}, first, None, 0]
    value, version, deadline_ms, stale_ms = records["other", b"\xff"]
    assert (value, version, stale_ms) == (2.5, second, 7)
    assert 0 <= begun["time_ms"] + 3_600_000 - deadline_ms < 600_000
    assert len(records) == 2


def test_values_are_the_bytes_that_were_stored(own_daemon):
    wire = own_daemon.connect()
    odd = Raw(b"\x82\xd9\x01a\xce\x00\x00\x00\x01\xa1a\xd4\x05\x00")  # doubled key, lengths longer than needed
    wire.call("put", "durable", "k", odd)
    wire.call("backup")
    record = items_of(items_of(wire.call_bytes("backup_next", 0))[0])
    assert record[2] == odd


def test_it_goes_over_many_pieces_which_can_be_asked_for_again(own_daemon):
    wire = own_daemon.connect()
    for start in range(0, 60, 10):
        wire.call("put_many", "durable", [[f"k{i:02}", bytes([i]) * 100_000] for i in range(start, start + 10)])
    wire.call("backup", ["durable"])
    first = wire.call_bytes("backup_next", 0)
    assert wire.call_bytes("backup_next", 0) == first
    second = wire.call_bytes("backup_next", 1)
    assert "1 or 2" in wire.fails("bad_request", "backup_next", 3)
    assert "1 or 2" in wire.fails("bad_request", "backup_next", 0)
    assert wire.call_bytes("backup_next", 1) == second != first
    _, records = read_all(wire, "durable")
    assert [key for _, key in records] == [f"k{i:02}" for i in range(60)]


def test_later_changes_do_not_show(own_daemon):
    wire, other = own_daemon.connect(), own_daemon.connect()
    wire.call("put_many", "durable", [[f"k{i}", "before"] for i in range(100)])
    begun = wire.call("backup")
    other.call("put_many", "durable", [[f"k{i}", "after"] for i in range(50)])
    other.call("put", "durable", "new", 1)
    other.call("delete", "durable", "k99", {"sync": True})
    other.call("clear", "durable", {"prefix": "k7"})
    other.call("drop", "durable")
    records = wire.call("backup_next", 0)
    assert begun["caches"][0]["entries"] == 100
    assert sorted((key, value) for _, key, value, *_ in records) == sorted((f"k{i}", "before") for i in range(100))
    assert wire.call("backup_next", 1) is None


def test_what_is_gone_is_left_out(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "durable", "over", 1, {"ttl_ms": 0})
    wire.call("put", "durable", "stale", 1, {"ttl_ms": 0, "stale_ms": 600_000})
    wire.call("put_many", "durable", [[f"cleared{i}", 1] for i in range(5_000)])
    wire.call("sync")
    wire.request("clear", "durable", {"prefix": "cleared"})  # goes on while the image is made
    _, records = read_all(wire)
    assert [key for _, key in records] == ["stale"]


def test_keys_written_in_one_request_are_equal_at_every_moment(own_daemon):
    """Writers overwrite groups of keys, each group in one put_many; in a backup no group is torn, and what had been
    acknowledged when it was asked for is in it."""
    groups, stop = 20, threading.Event()
    acknowledged = [0] * groups

    def write(wire):
        number = 0
        while not stop.is_set():
            number += 1
            for group in range(groups):
                wire.call("put_many", "durable", [[f"{group} {part}", [number, "x" * 500]] for part in "abc"])
                acknowledged[group] = number

    thread = threading.Thread(target=write, args=(own_daemon.connect(),))
    thread.start()
    try:
        eventually(lambda: acknowledged[-1] > 0)
        wire = own_daemon.connect()
        for _ in range(20):
            before = list(acknowledged)
            _, records = read_all(wire)
            for group in range(groups):
                numbers = [records["durable", f"{group} {part}"][0][0] for part in "abc"]
                assert numbers[0] == numbers[1] == numbers[2] >= before[group]
            # One moment for all groups: the writer is in a single place of its round.
            rounds = [records["durable", f"{group} a"][0][0] for group in range(groups)]
            assert rounds == sorted(rounds, reverse=True) and rounds[0] - rounds[-1] <= 1
    finally:
        stop.set()
        thread.join()


def test_only_durable_caches_that_are_there_can_be_named(own_daemon):
    wire = own_daemon.connect()
    assert "only durable caches" in wire.fails("unsupported", "backup", ["durable", "lru"])
    wire.fails("unknown_cache", "backup", ["nowhere"])
    wire.fails("bad_request", "backup", ["durable", 5])
    wire.fails("bad_request", "backup", [])
    wire.fails("too_large", "backup", ["durable"] * 100_001)
    assert len(wire.call("backup", ["durable", "durable"])["caches"]) == 1


def test_backup_next_needs_a_backup_of_this_connection(own_daemon):
    wire, other = own_daemon.connect(), own_daemon.connect()
    wire.call("backup")
    assert "has no backup" in other.fails("bad_request", "backup_next", 0)
    assert wire.call("backup_next", 0) is None
    assert "has no backup" in wire.fails("bad_request", "backup_next", 0)


def test_there_are_a_few_at_once_and_a_connection_that_ends_makes_room(own_daemon):
    wires = [own_daemon.connect() for _ in range(5)]
    for wire in wires[:4]:
        wire.call("backup")
    wires[0].call("backup")  # instead of its first
    wires[4].fails("overloaded", "backup")
    wires[1].close()

    def begins():
        try:
            return wires[4].call("backup")
        except RpcError as error:
            assert error.code == "overloaded"
            return None

    eventually(begins)


def test_connections_that_end_at_any_moment_do_no_harm(own_daemon):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[f"k{i}", "x" * 1_000] for i in range(5_000)])
    for _ in range(30):
        passing = own_daemon.connect()
        passing.request("backup")
        passing.request("backup_next", 0)
        passing.close()
    eventually(lambda: wire.call("info")["server"]["waiting_for_disk"] == 0)
    begun, records = read_all(wire)
    assert len(records) == begun["caches"][0]["entries"] == 5_000


@pytest.mark.parametrize("before", [("backup",), ("backup_next", 0)])
def test_who_begins_another_at_once_is_answered_for_both(own_daemon, before):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", 1)
    wire.call("backup")
    superseded, second = wire.pipeline(before, ("backup",))
    with pytest.raises(RpcError, match="bad_request: .* another backup since"):
        wire.result(superseded)
    assert wire.result(second)["caches"][0]["entries"] == 1
    assert len(wire.call("backup_next", 0)) == 1


def test_a_notification_begins_nothing(own_daemon):
    wire = own_daemon.connect()
    wire.notify("backup")
    wire.fails("bad_request", "backup_next", 0)


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_a_daemon_with_images_ends_and_starts_again(own_daemon, end):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", 1, {"sync": True})
    wire.call("backup")
    getattr(own_daemon, end)()
    own_daemon.start()
    assert own_daemon.connect().call("get", "durable", "k") == [1]
