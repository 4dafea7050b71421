"""The database's directory goes away while it is served: no write is answered that nobody could find later, nothing is made in
its place, and when it is back all goes on by itself."""

import os
import shutil
import signal

import pytest

from clock import eventually


@pytest.fixture
def served(own_daemon):
    """A daemon with an entry on disk."""
    own_daemon.database = f"{own_daemon.data_dir}/durable"
    own_daemon.aside = f"{own_daemon.directory}/aside"
    wire = own_daemon.connect()
    wire.call("put", "durable", "before", 1, {"sync": True})
    yield own_daemon
    if os.path.isdir(own_daemon.aside):  # or its stop would wait for it
        move_back(own_daemon)


def move_back(daemon):
    if os.path.isdir(daemon.database):
        shutil.rmtree(daemon.database)
    os.rename(daemon.aside, daemon.database)


def ends_hurried(daemon):
    daemon.send_signal(signal.SIGTERM)
    daemon.send_signal(signal.SIGINT)
    assert daemon.wait() != 0, "entries were not written, and it says that all went well"


def content(directory):
    found = {}
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as file:
            found[name] = file.read()
    return found


def is_refused(daemon, wire, key):
    """A put with sync fails, tells why everywhere, and is served from memory."""
    text = wire.fails("storage", "put", "durable", key, 2, {"sync": True})
    assert "it is gone (" in text and daemon.database in text, text
    assert wire.call("get", "durable", key) == [2]
    info = wire.call("info", "durable")
    assert "it is gone (" in info["last_error"] and info["dirty_entries"] >= 1
    assert wire.call("info")["server"]["disk_failing"] is True
    assert "it is gone (" in daemon.log()
    assert "pannier repair" not in daemon.log(), "nothing is damaged"


def goes_on(daemon, wire, keys):
    """All that was refused reaches the disk by itself."""
    eventually(lambda: wire.call("info", "durable")["dirty_entries"] == 0, timeout_s=60)
    assert wire.call("info", "durable")["last_error"] is None
    assert wire.call("put", "durable", "after", 3, {"sync": True})
    daemon.kill9()
    wire = daemon.start().connect()
    assert wire.call("get_many", "durable", ["before", *keys, "after"]) == [[1], *[[2] for _ in keys], [3]]


def test_a_database_that_was_moved_away_gets_what_is_dirty_when_it_is_back(served):
    wire = served.connect()
    os.rename(served.database, served.aside)
    is_refused(served, wire, "k")
    assert wire.call("get", "durable", "before") == [1]
    wire.call("put", "lru", "k", 1)
    is_refused(served, wire, "l")
    assert not os.path.exists(served.database)
    move_back(served)
    goes_on(served, wire, ["k", "l"])


def test_a_data_directory_that_was_moved_away_too(served):
    wire = served.connect()
    os.rename(served.data_dir, served.aside)
    is_refused(served, wire, "k")
    os.rename(served.aside, served.data_dir)
    goes_on(served, wire, ["k"])


def test_nothing_is_made_where_the_database_was_and_another_is_left_alone(served, start_daemon):
    other = start_daemon()
    other.connect().call("put", "durable", "before", "other", {"sync": True})
    other.stop()
    wire = served.connect()
    os.rename(served.database, served.aside)
    os.mkdir(served.database)
    is_refused(served, wire, "k")
    is_refused(served, wire, "l")
    assert os.listdir(served.database) == []
    shutil.rmtree(served.database)
    for another in (f"{other.data_dir}/durable", served.aside):  # the second is an older copy of its own
        shutil.copytree(another, served.database)
        there = content(served.database)
        is_refused(served, wire, "k")
        is_refused(served, wire, "l")
        assert content(served.database) == there
        shutil.rmtree(served.database)
    move_back(served)
    goes_on(served, wire, ["k", "l"])


def test_a_deleted_database_is_not_made_again_by_the_daemon_that_served_it(served):
    wire = served.connect()
    shutil.rmtree(served.database)
    is_refused(served, wire, "k")
    is_refused(served, wire, "l")
    assert not os.path.exists(served.database)
    assert wire.call("get_many", "durable", ["before", "k", "l"]) == [[1], [2], [2]]
    ends_hurried(served)
    assert not os.path.exists(served.database)
    wire = served.start().connect()
    assert wire.call("get", "durable", "before") is None
    wire.call("put", "durable", "k", 1, {"sync": True})


def test_a_log_that_was_deleted_is_noticed(served):
    wire = served.connect()
    for name in os.listdir(served.database):
        if name.endswith(".log"):
            os.remove(f"{served.database}/{name}")
    text = wire.fails("storage", "put", "durable", "k", 2, {"sync": True})
    assert ".log: No such file or directory" in text, text
    ends_hurried(served)
