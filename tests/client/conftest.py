"""A daemon for the tests of programs that use libpannier. Environment: PANNIERD."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

import pytest


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
