"""A stop that takes long is told to the service manager, which otherwise would kill the daemon: what is left to write, and that
it needs more time. The manager is a real datagram socket."""

import os
import resource
import signal
import socket

import pytest

from daemon_process import STOP_S


class Manager:
    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(STOP_S)
        self._socket.bind(path)

    def next_with(self, field):
        """The fields of the next message that has this one."""
        while True:
            fields = dict(line.split("=", 1) for line in self._socket.recv(65_536).decode().splitlines())
            if field in fields:
                return fields

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path_factory):
    opened = Manager(str(tmp_path_factory.mktemp("n") / "notify"))
    yield opened
    opened.close()


def test_a_final_sync_tells_what_is_left_and_asks_for_time_until_it_is_done(start_daemon, manager):
    environment = {**os.environ, "NOTIFY_SOCKET": manager.path}
    daemon = start_daemon(environment=environment, ignore_file_size_signal=True)
    manager.next_with("READY")
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (64 << 10, hard))
    wire = daemon.connect()
    for i in range(20):
        wire.call("put", "durable", f"k{i}", bytes([i]) * 100_000)
    daemon.send_signal(signal.SIGTERM)
    manager.next_with("STOPPING")
    first = manager.next_with("EXTEND_TIMEOUT_USEC")
    assert first["STATUS"].startswith("stopping: 20 entries (")
    told = [manager.next_with("EXTEND_TIMEOUT_USEC") for _ in range(3)]
    assert all(int(fields["EXTEND_TIMEOUT_USEC"]) >= 10_000_000 for fields in told)
    assert "still to be written to disk; the last try failed: " in told[-1]["STATUS"]
    assert "File too large" in told[-1]["STATUS"]
    assert "to disk before the end" in daemon.log()
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert daemon.wait() == 0
    wire = daemon.start().connect()
    assert all(wire.call("get", "durable", f"k{i}") == [bytes([i]) * 100_000] for i in range(20))
