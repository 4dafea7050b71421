"""The disk gets full, is damaged or somebody else's: memory is served, what is wrong is named, and all goes on by itself
when it is right again."""

import fcntl
import glob
import os
import subprocess
import time

import pytest

from clock import eventually
from daemon_process import STOP_S
from disks import Mount, need, need_root
from wire import RpcError

ENTRIES = 3_000


@pytest.fixture
def full_disk(start_daemon):
    """A daemon on a small disk and what fills it: (daemon, fill, free)."""
    daemon = start_daemon()
    daemon.stop()
    ballast = f"{daemon.data_dir}/ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    with Mount("pannier-test", daemon.data_dir, "-t", "tmpfs", "-o", "size=16m"):
        yield daemon.start(), fill, lambda: os.remove(ballast)
        if os.path.exists(ballast):
            os.remove(ballast)  # or its stop would wait for the disk
        daemon.discard()


def put_some(wire):
    wire.call("put_many", "durable", [[f"k{i}", bytes([i]) * 20_000] for i in range(30)])


def test_a_full_disk_is_named_in_reply_log_and_info_and_gets_what_is_dirty_once_there_is_room(full_disk):
    daemon, fill, free = full_disk
    wire = daemon.connect()
    wire.call("put", "durable", "before", 1, {"sync": True})
    info = wire.call("info", "durable")
    assert (info["last_error"], info["oldest_dirty_ms"]) == (None, None)
    assert info["last_sync_duration_ms"] >= 0
    fill()
    put_some(wire)
    text = wire.fails("storage", "sync", "durable")
    assert "No space left on device" in text and daemon.data_dir in text
    info = wire.call("info", "durable")
    assert "No space left on device" in info["last_error"]
    assert info["sync_errors"] >= 1 and info["oldest_dirty_ms"] >= 0
    assert 17 <= info["dirty_entries"] <= 30  # the log has at most 256 KiB of room left that was written ahead
    assert wire.call("info")["server"]["disk_failing"] is True
    assert "No space left on device" in daemon.log() and "trying again in" in daemon.log()
    assert wire.call("get", "durable", "k7") == [bytes([7]) * 20_000]
    free()
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    info = wire.call("info", "durable")
    assert (info["last_error"], info["oldest_dirty_ms"]) == (None, None)
    assert "writing to disk works again" in daemon.log()
    daemon.kill9()
    wire = daemon.start().connect()
    assert wire.call("get_many", "durable", ["before", "k0", "k29"]) == [[1], [bytes(20_000)], [bytes([29]) * 20_000]]


@pytest.fixture
def fixed_directory(own_daemon):
    """A daemon, and what makes the directory of its database one that takes no new files, and undoes it."""
    database = f"{own_daemon.data_dir}/durable"

    def set_fixed(sign):
        need("chattr", f"{sign}i", database)

    need_root("make a directory immutable")
    yield own_daemon, set_fixed
    subprocess.run(["chattr", "-i", database], check=False)


def test_a_directory_that_takes_no_files_fails_writes_and_is_used_again_when_it_does(fixed_directory):
    daemon, set_fixed = fixed_directory
    wire = daemon.connect()
    wire.call("put", "durable", "k", 1, {"sync": True})
    set_fixed("+")
    error = None
    for i in range(20):  # the log that is open takes some more
        try:
            wire.call("put", "durable", f"k{i}", os.urandom(1 << 20), {"sync": True})
        except RpcError as failed:
            error = failed
            break
    assert error and error.code == "storage" and "Operation not permitted" in error.text, error
    assert wire.call("info", "durable")["last_error"] == error.text.removeprefix("storage: ")
    assert wire.call("get", "durable", "k") == [1]
    daemon.kill9()  # what is there is not written to by a start that fails either
    before = sorted(os.listdir(f"{daemon.data_dir}/durable"))
    assert "Operation not permitted" in refused(daemon)
    assert sorted(os.listdir(f"{daemon.data_dir}/durable")) == before
    set_fixed("-")
    wire = daemon.start().connect()
    assert wire.call("get", "durable", "k") == [1]
    assert [wire.call("get", "durable", f"k{j}") is not None for j in range(i)] == [True] * i


def test_a_directory_that_takes_no_files_for_a_while_loses_nothing(fixed_directory):
    daemon, set_fixed = fixed_directory
    wire = daemon.connect()
    set_fixed("+")
    for i in range(20):
        wire.call("put", "durable", f"k{i}", os.urandom(1 << 20))
    values = wire.call("get_many", "durable", [f"k{i}" for i in range(20)])
    assert "Operation not permitted" in wire.fails("storage", "sync")
    set_fixed("-")
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    daemon.kill9()
    wire = daemon.start().connect()
    assert wire.call("get_many", "durable", [f"k{i}" for i in range(20)]) == values


def refused(daemon):
    done = subprocess.run(daemon.command(), capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "name, lock, told",
    [("lock", fcntl.flock, "another daemon uses the data directory"), ("durable/LOCK", fcntl.lockf, "LOCK: ")],
)
def test_a_lock_that_another_process_holds_is_named_at_start(own_daemon, name, lock, told):
    own_daemon.connect().call("put", "durable", "k", 1)
    own_daemon.stop()
    with open(f"{own_daemon.data_dir}/{name}", "r+b") as file:
        lock(file, fcntl.LOCK_EX)
        text = refused(own_daemon)
        assert own_daemon.data_dir in text and told in text, text
        assert "repair" not in text, "nothing is damaged"
    assert own_daemon.start().connect().call("get", "durable", "k") == [1]


def value(i):
    return [i, f"{i * 7919 % 10007:05}" * 60]


def make_table(daemon):
    """Starts it again with ENTRIES that are on disk alone, in one table; its path."""
    wire = daemon.connect()
    wire.call("put_many", "durable", [[f"k{i:05}", value(i)] for i in range(ENTRIES)])
    wire.call("sync")
    daemon.restart()  # makes a table of the log
    (table,) = glob.glob(f"{daemon.data_dir}/durable/*.ldb")
    return table


@pytest.fixture
def damaged(own_daemon):
    """A daemon whose table has 100 bytes of zeros in its middle."""
    table = make_table(own_daemon)
    own_daemon.stop()
    with open(table, "r+b") as file:
        file.seek(os.path.getsize(table) // 3)
        file.write(bytes(100))
    return own_daemon.start()


def test_a_damaged_table_costs_the_keys_in_the_damaged_block_and_is_named(damaged):
    daemon = damaged
    wire = daemon.connect()
    lost = []
    for i in range(ENTRIES):
        try:
            assert wire.call("get", "durable", f"k{i:05}") == [value(i)]
        except RpcError as error:
            assert error.code == "storage" and f"k{i:05}" in error.text and daemon.data_dir in error.text, error
            assert "Corruption" in error.text, error
            lost.append(f"k{i:05}")
    assert 0 < len(lost) < ENTRIES // 10
    assert f"a read from disk failed: cannot read the record of cache 1, key \"{lost[0]}\"" in daemon.log()
    server = wire.call("info")["server"]
    assert server["read_errors"] == len(lost) and f'key "{lost[-1]}"' in server["last_read_error"]
    assert f"`pannier repair {daemon.data_dir}`" in daemon.log()
    wire.call("put", "lru", "k", 1)
    wire.call("put", "durable", "new", 1, {"sync": True})
    assert wire.call("get_many", "durable", ["new", "k00000"]) == [[1], [value(0)]]
    daemon.check()


def test_a_backup_has_all_but_the_damaged_block_and_tells_how_many_are_missing(damaged):
    wire = damaged.connect()
    wire.call("open", "whole", {"tier": "durable"})
    wire.call("put", "whole", "k", 1)
    names = [cache["name"] for cache in wire.call("backup")["caches"]]
    found, piece = {}, 0
    while isinstance(got := wire.call("backup_next", piece), list):
        found.update({(names[cache], key): stored for cache, key, stored, *_ in got})
        piece += 1
    assert found.pop(("whole", "k")) == 1
    assert all(stored == value(int(key[1:])) for (_, key), stored in found.items())
    (missing,) = got["missing"]
    assert names[missing["cache"]] == "durable" and missing["keys"] == []
    assert 0 < missing["entries"] == ENTRIES - len(found) < ENTRIES // 10
    assert "cannot read records of cache 1 around key" in missing["error"] and damaged.data_dir in missing["error"]
    assert "a read from disk failed: cannot read records of cache 1" in damaged.log()
    wire.fails("bad_request", "backup_next", piece)
    wire.fails("storage", "keys", "durable", {"limit": 10_000})  # half a list would pass for a whole one
    wire.call("put", "durable", "new", 1, {"sync": True})
    damaged.check()


def unreadable_keys(wire):
    keys = []
    for i in range(ENTRIES):
        try:
            wire.call("get", "durable", f"k{i:05}")
        except RpcError:
            keys.append(f"k{i:05}")
    return keys


def test_what_is_written_over_the_damaged_block_is_on_disk_like_all_else(damaged):
    wire = damaged.connect()
    over, deleted, *_ = unreadable_keys(wire)
    wire.call("put", "durable", over, "over", {"sync": True})
    wire.call("put", "durable", "new", 1, {"sync": True})
    wire.fails("storage", "delete", "durable", deleted)  # whether it was there is not known
    assert wire.call("info")["server"]["disk_failing"] is False
    assert wire.call("info", "durable")["currsize"] == ENTRIES + 2, "what is not known to be there counts as new"
    damaged.kill9()
    wire = damaged.start().connect()
    assert wire.call("get_many", "durable", [over, "new"]) == [["over"], [1]]


def test_a_drop_that_cannot_read_all_is_tried_again_and_stands_in_nobodys_way(damaged):
    wire = damaged.connect()
    wire.call("open", "whole", {"tier": "durable"})
    wire.call("put", "whole", "k", 1)
    assert "Corruption" in wire.fails("storage", "drop", "durable")
    wire = damaged.restart().connect()  # which goes on with it

    def tries():
        return damaged.log().count("cannot read records of cache 1")

    before = tries()
    wire.call("backup", ["whole"])
    eventually(lambda: tries() > before)
    assert len(wire.call("backup_next", 0)) == 1
    assert wire.call("backup_next", 1) is None
    assert wire.call("info")["server"]["disk_failing"] is False


def test_a_clear_that_waits_to_be_tried_again_does_not_hold_up_the_stop(damaged):
    wire = damaged.connect()
    assert "Corruption" in wire.fails("storage", "clear", "durable")
    eventually(lambda: wire.call("info")["server"]["read_errors"] >= 7, timeout_s=60)
    began = time.monotonic()  # 6.4 s before the next try
    damaged.stop()
    assert time.monotonic() - began < 5


def test_a_table_that_is_cut_short_while_it_is_used_costs_its_keys_and_not_the_daemon(own_daemon):
    table = make_table(own_daemon)
    wire = own_daemon.connect()
    assert wire.call("get", "durable", f"k{ENTRIES - 1:05}") == [value(ENTRIES - 1)]  # it is open now
    os.truncate(table, os.path.getsize(table) // 3)
    lost = 0
    for i in range(ENTRIES - 1):
        try:
            assert wire.call("get", "durable", f"k{i:05}") == [value(i)]
        except RpcError as error:
            assert error.code == "storage" and f"k{i:05}" in error.text, error
            lost += 1
    assert ENTRIES // 3 < lost < ENTRIES
    wire.call("put", "durable", "new", 1, {"sync": True})
    assert wire.call("get_many", "durable", ["new", f"k{ENTRIES - 1:05}"]) == [[1], [value(ENTRIES - 1)]]
    own_daemon.check()
