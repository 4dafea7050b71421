"""Puts that wait for the disk, as most clients send them: they are counted against the limits, and all are answered,
whatever happens meanwhile."""

import resource
import signal

import pytest

from clock import eventually
from forms import hot
from users import BOB, as_root, open_to_all
from wire import Closed

SYNCED = [{"sync": True}, {"ttl_ms": 3_600_000, "sync": True}]


@pytest.fixture
def stuck(start_daemon):
    """stuck(arguments...): a daemon whose disk has failed so often that it is left alone for a second and more, and
    then works if the test has called recover()."""
    started = []

    def start(*arguments):
        daemon = open_to_all(start_daemon, *arguments, ignore_file_size_signal=True)
        started.append(daemon)
        _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
        daemon.recover = lambda: resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (64 << 10, hard))
        wire = daemon.connect()
        wire.call("put", "durable", "large", bytes(300_000))
        while "trying again in 1600 ms" not in daemon.log():
            wire.fails("storage", "sync", "durable")
        wire.close()
        return daemon

    yield start
    for daemon in started:
        if daemon.is_running():
            daemon.recover()  # or its stop would wait for the disk


def synced_puts(count, cache="durable", first=0):
    return b"".join(hot("put", cache, f"k{i}", i, SYNCED[i % 2])(i) for i in range(first, first + count))


def waiting_puts(wire):
    row = wire.call("info")["methods"]["put"]
    return row["requests"] - row["answered"]


def results(wire, count):
    return [wire.result(msgid) for msgid in range(count)]


def test_no_more_of_one_connection_wait_than_may(stuck):
    daemon = stuck("--max-waiting", "8")
    wire, other = daemon.connect(), daemon.connect()
    wire.send(synced_puts(500) + hot("get", "durable", "k499")(500))
    eventually(lambda: waiting_puts(other) == 8)
    assert [waiting_puts(other) for _ in range(20)] == [8] * 20
    daemon.recover()
    versions = results(wire, 500)
    assert versions == sorted(set(versions))
    assert wire.result(500) == [499]
    assert other.call("info", "durable")["dirty_entries"] == 0


@as_root
def test_no_more_of_one_user_wait_than_may(stuck):
    daemon = stuck("--max-user-waiting", "6")
    wires, other = [BOB.connect(daemon) for _ in range(3)], daemon.connect()
    for wire in wires:
        wire.send(synced_puts(100))
    eventually(lambda: waiting_puts(other) == 6)
    assert [waiting_puts(other) for _ in range(20)] == [6] * 20
    daemon.recover()
    for wire in wires:
        assert len(results(wire, 100)) == 100


def test_those_of_who_has_left_hold_up_nobody_and_are_written(stuck):
    daemon = stuck("--max-waiting", "8")
    other = daemon.connect()
    leaving, ended = daemon.connect(), daemon.connect()
    leaving.send(synced_puts(8))
    ended.send(synced_puts(20))
    ended.finish_sending()
    eventually(lambda: waiting_puts(other) == 16)
    leaving.close()
    daemon.recover()
    assert len(results(ended, 20)) == 20, "it can be told, and is"
    with pytest.raises(Closed):
        ended.receive()
    eventually(lambda: other.call("info")["server"]["connections"] == 1)
    assert other.call("info", "durable")["dirty_entries"] == 0
    assert other.call("get", "durable", "k7") == [7]


def test_a_failure_is_told_to_each_that_waits(stuck):
    daemon = stuck()
    wire = daemon.connect()
    wire.send(synced_puts(50))
    errors = {wire.reply(msgid).error for msgid in range(50)}
    assert len(errors) == 1 and errors.pop().startswith("storage: ")
    info = wire.call("info")
    assert info["methods"]["put"]["errors"] == {"storage": 50}
    assert info["server"]["disk_failing"] is True
    daemon.recover()
    wire.send(synced_puts(50))
    assert len(results(wire, 50)) == 50


def test_a_drop_is_told_to_each_that_waits_for_the_dropped_cache(stuck):
    """Which is not the one that has its name since."""
    daemon = stuck()
    wire, other = daemon.connect(), daemon.connect()
    wire.call("open", "mine", {"tier": "durable"})
    wire.send(synced_puts(10, "mine") + synced_puts(5, "durable", first=10))
    eventually(lambda: waiting_puts(other) == 15)
    dropped = other.request("drop", "mine")
    opened = other.request("open", "mine", {"tier": "durable"})
    other.call("ping")
    wire.send(synced_puts(10, "mine", first=15))
    daemon.recover()
    errors = [wire.reply(msgid).error for msgid in range(25)]
    assert errors == ["unknown_cache: the cache was dropped while the request waited"] * 10 + [None] * 15
    assert other.results([dropped, opened]) == [True, True]


def test_a_monitor_that_comes_later_is_told_of_them(stuck):
    daemon = stuck()
    wire, monitor = daemon.connect(), daemon.connect()
    wire.send(synced_puts(10))
    eventually(lambda: waiting_puts(monitor) == 10)
    monitor.call("monitor", {"method": "put"})
    daemon.recover()
    assert len(results(wire, 10)) == 10
    monitor.call("ping")
    told = [(seen["cache"], seen["key"], seen["outcome"], seen["reply_bytes"]) for seen, _ in monitor.seen]
    assert told == [("durable", f"k{i}", "done", 1) for i in range(10)]


def test_a_stop_answers_them_when_they_are_on_disk(stuck):
    daemon = stuck()
    wire = daemon.connect()
    wire.send(synced_puts(100))
    eventually(lambda: waiting_puts(daemon.connect()) == 100)
    daemon.recover()
    daemon.send_signal(signal.SIGTERM)
    assert len(results(wire, 100)) == 100
    assert daemon.wait() == 0
    other = daemon.start().connect()
    assert [other.call("get", "durable", f"k{i}") for i in range(100)] == [[i] for i in range(100)]
