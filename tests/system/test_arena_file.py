"""The arena file: memory that the next process goes on with where nothing else keeps it; files that are refused."""

import os
import socket
import stat
import subprocess

import pytest

from daemon_process import STOP_S, binary

MEBIBYTE = 1 << 20


@pytest.fixture
def refused(directory):
    """refused(path): starts pannierd with that arena file, which it must refuse; returns what it printed."""

    def run(path):
        command = [binary("PANNIERD"), "--socket", f"{directory}/s", "--data-dir", f"{directory}/d"]
        done = subprocess.run(
            [*command, "--arena-file", path], capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 1, done.stderr
        assert path in done.stderr and "--arena-file" in done.stderr
        assert not os.path.exists(f"{directory}/s")
        return done.stderr

    return run


def leave(path, mode=0o600, text="left"):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)


def test_entries_of_every_tier_are_there_after_a_restart(start_daemon, arena):
    daemon = start_daemon("--arena-file", arena)
    wire = daemon.connect()
    version = wire.call("put", "lru", "k", {"a": 1})
    wire.call("put", "ttl", "k", "soon", {"ttl_ms": 600_000})
    wire.call("put", "durable", "k", 3)
    daemon.restart()
    wire = daemon.connect()
    assert wire.call("get", "lru", "k", {"meta": True})[:2] == [{"a": 1}, version]
    value, _, ttl_ms = wire.call("get", "ttl", "k", {"meta": True})
    assert value == "soon" and 0 < ttl_ms <= 600_000
    assert wire.call("get", "durable", "k") == [3]
    assert wire.call("put", "lru", "k", 2) > version


def test_the_file_is_for_its_owner_alone_and_as_large_as_the_limit(start_daemon, arena):
    start_daemon("--arena-file", arena, "--memory-limit", "8M")
    status = os.stat(arena)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_size == 8 * MEBIBYTE


def test_without_a_file_memory_ends_with_the_process(own_daemon):
    own_daemon.connect().call("put", "lru", "k", 1)
    own_daemon.restart()
    assert own_daemon.connect().call("get", "lru", "k") is None


@pytest.mark.parametrize("limit", ["32M", "8M"])
def test_another_memory_limit_brings_the_entries_over(start_daemon, arena, limit):
    daemon = start_daemon("--arena-file", arena, "--memory-limit", "16M")
    wire = daemon.connect()
    wire.results(wire.pipeline(*[("put", "lru", f"k{i}", i) for i in range(1_000)]))
    wire.call("put", "durable", "d", "durable")
    daemon.stop()
    daemon.arguments = ["--arena-file", arena, "--memory-limit", limit]
    daemon.start()
    wire = daemon.connect()
    assert wire.results(wire.pipeline(*[("get", "lru", f"k{i}") for i in range(1_000)])) == [[i] for i in range(1_000)]
    assert wire.call("get", "durable", "d") == ["durable"]
    assert os.stat(arena).st_size == int(limit[:-1]) * MEBIBYTE
    assert os.listdir(os.path.dirname(arena)) == ["arena"]


def test_a_start_that_fails_leaves_the_file_as_it_was(start_daemon, arena, directory):
    """The memory limit is lower, so that another arena takes its place, and then the configuration is wrong."""
    daemon = start_daemon("--arena-file", arena, "--memory-limit", "16M")
    wire = daemon.connect()
    wire.call("open", "d", {"tier": "durable"})
    keys = [f"k{number}" for number in range(1_000)]
    wire.call("put_many", "lru", [[key, b"x" * 5_000] for key in keys])
    daemon.stop()
    config = f"{directory}/pannier.toml"
    leave(config, text='[cache.d]\ntier = "ttl"\nmax_age = "1h"\n')
    daemon.arguments = ["--arena-file", arena, "--memory-limit", "2M", "--config", config]
    assert "cache d is configured otherwise" in daemon.fails_to_start()
    assert os.listdir(os.path.dirname(arena)) == ["arena"]
    daemon.arguments = ["--arena-file", arena, "--memory-limit", "16M"]
    daemon.start()
    assert None not in daemon.connect().call("get_many", "lru", keys)


def test_what_a_process_left_that_died_while_it_made_another_goes(start_daemon, arena):
    daemon = start_daemon("--arena-file", arena)
    leave(f"{arena}.new")
    daemon.restart()
    assert os.listdir(os.path.dirname(arena)) == ["arena"]


def test_a_file_that_is_no_arena_is_kept_aside_and_told(start_daemon, arena):
    leave(arena, text="x" * MEBIBYTE)
    daemon = start_daemon("--arena-file", arena)
    assert f"cannot take over the arena file {arena}" in daemon.log()
    assert f"{arena}.unusable" in daemon.log()
    assert os.stat(f"{arena}.unusable").st_size == MEBIBYTE
    daemon.connect().call("put", "lru", "k", 1)
    daemon.restart()
    assert daemon.connect().call("get", "lru", "k") == [1]


def test_a_cache_of_the_configuration_may_change_its_tier(start_daemon, arena, directory):
    config = f"{directory}/pannier.toml"
    leave(config, text='[cache.a]\ntier = "lru"\n')
    daemon = start_daemon("--arena-file", arena, "--config", config)
    daemon.connect().call("put", "a", "k", 1)
    daemon.stop()
    leave(config, text='[cache.a]\ntier = "ttl"\nmax_age = "1h"\n')
    daemon.start()
    wire = daemon.connect()
    assert wire.call("info", "a")["tier"] == "ttl"
    assert wire.call("get", "a", "k") is None
    assert "cache a starts empty" in daemon.log()


def test_another_data_directory_gets_what_memory_alone_has(start_daemon, arena):
    """Its own entries are there, and clean ones of the other are not."""
    daemon = start_daemon("--arena-file", arena)
    daemon.connect().call("put", "durable", "old", 1)
    daemon.connect().call("put", "lru", "k", 2)
    daemon.stop()
    daemon.data_dir = f"{daemon.directory}/other"
    daemon.start()
    wire = daemon.connect()
    assert wire.call("get", "durable", "old") is None
    assert wire.call("get", "lru", "k") == [2]
    wire.call("put", "durable", "new", 3)
    daemon.stop()
    daemon.data_dir = f"{daemon.directory}/data"
    daemon.start()
    wire = daemon.connect()
    assert wire.call("get", "durable", "old") == [1]
    assert wire.call("get", "durable", "new") is None


def test_what_a_process_without_the_arena_did_meanwhile_counts(start_daemon, arena):
    daemon = start_daemon("--arena-file", arena)
    wire = daemon.connect()
    for key in ("erased", "touched", "left"):
        wire.call("put", "durable", key, 1)
    wire.call("open", "dropped", {"tier": "durable"})
    daemon.stop()
    daemon.arguments = []
    daemon.start()
    wire = daemon.connect()
    # None of these takes a version.
    wire.call("delete", "durable", "erased")
    wire.call("touch", "durable", "touched", {"ttl_ms": 0})
    wire.call("drop", "dropped")
    daemon.stop()
    daemon.arguments = ["--arena-file", arena]
    daemon.start()
    wire = daemon.connect()
    assert wire.call("get_many", "durable", ["erased", "touched", "left"]) == [None, None, [1]]
    assert "dropped" not in wire.call("info")["caches"]
    assert "was written to since" in daemon.log()


# -- refusals


def test_a_second_daemon_on_the_same_file_is_refused(start_daemon, arena, refused):
    daemon = start_daemon("--arena-file", arena)
    assert "another daemon uses the arena file" in refused(arena)
    daemon.connect().call("put", "lru", "k", 1)


def test_a_file_on_a_disk_is_refused_and_not_made(refused, directory):
    text = refused(f"{directory}/arena")
    assert "tmpfs" in text and "/dev/shm" in text
    assert not os.path.exists(f"{directory}/arena")


def test_a_symbolic_link_is_refused(refused, memory_directory, arena):
    leave(f"{memory_directory}/target")
    os.symlink(f"{memory_directory}/target", arena)
    assert "is a symbolic link" in refused(arena)
    assert os.stat(f"{memory_directory}/target").st_size == 4


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o700])
def test_a_file_that_gives_others_a_right_is_refused(refused, arena, mode):
    leave(arena, mode)
    assert f"has the mode 0{mode:o}" in refused(arena)


def test_what_is_no_file_is_refused(refused, memory_directory, arena):
    os.mkdir(arena)
    refused(arena)
    os.rmdir(arena)
    os.mkfifo(arena)
    assert "is no regular file" in refused(arena)
    os.remove(arena)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(arena)
        refused(arena)
    refused(f"{memory_directory}/missing/arena")
