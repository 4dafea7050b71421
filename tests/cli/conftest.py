"""Fixtures: a daemon in a temporary directory, and the command `pannier` talking to it.
Environment: PANNIERD and PANNIER, the programs."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from wire import Wire  # noqa: E402

PANNIERD = os.environ["PANNIERD"]
PANNIER = os.environ["PANNIER"]
START_TIMEOUT_S = 60


class Command:
    """The program `pannier` with a socket: cli("get", "lru", "k") is the finished process, its output as bytes."""

    def __init__(self, socket):
        self.socket = socket

    def environment(self):
        return {**os.environ, "PANNIER_SOCKET": self.socket}

    def __call__(self, *arguments, input=b"", **options):
        return subprocess.run(
            [PANNIER, *arguments], input=input, capture_output=True, timeout=120, env=self.environment(), **options
        )

    def ok(self, *arguments, **options):
        """Standard output of a command that ends with exit code 0 and says nothing on standard error."""
        done = self(*arguments, **options)
        assert (done.returncode, done.stderr) == (0, b""), done
        return done.stdout

    def put_all(self, cache, values):
        """Puts {key: value, ...}, without starting the command for each."""
        with contextlib.closing(Wire(self.socket)) as wire:
            wire.call("put_many", cache, list(values.items()))

    def get_all(self, cache, keys):
        """{key: value, ...} of those that are there, without starting the command for each."""
        with contextlib.closing(Wire(self.socket)) as wire:
            found = zip(keys, wire.call("get_many", cache, list(keys)))
        return {key: value[0] for key, value in found if value is not None}

    def start(self, *arguments):
        return subprocess.Popen(
            [PANNIER, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )


def wait_until(condition, what):
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@contextlib.contextmanager
def new_directory():
    # Short, because the path of a socket has room for about 100 bytes only.
    path = tempfile.mkdtemp(prefix="pannier-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def directory():
    with new_directory() as path:
        yield path


def answers(socket):
    """Whether a daemon does. Asked by hand: with sanitizers, to start the command takes longer than to start the daemon."""
    try:
        with contextlib.closing(Wire(socket)) as wire:
            return wire.call("ping") == "pong"
    except (FileNotFoundError, ConnectionRefusedError):
        return False


@contextlib.contextmanager
def running_daemon(directory, *options):
    """A pannierd with its files in the directory; its socket is directory/s."""
    process = subprocess.Popen([PANNIERD, "--socket", directory + "/s", "--data-dir", directory + "/data", *options])
    try:
        wait_until(lambda: process.poll() is not None or answers(directory + "/s"), "pannierd does not answer")
        assert process.poll() is None, "pannierd ended"
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture
def daemon(directory):
    with running_daemon(directory) as process:
        yield process


@pytest.fixture
def cli(daemon, directory):
    """The command, with the daemon's socket."""
    return Command(directory + "/s")


@pytest.fixture(scope="module")
def idle_cli():
    """The command, with a daemon that the tests of one file share: for what does not come to asking it."""
    with new_directory() as path, running_daemon(path):
        yield Command(path + "/s")
