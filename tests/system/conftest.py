"""Fixtures: daemons in temporary directories, connections to them, caches with names of their own.

`daemon` is shared by the tests of one file, so each test opens caches of its own (`open_cache`). A test that stops
the daemon or needs options of it takes `own_daemon` or `start_daemon`.
"""

import itertools
import shutil
import tempfile

import pytest

from daemon_process import Daemon, binary, is_sanitized

cache_numbers = itertools.count(1)


def new_directory():
    # Short, because the path of a socket has room for about 100 bytes only.
    return tempfile.mkdtemp(prefix="pannier-")


@pytest.fixture(scope="session")
def sanitized():
    """Whether the daemon is built with a sanitizer, whose memory does not tell anything about the daemon's."""
    return is_sanitized(binary("PANNIERD"))


@pytest.fixture(scope="module")
def daemon():
    """One daemon with default options for all tests of a file."""
    directory = new_directory()
    process = Daemon(directory)
    try:
        process.start()
        yield process
        process.discard()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def start_daemon():
    """start_daemon(arguments...): a daemon of the test's own."""
    started = []

    def start(*arguments, **settings):
        directory = new_directory()
        started.append(Daemon(directory, *arguments, **settings))
        return started[-1].start()

    yield start
    try:
        for process in started:
            process.discard()
    finally:
        for process in started:
            shutil.rmtree(process.directory, ignore_errors=True)


@pytest.fixture
def own_daemon(start_daemon):
    return start_daemon()


@pytest.fixture
def connect(daemon):
    """connect(): a new connection to the shared daemon, closed after the test; the daemon must survive it."""
    wires = []

    def open_connection(**settings):
        wires.append(daemon.connect(**settings))
        return wires[-1]

    yield open_connection
    for wire in wires:
        wire.close()
    daemon.check()


@pytest.fixture
def wire(connect):
    return connect()


@pytest.fixture
def new_name():
    """new_name(): a cache name that no other test uses."""
    return lambda: f"cache-{next(cache_numbers)}"


@pytest.fixture
def open_cache(wire, new_name):
    """open_cache(tier, options...): a new cache of the shared daemon; returns its name."""

    def open_new(tier="lru", **options):
        name = new_name()
        assert wire.call("open", name, {"tier": tier, **options}) is True
        return name

    return open_new


@pytest.fixture
def memory_directory():
    """An empty directory in a tmpfs."""
    path = tempfile.mkdtemp(prefix="pannier-", dir="/dev/shm")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def arena(memory_directory):
    """Where an arena file may be made."""
    return f"{memory_directory}/arena"


@pytest.fixture
def directory():
    """An empty temporary directory with a short path."""
    path = new_directory()
    yield path
    shutil.rmtree(path, ignore_errors=True)
