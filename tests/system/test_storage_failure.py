"""The disk fails: `storage` errors that say how, nothing that was synced is lost, and all is well when it recovers.

A limit on the size of files stands for a full disk: writes fail from then on, until it is lifted.
"""

import resource
import signal
import time

import pytest

from clock import eventually
from wire import RpcError, TIMEOUT_S


@pytest.fixture
def failing(start_daemon):
    """A daemon whose disk can be made to fail: failing.fail(), failing.recover()."""
    daemon = start_daemon(ignore_file_size_signal=True)
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    daemon.fail = lambda: resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (64 << 10, hard))
    daemon.fail_wholly = lambda: resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, hard))
    daemon.recover = lambda: resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
    yield daemon
    if daemon.is_running():
        daemon.recover()  # or its stop would wait for the disk


def fill(wire, count=20):
    for i in range(count):
        wire.call("put", "durable", f"k{i}", bytes([i]) * 100_000)


def sync_succeeds(wire):
    try:
        return wire.call("sync", timeout_s=TIMEOUT_S)
    except RpcError as error:
        assert error.code == "storage"
        return None


def test_sync_tells_that_the_disk_failed_and_how(failing):
    wire = failing.connect()
    failing.fail()
    fill(wire)
    assert wire.fails("storage", "sync", "durable")
    assert wire.call("info", "durable")["sync_errors"] >= 1
    assert wire.call("info", "durable")["dirty_entries"] >= 1


def test_put_with_sync_tells_that_the_disk_failed(failing):
    wire = failing.connect()
    failing.fail()
    wire.fails("storage", "put", "durable", "k", b"x" * 200_000, {"sync": True})


def test_memory_is_served_while_the_disk_fails(failing):
    wire = failing.connect()
    failing.fail()
    fill(wire)
    wire.fails("storage", "sync")
    assert wire.call("get", "durable", "k3") == [bytes([3]) * 100_000]
    wire.call("put", "lru", "k", 1)
    assert wire.call("get", "lru", "k") == [1]


def test_all_is_written_once_the_disk_recovers(failing):
    wire = failing.connect()
    wire.call("put", "durable", "before", 1, {"sync": True})
    failing.fail()
    fill(wire)
    wire.fails("storage", "sync")
    failing.recover()
    eventually(lambda: sync_succeeds(wire))
    assert wire.call("info", "durable")["dirty_entries"] == 0
    failing.kill9()
    wire = failing.start().connect()
    assert wire.call("get", "durable", "before") == [1]
    for i in range(20):
        assert wire.call("get", "durable", f"k{i}") == [bytes([i]) * 100_000]


def test_the_background_checkpoint_tries_again_by_itself(failing):
    wire = failing.connect()
    failing.fail()
    fill(wire)
    wire.fails("storage", "sync")
    failing.recover()
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)


def test_what_was_synced_before_the_failure_survives_a_crash_during_it(failing):
    wire = failing.connect()
    wire.call("put_many", "durable", [[f"safe{i}", i] for i in range(100)], {"sync": True})
    failing.fail()
    fill(wire)
    wire.fails("storage", "sync")
    failing.kill9()
    wire = failing.start().connect()
    assert wire.call("get_many", "durable", [f"safe{i}" for i in range(100)]) == [[i] for i in range(100)]


def test_a_stop_while_the_disk_fails_tries_until_it_recovers(failing):
    wire = failing.connect()
    failing.fail()
    fill(wire)
    failing.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert failing.is_running(), "it gave up what was never synced"
    failing.recover()
    assert failing.wait() == 0
    wire = failing.start().connect()
    for i in range(20):
        assert wire.call("get", "durable", f"k{i}") == [bytes([i]) * 100_000]


def test_a_second_signal_ends_a_stop_that_waits_for_the_disk(failing):
    wire = failing.connect()
    wire.call("put", "durable", "safe", 1, {"sync": True})
    failing.fail()
    fill(wire)
    failing.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    failing.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert failing.wait() != 0, "entries were lost, and it says that all went well"
    assert time.monotonic() - started < 20
    assert failing.start().connect().call("get", "durable", "safe") == [1]


def test_settings_that_could_not_be_written_are_by_the_next_open(failing):
    wire = failing.connect()
    wire.call("open", "c", {"tier": "durable"})
    altered = {"tier": "durable", "max_age_ms": 1_234, "alter": True}
    failing.fail_wholly()
    wire.fails("storage", "open", "c", altered)
    failing.recover()
    eventually(lambda: wire.call("info")["server"]["disk_failing"] is False)
    assert wire.call("open", "c", altered) is False
    failing.kill9()
    assert failing.start().connect().call("info", "c")["max_age_ms"] == 1_234


def test_open_of_a_durable_cache_tells_that_the_disk_failed(failing):
    wire = failing.connect()
    failing.fail()
    fill(wire)
    wire.fails("storage", "sync")
    answer = wire.reply(wire.request("open", "mine", {"tier": "durable"}))
    assert answer.error is None or answer.error.startswith("storage: ")
    failing.recover()
    eventually(lambda: sync_succeeds(wire))
    assert wire.call("open", "mine", {"tier": "durable"}) in (True, False)
    wire.call("put", "mine", "k", 1, {"sync": True})
