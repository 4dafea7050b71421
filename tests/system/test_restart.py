"""Memory outlives the process: killed at any moment, stopped, with another limit, damaged, beside another disk."""

import os
import random
import shutil
import tempfile
import time

import pytest
from check_arena import report
from daemon_process import STOP_S
from fd_store import SupervisedDaemon
from restart_load import Client

IS_LONG = os.environ.get("PANNIER_LONG") == "1"
ROUNDS = 500 if IS_LONG else 20
CLIENTS = 4
HOUR_MS = 3_600_000
FORMAT_AT = 8  # in the header of an arena: after its magic number


@pytest.fixture
def start_supervised():
    """start_supervised(arguments...): a daemon whose memory is kept for its next process."""
    started = []

    def start(*arguments):
        directory = tempfile.mkdtemp(prefix="pannier-")
        started.append(SupervisedDaemon(directory, "--checkpoint-interval", "1h", *arguments))
        return started[-1].start()

    yield start
    for daemon in started:
        daemon.discard()
        shutil.rmtree(daemon.directory, ignore_errors=True)


@pytest.fixture
def supervised(start_supervised):
    return start_supervised("--memory-limit", "64M")


def kill_and_check(daemon):
    daemon.kill9()
    found = report(daemon.arena_path())
    assert found["sound"], found["fault"]
    return found


def run_rounds(daemon, rounds, seed, may_be_gone):
    generator = random.Random(seed)
    clients = [Client(daemon.socket_path, f"c{i}", seed + i, may_be_gone) for i in range(CLIENTS)]
    rolled_back = 0
    for round_number in range(rounds):
        puts_before = {name: info["puts"] for name, info in daemon.connect().call("info")["caches"].items()}
        for client in clients:
            client.acknowledged = dict.fromkeys(client.acknowledged, 0)
            client.start()
        time.sleep(generator.uniform(0.01, 0.3))
        rolled_back += kill_and_check(daemon)["rolled_back_words"] > 0
        for client in clients:
            client.join(STOP_S)
        daemon.start()
        assert "was not sound" not in daemon.log()
        wire = daemon.connect()
        info = wire.call("info")["caches"]
        for name in ("lru", "ttl", "durable"):
            assert info[name]["puts"] >= puts_before[name] + sum(client.acknowledged[name] for client in clients)
        for client in clients:
            client.check(wire)
        assert wire.call("put", "lru", "probe", round_number) > max(client.version_last for client in clients)
        clients = [successor_of(client, daemon) for client in clients]
        wire.close()
    print(f"{rounds} rounds; {rolled_back} kills within a change that was put back")
    return clients


def successor_of(client, daemon):
    """A thread runs once: another one goes on with what the client knows."""
    successor = Client(daemon.socket_path, client.name, client.random.random(), client.may_be_gone)
    successor.known = client.known
    successor.version_last = client.version_last
    return successor


def test_killed_at_any_moment_nothing_acknowledged_is_lost(supervised):
    clients = run_rounds(supervised, ROUNDS, seed=1, may_be_gone=False)
    # What no disk has seen was there all the time, and reaches it now.
    wire = supervised.connect()
    wire.call("sync")
    supervised.stop()
    for _, fd in supervised.store.content():
        os.close(fd)
    supervised.store.kept = []
    supervised.start()
    wire = supervised.connect()
    for client in clients:
        client.known = {place: value for place, value in client.known.items() if place[0] == "durable"}
        client.check(wire)


def test_killed_while_memory_is_short_nothing_is_torn(start_supervised):
    run_rounds(start_supervised("--memory-limit", "2M"), ROUNDS, seed=2, may_be_gone=True)


@pytest.mark.parametrize("is_killed", [True, False])
def test_the_least_recently_used_goes_first_after_a_restart(supervised, is_killed):
    wire = supervised.connect()
    wire.call("open", "bound", {"tier": "lru", "max_entries": 10})
    for i in range(10):
        wire.call("put", "bound", f"k{i}", i)
    order = [3, 0, 7, 1, 9, 2, 8, 4, 6, 5]
    for i in order:
        wire.call("get", "bound", f"k{i}")
    supervised.kill9() if is_killed else supervised.stop()
    supervised.start()
    wire = supervised.connect()
    for gone in range(1, 11):
        wire.call("put", "bound", f"new{gone}", gone)
        there = wire.call("keys", "bound")[1]
        assert {f"k{i}" for i in order[gone:]} == {key for key in there if key.startswith("k")}


def test_deadlines_hold_over_a_kill(supervised):
    wire = supervised.connect()
    wire.call("put", "lru", "long", 1, {"ttl_ms": HOUR_MS})
    wire.call("put", "ttl", "short", 1, {"ttl_ms": 1})
    before = wire.call("get", "lru", "long", {"meta": True})[2]
    supervised.kill9()
    wire = supervised.start().connect()
    assert 0 < wire.call("get", "lru", "long", {"meta": True})[2] <= before
    assert wire.call("get", "ttl", "short") is None


def test_counters_and_versions_go_on_after_a_clean_stop(supervised):
    wire = supervised.connect()
    for i in range(50):
        version = wire.call("put", "lru", f"k{i}", i)
        wire.call("get", "lru", f"k{i}")
    before = wire.call("info", "lru")
    supervised.stop()
    wire = supervised.start().connect()
    after = wire.call("info", "lru")
    assert [after[name] for name in ("puts", "hits", "currsize")] == [before[name] for name in ("puts", "hits", "currsize")]
    assert wire.call("put", "lru", "k", 1) > version
    assert "as the last process left it" in supervised.log()


def test_another_memory_limit_brings_the_entries_over(supervised):
    wire = supervised.connect()
    wire.results(wire.pipeline(*[("put", "lru", f"k{i}", "v" * i) for i in range(500)]))
    wire.call("put", "durable", "d", 1)
    supervised.kill9()
    supervised.arguments[-1] = "32M"
    wire = supervised.start().connect()
    assert "memory limit says" in supervised.log()
    assert wire.results(wire.pipeline(*[("get", "lru", f"k{i}") for i in range(500)])) == [["v" * i] for i in range(500)]
    assert wire.call("get", "durable", "d") == [1]
    supervised.kill9()
    assert report(supervised.arena_path())["bytes"] == 32 << 20


def test_a_start_that_fails_gives_up_nothing(supervised):
    """The memory limit is lower, so that another arena takes the place, and then the configuration is wrong."""
    wire = supervised.connect()
    wire.call("open", "d", {"tier": "durable"})
    keys = [f"k{number}" for number in range(1_000)]
    wire.call("put_many", "lru", [[key, b"x" * 5_000] for key in keys])
    supervised.kill9()
    arguments = list(supervised.arguments)
    config = f"{supervised.directory}/pannier.toml"
    with open(config, "w", encoding="ascii") as file:
        file.write('[cache.d]\ntier = "ttl"\nmax_age = "1h"\n')
    supervised.arguments[-1] = "2M"
    supervised.arguments += ["--config", config]
    assert "cache d is configured otherwise" in supervised.fails_to_start()
    supervised.arguments = arguments
    assert None not in supervised.start().connect().call("get_many", "lru", keys)


def test_beside_an_older_copy_of_the_disk_no_deleted_key_comes_back(supervised):
    """The data directory is a copy from before; memory has what was written since."""
    wire = supervised.connect()
    wire.call("put_many", "durable", [["kept", 1], ["erased", 1]])
    wire.call("sync")
    supervised.stop()
    shutil.copytree(supervised.data_dir, f"{supervised.directory}/copy")
    wire = supervised.start().connect()
    wire.call("delete", "durable", "erased")
    wire.call("put", "durable", "kept", 2)
    supervised.kill9()
    shutil.rmtree(supervised.data_dir)
    os.rename(f"{supervised.directory}/copy", supervised.data_dir)
    wire = supervised.start().connect()
    assert wire.call("get_many", "durable", ["kept", "erased"]) == [[2], None]
    wire.call("sync")


def test_beside_another_disk_what_no_disk_has_stays(supervised):
    wire = supervised.connect()
    wire.call("put", "durable", "clean", 1)
    wire.call("sync")
    wire.call("put", "durable", "dirty", 2)
    supervised.kill9()
    supervised.data_dir = f"{supervised.directory}/other"
    wire = supervised.start().connect()
    assert wire.call("get_many", "durable", ["clean", "dirty"]) == [None, [2]]
    assert "data directory is not the one" in supervised.log()


@pytest.mark.parametrize("seed", range(40 if IS_LONG else 4))
def test_a_damaged_arena_does_not_keep_the_daemon_from_serving(start_daemon, arena, seed):
    daemon = start_daemon("--arena-file", arena, "--memory-limit", "4M")
    wire = daemon.connect()
    wire.results(wire.pipeline(*[("put", "lru", f"k{i}", f"value {i}" * 20) for i in range(2_000)]))
    daemon.kill9()
    generator = random.Random(seed)
    with open(arena, "r+b") as file:
        for _ in range(200):
            file.seek(generator.randrange(64, 4 << 20))
            file.write(generator.randbytes(16))
    daemon.start()
    assert "was not sound" in daemon.log() or "cannot take over" in daemon.log()
    wire = daemon.connect()
    wire.call("put", "lru", "new", 1)
    assert wire.call("get", "lru", "new") == [1]
    daemon.kill9()
    found = report(arena)
    assert found["sound"], found["fault"]


def test_an_arena_of_another_format_is_set_aside(start_daemon, arena):
    daemon = start_daemon("--arena-file", arena)
    daemon.connect().call("put", "lru", "k", 1)
    daemon.stop()
    with open(arena, "r+b") as file:
        file.seek(FORMAT_AT)
        file.write((999).to_bytes(4, "little"))
    wire = daemon.start().connect()
    assert "has format 999" in daemon.log()
    assert wire.call("get", "lru", "k") is None
    assert os.path.exists(f"{arena}.unusable")
