"""What the daemon and a service manager have to do with one another while the daemon starts and serves: the socket that it
is passed, the watchdog, the status, the journal. The manager is a real datagram socket (fd_store.py); tests/service has
systemd itself."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from daemon_process import STOP_S, Daemon
from fd_store import ActivatedDaemon
from wire import Wire


@pytest.fixture
def make_activated():
    """make_activated(arguments...): a daemon that is not started yet, whose socket is listened on already."""
    made = []

    def make(*arguments, **settings):
        made.append(ActivatedDaemon(tempfile.mkdtemp(prefix="pannier-"), *arguments, **settings))
        return made[-1]

    yield make
    for daemon in made:
        daemon.discard()
        shutil.rmtree(daemon.directory, ignore_errors=True)


def wait_until(condition, what):
    deadline = time.monotonic() + STOP_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def beats(daemon):
    return sum("WATCHDOG" in message for message in daemon.store.told())


def statuses(daemon):
    return [message["STATUS"] for message in daemon.store.told() if "STATUS" in message]


def test_a_client_that_connects_while_no_daemon_runs_is_served_by_the_next_one(make_activated):
    daemon = make_activated()
    early = Wire(daemon.socket_path)
    request = early.request("put", "lru", "key", "value")
    daemon.start()
    early.result(request)
    daemon.stop()
    between = Wire(daemon.socket_path)
    request = between.request("get", "lru", "key")
    daemon.start()
    assert between.result(request) == ["value"]


def test_the_socket_that_was_passed_stays_when_the_daemon_ends_and_is_not_locked(make_activated):
    daemon = make_activated()
    inode = os.stat(daemon.socket_path).st_ino
    daemon.start()
    assert not os.path.exists(daemon.socket_path + ".lock")
    daemon.stop()
    assert os.stat(daemon.socket_path).st_ino == inode


def test_a_socket_that_was_passed_for_another_path_is_refused_with_both_paths(make_activated):
    daemon = make_activated()
    passed = daemon.socket_path
    daemon.socket_path = os.path.join(daemon.directory, "elsewhere")
    log = daemon.fails_to_start()
    assert f"pannier-socket is {passed}," in log and daemon.socket_path in log and "ListenStream=" in log
    assert os.path.exists(passed)


def test_a_descriptor_that_nobody_knows_is_told_by_its_name(make_activated):
    daemon = make_activated(socket_name="other.socket")
    # Nobody accepts there; the daemon listens at a path of its own.
    daemon.socket_path = os.path.join(daemon.directory, "own.sock")
    daemon.start()
    assert "the service manager passes other.socket, which nothing here uses" in daemon.log()


def test_a_socket_that_is_passed_under_another_name_is_told_though_it_is_in_the_way(make_activated):
    daemon = make_activated()
    passing = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=other.socket exec "$@" 3<&0'
    done = subprocess.run(["sh", "-c", passing, "sh", *daemon.command()], stdin=daemon.listener, capture_output=True,
                          text=True, timeout=STOP_S, check=False)
    told, error = done.stderr.splitlines()
    assert "passes other.socket, which nothing here uses: a socket to serve is pannier-socket" in told
    assert done.returncode == 1 and "a daemon answers at" in error


def test_a_second_socket_to_serve_is_told(make_activated):
    daemon = make_activated()
    with socket.socket(socket.AF_UNIX) as second:
        second.bind(os.path.join(daemon.directory, "second"))
        second.listen()
        first = daemon.passed()
        daemon.passed = lambda: [*first, ("pannier-socket", second.fileno())]
        daemon.start()
    assert "passes more than one pannier-socket: nobody answers at any but the first" in daemon.log()


def test_memory_that_no_service_manager_takes_is_not_said_to_be_kept(directory):
    missing = {**os.environ, "NOTIFY_SOCKET": os.path.join(directory, "nobody")}
    daemon = Daemon(directory, environment=missing).start()
    daemon.stop()
    assert "the service manager cannot be told to keep the memory" in daemon.log()
    assert "memory is kept in this process alone" in daemon.log()


def test_the_watchdog_hears_of_a_loop_that_turns_and_not_of_one_that_hangs(make_activated):
    began = time.monotonic()
    daemon = make_activated(environment={"WATCHDOG_USEC": "200000"}).start()
    wait_until(lambda: beats(daemon) >= 10, "the watchdog hears nothing")
    assert time.monotonic() - began >= 0.8, "ten times in half of 200 ms each"
    daemon.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    daemon.store.catch_up()
    silent = beats(daemon)
    time.sleep(0.5)
    assert beats(daemon) == silent
    daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: beats(daemon) > silent, "the watchdog hears nothing any more")


def test_without_a_watchdog_it_is_not_fed(make_activated):
    daemon = make_activated().start()
    time.sleep(0.3)
    assert beats(daemon) == 0


def test_the_status_follows_what_the_daemon_serves_and_is_told_once(make_activated):
    daemon = make_activated("--checkpoint-interval", "1h", environment={"WATCHDOG_USEC": "100000"}).start()
    wire = daemon.connect()
    for i in range(3):
        wire.call("put", "durable", f"key {i}", "value")
    wanted = "serves 1 connections, 3 entries in 1M of 256M memory, 3 of them not on disk yet"
    wait_until(lambda: statuses(daemon)[-1] == wanted, f"not told: {statuses(daemon)[-1]}")
    time.sleep(0.3)
    assert statuses(daemon).count(wanted) == 1


def test_a_start_asks_for_time_before_each_step_that_may_take_long(make_activated):
    daemon = make_activated("--memory-limit", "64M").start()
    daemon.kill9()
    before = len(daemon.store.told())
    daemon.start()
    told = daemon.store.told()[before:]
    ready = next(number for number, message in enumerate(told) if "READY" in message)
    asked = [message for message in told[:ready] if "EXTEND_TIMEOUT_USEC" in message]
    assert [message["STATUS"].split()[1] for message in asked] == ["opens", "takes"]
    assert all(int(message["EXTEND_TIMEOUT_USEC"]) >= 60_000_000 for message in asked)
    assert not any("EXTEND_TIMEOUT_USEC" in message for message in told[ready:])


def test_lines_for_the_journal_begin_with_their_priority(directory):
    log = os.path.join(directory, "log")
    with open(log, "w", encoding="utf-8") as file:
        status = os.fstat(file.fileno())
    daemon = Daemon(directory, environment={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    daemon.start()
    daemon.stop()
    lines = daemon.log().splitlines()
    assert len(lines) >= 3
    assert all(line.startswith(("<6>", "<4>")) for line in lines), lines
    assert any(line.startswith("<6>pannierd ") and " listens on " in line for line in lines)
    daemon.arguments = ["--no-such-option"]
    with pytest.raises(AssertionError):
        daemon.start()
    daemon.wait()
    assert daemon.log().splitlines()[len(lines)].startswith("<3>pannierd: ")


def test_lines_for_another_stream_have_their_time_and_level(directory):
    daemon = Daemon(directory, environment={**os.environ, "JOURNAL_STREAM": "1:1"})
    daemon.socket_path = os.path.join(directory, "missing", "s")
    log = daemon.fails_to_start()
    assert " error: there is no directory " in log and not log.startswith("<")
