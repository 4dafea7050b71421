"""Fixtures: daemons in temporary directories, clients of the package under test, caches with names of their own.

`daemon` is shared by the tests of one file, so each test opens caches of its own (`new_cache`). A test that stops the
daemon or needs options of it takes `own_daemon` or `start_daemon`.
"""

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from daemon_process import Daemon  # noqa: E402

import pannier  # noqa: E402

cache_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def start_shared():
    """start_shared(arguments...): a daemon that lives until all tests of this run are over."""
    yield from _daemons()


@pytest.fixture
def start_daemon():
    """start_daemon(arguments...): a daemon of the test's own."""
    yield from _daemons()


def _daemons():
    started = []

    def start(*arguments, parent=None, **settings):
        # Short, because the path of a socket has room for about 100 bytes only.
        started.append(Daemon(tempfile.mkdtemp(prefix="pannier-", dir=parent), *arguments, **settings))
        return started[-1].start()

    yield start
    try:
        for process in started:
            process.discard()
    finally:
        for process in started:
            shutil.rmtree(process.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def daemon(start_shared):
    """One daemon with default options for all tests of a file."""
    return start_shared()


@pytest.fixture(scope="module")
def daemon_in_memory(start_shared):
    """The same with its data in a tmpfs, where nobody waits for a disk."""
    return start_shared(parent="/dev/shm")


@pytest.fixture
def own_daemon(start_daemon):
    return start_daemon()


@pytest.fixture
def client(daemon):
    """A client of the shared daemon, which must survive the test."""
    with pannier.connect(daemon.socket_path) as connected:
        yield connected
    daemon.check()


@pytest.fixture
def new_name():
    """new_name(): a cache name that no other test uses."""
    return lambda: f"cache-{next(cache_numbers)}"


@pytest.fixture
def new_cache(client, new_name):
    """new_cache(tier, settings...): a new cache of the shared daemon."""
    return lambda tier="lru", **settings: client.cache(new_name(), tier, **settings)


@pytest.fixture
def cache(new_cache):
    return new_cache()


@pytest.fixture
def let_find(monkeypatch):
    """let_find(path): decorators and drop-ins of this process, and of those it starts, find the daemon of this socket."""

    def set_path(path):
        monkeypatch.setenv("PANNIER_SOCKET", path)
        monkeypatch.setattr(pannier.config, "settings", pannier.config.Settings())

    return set_path


@pytest.fixture
def process_daemon(daemon, let_find):
    """The shared daemon, found by `$PANNIER_SOCKET`, as decorators and drop-ins find theirs."""
    let_find(daemon.socket_path)
    return daemon


@pytest.fixture
def own_process_daemon(own_daemon, let_find):
    """The same of a daemon of the test's own."""
    let_find(own_daemon.socket_path)
    return own_daemon


@pytest.fixture
def sharing(process_daemon):
    """The shared daemon for decorators, which read its memory from the first call on."""
    pannier.configure(shared_reads="always")
    return process_daemon
