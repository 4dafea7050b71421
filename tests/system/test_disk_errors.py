"""The disk itself fails: writes or reads of the device, a file system that turns read-only. Memory is served, what is wrong
is named, and what was acknowledged is there in the end."""

import contextlib
import os
import signal

import pytest

from clock import eventually
from disks import Mount, loop_disk, need_root, zram_disk
from wire import RpcError

MEBIBYTE = 1 << 20


def values(count, size):
    return {f"k{i:04}": os.urandom(size) for i in range(count)}


def put_all(wire, entries, options=None):
    keys = sorted(entries)
    for start in range(0, len(keys), 20):
        wire.call("put_many", "durable", [[key, entries[key]] for key in keys[start : start + 20]], options or {})


def has_all(wire, entries):
    return all(wire.call("get", "durable", key) == [value] for key, value in entries.items())


def is_told(daemon, wire, why):
    """A sync fails, says why everywhere, and memory is served."""
    text = wire.fails("storage", "sync", "durable")
    assert why in text and daemon.data_dir in text, text
    info = wire.call("info", "durable")
    assert why in info["last_error"] and info["sync_errors"] >= 1 and info["dirty_entries"] >= 1
    assert wire.call("info")["server"]["disk_failing"] is True
    assert why in daemon.log() and "trying again in" in daemon.log()
    assert "pannier repair" not in daemon.log(), "nothing is damaged"
    wire.call("put", "lru", "k", 1)
    assert wire.call("get", "lru", "k") == [1]


def is_over(daemon, wire):
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    assert wire.call("info", "durable")["last_error"] is None
    assert wire.call("info")["server"]["disk_failing"] is False
    assert "writing to disk works again" in daemon.log()


@pytest.fixture
def on_disk(start_daemon):
    """on_disk(disk, mount options..., arguments=daemon's): a daemon that is still to be started, the disk that its data
    directory is on, and the mount."""
    with contextlib.ExitStack() as stack:

        def make(disk, *options, arguments=()):
            daemon = start_daemon(*arguments)
            daemon.stop()
            device = stack.enter_context(disk)
            mount = stack.enter_context(Mount(device.path, daemon.data_dir, *options))
            stack.callback(daemon.discard)
            stack.callback(device.recover)  # or its stop would wait for it
            return daemon, device, mount

        yield make


@pytest.fixture
def failing(on_disk):
    daemon, disk, mount = on_disk(zram_disk(64 * MEBIBYTE))
    return daemon.start(), disk, mount


def test_writes_that_the_disk_refuses_are_told_and_done_when_it_takes_them(failing):
    daemon, disk, mount = failing
    wire = daemon.connect()
    before, after = values(20, 10_000), values(40, 20_000)
    put_all(wire, before, {"sync": True})
    disk.fail()
    put_all(wire, after)
    is_told(daemon, wire, "Input/output error")
    assert has_all(wire, after)
    disk.recover()
    is_over(daemon, wire)
    daemon.kill9()
    mount.again()
    assert has_all(daemon.start().connect(), {**before, **after})


def test_a_disk_that_fails_again_and_again_loses_nothing_that_was_acknowledged(failing):
    daemon, disk, mount = failing
    wire = daemon.connect()
    acknowledged = {}
    for turn in range(6):
        for key, value in values(10, 20_000).items():
            if turn % 2 == 1 and key == "k0005":
                disk.fail()
            try:
                wire.call("put", "durable", f"{turn}{key}", value, {"sync": True})
                acknowledged[f"{turn}{key}"] = value
            except RpcError as error:
                assert error.code == "storage" and "Input/output error" in error.text, error
        disk.recover()
        if turn == 3:
            daemon.kill9()
            mount.again()
            wire = daemon.start().connect()
            assert has_all(wire, acknowledged)
    assert len(acknowledged) >= 30
    daemon.kill9()
    mount.again()
    assert has_all(daemon.start().connect(), acknowledged)


def test_reads_that_the_disk_refuses_cost_their_keys_until_it_gives_them_again(on_disk, directory):
    daemon, disk, mount = on_disk(loop_disk(f"{directory}/image", 64 * MEBIBYTE), "-o", "noatime")
    entries = values(100, 20_000)
    put_all(daemon.start().connect(), entries)
    daemon.restart()  # makes a table of the log
    daemon.stop()
    mount.again()
    wire = daemon.start().connect()
    disk.fail_behind(entries["k0050"])
    refused = []
    for key in sorted(entries):
        try:
            assert wire.call("get", "durable", key) == [entries[key]]
        except RpcError as error:
            assert error.code == "storage" and "Input/output error" in error.text and key in error.text, error
            refused.append(key)
    assert 0 < len(refused) < len(entries)
    assert "a read from disk failed: " in daemon.log()
    wire.call("put", "lru", "k", 1)
    disk.recover()
    assert has_all(wire, entries)


def test_a_file_system_that_turns_read_only_is_told_and_memory_keeps_what_it_did_not_take(on_disk, arena):
    options = ["-o", "errors=remount-ro"]
    daemon, disk, mount = on_disk(zram_disk(64 * MEBIBYTE), *options, arguments=["--arena-file", arena])
    os.remove(arena)
    wire = daemon.start().connect()
    before, after = values(20, 10_000), values(40, 10_000)
    put_all(wire, before, {"sync": True})
    mount.turn_read_only(disk)
    put_all(wire, after)
    is_told(daemon, wire, "Read-only file system")
    assert has_all(wire, after)
    daemon.send_signal(signal.SIGTERM)
    daemon.send_signal(signal.SIGINT)  # or it would wait for the disk
    daemon.wait()
    assert "40 changed entries of the durable tier were not written to disk; they are in the memory that is kept" in daemon.log()
    mount.again()  # what it takes to make it writable
    wire = daemon.start().connect()
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    daemon.kill9()
    os.remove(arena)
    assert has_all(daemon.start().connect(), {**before, **after})


@pytest.fixture
def bound(own_daemon):
    """A daemon, and what makes its data directory read-only for all that is opened from then on, or writable."""
    need_root("mount a directory")
    with Mount(own_daemon.data_dir, own_daemon.data_dir, "--bind") as mount:
        yield own_daemon, mount.remount
        mount.remount("rw")
        own_daemon.discard()


def test_a_directory_that_is_read_only_for_a_while_is_written_to_afterwards(bound):
    daemon, remount = bound
    wire = daemon.connect()
    remount("ro")
    entries = values(30, MEBIBYTE)  # the log that is open takes some
    put_all(wire, entries)
    is_told(daemon, wire, "Read-only file system")
    assert has_all(wire, entries)
    remount("rw")
    is_over(daemon, wire)
    daemon.kill9()
    assert has_all(daemon.start().connect(), entries)
