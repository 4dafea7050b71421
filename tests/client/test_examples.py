"""The examples of libpannier, run against a real daemon. Environment: PANNIERD and EXAMPLES, their directory."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

EXAMPLES = os.environ["EXAMPLES"]


@pytest.fixture(scope="module")
def environment():
    """Environment variables that name the socket of a running daemon."""
    directory = tempfile.mkdtemp(prefix="pannier-")
    path = directory + "/s"
    process = subprocess.Popen([os.environ["PANNIERD"], "--socket", path, "--data-dir", directory + "/data"])
    try:
        wait_until_served(process, path)
        yield {**os.environ, "PANNIER_SOCKET": path}
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(directory, ignore_errors=True)


def wait_until_served(process, path):
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
            return
        except OSError:
            assert process.poll() is None, "pannierd ended"
            assert time.monotonic() < deadline, "pannierd does not listen"
            time.sleep(0.01)


def run(name, *arguments, environment):
    return subprocess.run(
        [EXAMPLES + "/" + name, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def test_basics(environment):
    done = run("basics", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "name: Ada\nnobody: a miss\ngo is better\nvisits: 1\n"


def test_get_or_compute_computes_once(environment):
    first = run("get_or_compute", "10", environment=environment)
    assert (first.returncode, first.stdout) == (0, "computing\n1 + ... + 10 = 55\n")
    assert run("get_or_compute", "10", environment=environment).stdout == "1 + ... + 10 = 55\n"


def test_get_or_compute_does_without_the_cache():
    done = run("get_or_compute", "10", environment={**os.environ, "PANNIER_SOCKET": "/nonexistent/socket"})
    assert (done.returncode, done.stdout) == (0, "computing\n1 + ... + 10 = 55\n")
    assert "/nonexistent/socket" in done.stderr


def test_memoize_computes_once(environment):
    first = run("memoize", "10", environment=environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "computing 10\n1 + ... + 10 = 55\nfrom the cache: 55\n"
    assert run("memoize", "10", environment=environment).stdout == "1 + ... + 10 = 55\nfrom the cache: 55\n"


def test_memoize_does_without_the_daemon():
    done = run("memoize", "10", environment={**os.environ, "PANNIER_SOCKET": "/nonexistent/socket"})
    assert done.returncode == 0
    assert done.stdout == "computing 10\n1 + ... + 10 = 55\ncomputing 10\nfrom the cache: 55\n"
    assert done.stderr.count("/nonexistent/socket") == 1, "the second call has left the daemon alone"


def test_pipeline(environment):
    done = run("pipeline", "100", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("100 puts one by one:")


def test_typed_cache(environment):
    done = run("typed_cache", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Longyearbyen: -11.5 degrees, clear\nNuuk: a miss\nrain\nunknown\n"
