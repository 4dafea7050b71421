"""pannierd --repair and `pannier repair`: a durable tier that is damaged opens again with what can be read, and what was
lost is told. The daemons are real, the damage is done to their files."""

import fcntl
import glob
import json
import os
import subprocess

import pytest

from daemon_process import STOP_S, binary

ENTRIES = 3_000


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def repair(directory, *arguments):
    return run(binary("PANNIERD"), "--repair", directory, *arguments)


def repaired(data_dir):
    """The report, its caches by name."""
    code, output, errors = repair(data_dir, "--json")
    assert (code, errors) == (0, "")
    report = json.loads(output)
    report["caches"] = {cache.pop("name"): cache for cache in report["caches"]}
    return report


def value(i):
    return [i, f"{i * 7919 % 10007:05}" * 40]


class Filled:
    """A data directory with two caches, in several tables and a log; no daemon uses it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.data_dir = os.path.join(daemon.directory, "data")
        self.database = os.path.join(self.data_dir, "durable")
        wire = daemon.connect()
        wire.call("open", "other", {"tier": "durable", "max_age_ms": 3_600_000, "stale_ms": 5})
        wire.call("put", "other", "k", "other", {"sync": True})
        for start in range(0, ENTRIES, 1_000):  # each start of the daemon makes a table of the log before it
            wire.call("put_many", "durable", [[f"k{i:05}", value(i)] for i in range(start, start + 1_000)])
            daemon.restart()
            wire = daemon.connect()
        wire.call("put", "durable", "k00000", "another")
        self.version_last = wire.call("put", "durable", "k00000", value(0), {"sync": True})
        daemon.stop()
        assert len(self.files("*.ldb")) == 3

    def files(self, pattern):
        return sorted(glob.glob(os.path.join(self.database, pattern)))

    def wire(self):
        return self.daemon.start().connect()

    def keys(self, wire):
        cursor, keys = wire.call("keys", "durable", {"limit": 10_000})
        assert cursor is None
        return keys


@pytest.fixture
def filled(own_daemon):
    return Filled(own_daemon)


def scribble(path, at, count=64):
    with open(path, "r+b") as file:
        file.seek(at)
        before = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0xA5 for byte in before))


def test_what_is_whole_is_saved_whole(filled):
    report = repaired(filled.data_dir)
    assert report["caches"]["durable"] == {
        "saved": ENTRIES, "lost": 0, "damaged": 0, "noted": ENTRIES, "renamed": False
    }
    assert report["caches"]["other"]["saved"] == 1
    wire = filled.wire()
    assert [wire.call("get", "durable", f"k{i:05}") for i in range(ENTRIES)] == [[value(i)] for i in range(ENTRIES)]
    info = wire.call("info", "other")
    assert (info["max_age_ms"], info["stale_ms"], info["currsize"]) == (3_600_000, 5, 1)
    assert wire.call("put", "durable", "new", 1) > filled.version_last


@pytest.mark.parametrize("lost", ["CURRENT", "MANIFEST-*"])
def test_a_daemon_that_cannot_open_its_disk_names_the_command_which_then_saves_all(filled, lost):
    for path in filled.files(lost):
        os.remove(path)
    assert f"`pannier repair {filled.data_dir}`" in filled.daemon.fails_to_start()
    code, output, errors = run(binary("PANNIER"), "repair", filled.data_dir)
    assert (code, errors) == (0, "")
    assert f"durable: {ENTRIES} entries saved, 0 lost\n" in output
    assert len(filled.keys(filled.wire())) == ENTRIES


def test_damaged_tables_cost_what_was_in_the_damaged_blocks_and_no_value_is_wrong(filled):
    tables = filled.files("*.ldb")
    assert tables
    for path in tables:
        scribble(path, os.path.getsize(path) // 3)
    report = repaired(filled.data_dir)["caches"]["durable"]
    assert 0 < report["saved"] < ENTRIES
    assert report["saved"] + report["lost"] == report["noted"] == ENTRIES
    wire = filled.wire()
    keys = filled.keys(wire)
    assert len(keys) == report["saved"]
    for key in keys:
        assert wire.call("get", "durable", key) == [value(int(key[1:]))]


def test_a_lost_table_is_told_by_the_number_that_was_noted(filled):
    os.remove(filled.files("*.ldb")[1])
    assert "pannier repair" in filled.daemon.fails_to_start()
    report = repaired(filled.data_dir)["caches"]["durable"]
    assert (report["saved"], report["lost"]) == (ENTRIES - 1_000, 1_000)
    wire = filled.wire()
    assert wire.call("info", "durable")["currsize"] == report["saved"]
    assert wire.call("put", "durable", "new", 1, {"sync": True}) > filled.version_last


def test_entries_whose_definition_is_lost_are_in_a_cache_of_another_name(filled):
    os.remove(filled.files("*.ldb")[0])
    caches = repaired(filled.data_dir)["caches"]
    ((name, report),) = caches.items()
    assert name.startswith("lost-")
    assert report == {"saved": ENTRIES - 999, "lost": 999, "damaged": 0, "noted": ENTRIES, "renamed": True}
    wire = filled.wire()
    assert wire.call("get", name, "k02999") == [value(2_999)]
    assert wire.call("put", name, "new", 1, {"sync": True}) > filled.version_last


def test_what_was_there_is_kept_beside_it_whatever_comes_of_it(filled):
    scribble(filled.files("*.ldb")[0], 100)
    before = {os.path.basename(path): open(path, "rb").read() for path in filled.files("*") if os.path.isfile(path)}
    for suffix in ("", "-2"):
        kept = repaired(filled.data_dir)["kept"]
        assert kept == filled.database + ".before-repair" + suffix
        if not suffix:
            filled.wire().call("put", "durable", "k00001", "later", {"sync": True})
            filled.daemon.stop()
            assert {name: open(os.path.join(kept, name), "rb").read() for name in os.listdir(kept)} == before
    for path in filled.files("*"):
        if os.path.isfile(path):
            os.remove(path)
    code, _, errors = repair(filled.data_dir)
    assert code == 1
    assert f"What was there is kept in {filled.database}.before-repair-3" in errors


def test_a_directory_in_use_or_of_something_else_is_left_alone(filled, directory):
    filled.daemon.start()
    code, _, errors = repair(filled.data_dir)
    assert code == 1
    assert "another daemon uses the data directory" in errors
    filled.daemon.stop()
    assert not os.path.exists(filled.database + ".before-repair")

    code, _, errors = repair(directory)
    assert code == 1
    assert "is no data directory" in errors
    assert os.listdir(directory) == []
    code, output, errors = run(binary("PANNIER"), "repair", directory)
    assert (code, output) == (5, "")
    assert "is no data directory" in errors


def test_a_daemon_cannot_start_while_a_repair_goes_on(filled):
    with open(os.path.join(filled.data_dir, "lock"), "w", encoding="ascii") as lock:  # as the repair holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another daemon uses" in filled.daemon.fails_to_start()
