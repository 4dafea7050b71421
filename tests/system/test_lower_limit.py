"""A lower memory limit: it waits for what is not on disk yet, and reservations count for their share of it."""

import os
import resource
import shutil
import signal
import tempfile

import pytest

MEBIBYTE = 1 << 20
DIRTY = [[f"k{number}", b"d" * 10_000] for number in range(500)]
KEYS = [key for key, _ in DIRTY]
VALUES = [[value] for _, value in DIRTY]


@pytest.fixture
def arena():
    directory = tempfile.mkdtemp(prefix="pannier-", dir="/dev/shm")
    yield f"{directory}/arena"
    shutil.rmtree(directory)


@pytest.fixture
def lower(arena):
    """The arguments of a daemon with the lower limit."""
    return ["--arena-file", arena, "--checkpoint-interval", "1h", "--memory-limit", "2M"]


@pytest.fixture
def dirty(start_daemon, lower):
    """A daemon with 16M, of which 5M are in use and on no disk."""
    daemon = start_daemon(*lower, "--memory-limit", "16M", "--max-dirty", "12M", "--checkpoint-bytes", "6M")
    daemon.connect().call("put_many", "durable", DIRTY)
    return daemon


def damage_a_count(path):
    """Of free pages, in the header: every entry stays whole."""
    with open(path, "r+b") as file:
        file.seek(128)
        count = file.read(1)
        file.seek(128)
        file.write(bytes([count[0] ^ 1]))


def let_disk_fail(daemon):
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def hurry(daemon):
    daemon.send_signal(signal.SIGTERM)
    while daemon.process.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    assert daemon.wait() == 3


@pytest.mark.parametrize("is_sound", [True, False])
def test_a_lower_limit_waits_until_all_is_on_disk(dirty, lower, arena, is_sound):
    dirty.kill9()
    if not is_sound:
        damage_a_count(arena)
    dirty.arguments = lower
    dirty.start()
    assert ("the arena was not sound" in dirty.log()) == (not is_sound)
    assert "not on disk yet: memory stays at 16777216 bytes until a start that finds them on disk" in dirty.log()
    assert dirty.connect().call("get_many", "durable", KEYS) == VALUES
    assert os.listdir(os.path.dirname(arena)) == ["arena"]
    dirty.restart()
    assert os.path.getsize(arena) == 2 * MEBIBYTE
    wire = dirty.connect()
    assert [wire.call("get", "durable", key) for key in KEYS] == VALUES


def test_a_stop_that_leaves_out_what_is_dirty_does_not_end_the_wait(dirty, lower):
    let_disk_fail(dirty)
    hurry(dirty)
    dirty.arguments = lower
    dirty.start()
    wire = dirty.connect()
    assert wire.call("get_many", "durable", KEYS) == VALUES
    wire.call("sync")
    let_disk_fail(dirty)
    others = [[key, b"o" * 10_000] for key in KEYS[:350]]
    wire.call("put_many", "durable", others)
    hurry(dirty)
    logged = len(dirty.log())
    dirty.start()
    assert "memory stays at 16777216 bytes until a start that finds them on disk" in dirty.log()[logged:]
    values = [[value] for _, value in others] + VALUES[350:]
    assert dirty.connect().call("get_many", "durable", KEYS) == values


@pytest.mark.parametrize("max_dirty", [None, "512K"])
def test_while_it_waits_a_quarter_of_what_there_really_is_may_be_dirty(dirty, lower, max_dirty):
    dirty.kill9()
    dirty.arguments = [*lower, "--max-dirty", max_dirty] if max_dirty else lower
    dirty.start()
    wire = dirty.connect()
    wire.call("sync")
    # In one request, so that none of it is written meanwhile: more than a quarter of 2M, less than one of 16M.
    others = [[key, b"other" * 2_000] for key in KEYS[:200]]
    if max_dirty:
        wire.fails("overloaded", "put_many", "durable", others)
    else:
        wire.call("put_many", "durable", others)


@pytest.mark.parametrize("is_kept", [True, False])
def test_reservations_of_a_higher_limit_leave_half_of_a_lower_one_to_others(start_daemon, arena, is_kept):
    """Whether memory is kept, or the disk alone knows of them."""
    kept = ["--arena-file", arena] if is_kept else []
    daemon = start_daemon(*kept, "--memory-limit", "64M")
    wire = daemon.connect()
    settings = {"tier": "durable", "reserved_bytes": 30_000_000}
    wire.call("open", "large", settings)
    wire.call("open", "small", {"tier": "durable", "reserved_bytes": 1_000_000})
    wire.call("put_many", "large", [[str(number), b"x" * 5_000] for number in range(3_000)])
    daemon.stop()
    assert "reserved_bytes" not in daemon.log()
    daemon.arguments = [*kept, "--memory-limit", "4M"]
    daemon.start()
    assert "cache large: of reserved_bytes 30000000 only 2029501 count, its share of the 2097152 " in daemon.log()
    assert "cache small: of reserved_bytes 1000000 only 67650 count" in daemon.log()
    wire = daemon.connect()
    wire.call("put", "lru", "k", b"x" * 1_000_000)
    assert wire.call("info", "large")["reserved_bytes"] == 30_000_000
    assert wire.call("open", "large", settings) is False
    assert "reserved_bytes 1" in wire.fails("out_of_memory", "open", "more", {"tier": "lru", "reserved_bytes": 1})
    logged = len(daemon.log())
    daemon.stop()
    daemon.arguments = [*kept, "--memory-limit", "64M"]
    daemon.start()
    assert "reserved_bytes" not in daemon.log()[logged:]


def test_the_configuration_may_move_a_reservation_from_one_cache_to_another(start_daemon, arena, tmp_path):
    config = tmp_path / "pannier.toml"
    sections = '[cache.a]\ntier = "lru"\nreserved = "{}"\n[cache.b]\ntier = "lru"\nreserved = "{}"\n'
    config.write_text(sections.format("1M", "7M"))
    daemon = start_daemon("--arena-file", arena, "--memory-limit", "16M", "--config", str(config))
    daemon.connect().call("put", "a", "k", 1)
    config.write_text(sections.format("7M", "1M"))
    daemon.restart()
    wire = daemon.connect()
    assert wire.call("info", "a")["reserved_bytes"] == 7 * MEBIBYTE
    assert wire.call("get", "a", "k") == [1]
