"""The end of the daemon: SIGTERM and SIGINT stop it cleanly, with a final sync, and answer who waits."""

import os
import signal
import time

import pytest

from clock import eventually
from wire import Closed, check_error

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_the_daemon_with_exit_code_0_and_takes_the_socket_away(own_daemon, number):
    wire = own_daemon.connect()
    wire.call("ping")
    own_daemon.stop(number)
    assert not os.path.exists(own_daemon.socket_path)
    with pytest.raises(Closed):
        wire.receive()


@pytest.mark.parametrize("number", SIGNALS)
def test_replies_of_requests_that_were_answered_arrive_before_the_end(own_daemon, number):
    wire = own_daemon.connect()
    ids = wire.pipeline(*[("put", "durable", f"k{i}", i) for i in range(1000)])
    wire.reply(ids[-1])
    own_daemon.stop(number)
    wire.read_to_end()
    assert set(ids[:-1]) <= set(wire.replies)
    answers = own_daemon.start().connect().call("get_many", "durable", [f"k{i}" for i in range(1000)])
    assert answers == [[i] for i in range(1000)]


def test_who_waits_for_a_lease_is_told_that_the_daemon_stops(own_daemon):
    holder, waiter = own_daemon.connect(), own_daemon.connect()
    holder.call("lease", "lru", "k", {"lease_ms": 600_000})
    waiting = waiter.request("lease", "lru", "k", {"wait_ms": 600_000})
    waiter.call("ping")
    own_daemon.stop()
    waiter.read_to_end()
    check_error(waiter.reply(waiting), "shutting_down")


def test_an_idle_client_does_not_hold_up_the_stop(own_daemon):
    wires = [own_daemon.connect() for _ in range(20)]
    wires[0].call("ping")
    wires[1].send(b"\x94\x00")
    started = time.monotonic()
    own_daemon.stop()
    assert time.monotonic() - started < 20


def test_a_client_that_never_reads_does_not_hold_up_the_stop(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "lru", "k", b"x" * 1_000_000)
    wire.pipeline(*[("get", "lru", "k")] * 50)
    started = time.monotonic()
    own_daemon.stop()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_a_second_signal_hurries_and_synced_data_is_safe(own_daemon, first, second):
    wire = own_daemon.connect()
    wire.call("put_many", "durable", [[f"safe{i}", i] for i in range(1000)], {"sync": True})
    for start in range(0, 6_000, 2000):
        wire.call("put_many", "durable", [[f"k{i}", "x" * 1000] for i in range(start, start + 2000)])
    started = time.monotonic()
    own_daemon.send_signal(first)
    own_daemon.send_signal(second)
    own_daemon.wait()
    assert time.monotonic() - started < 30
    answers = own_daemon.start().connect().call("get_many", "durable", [f"safe{i}" for i in range(1000)])
    assert answers == [[i] for i in range(1000)]


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_without_end_do_not_end_the_process_by_a_signal(own_daemon, number):
    """Up to its very last instruction. Nothing is dirty, so that to hurry leaves nothing out."""
    for _ in range(5):
        while own_daemon.process.poll() is None:
            own_daemon.send_signal(number)
        assert own_daemon.wait() == 0
        own_daemon.start()


def test_a_hangup_is_logged_and_ends_nothing(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "durable", "k", 1)
    own_daemon.send_signal(signal.SIGHUP)
    eventually(lambda: "without --config: there is no file to read" in own_daemon.log())
    assert wire.call("get", "durable", "k") == [1]
    own_daemon.stop()


def test_sigpipe_does_not_end_the_daemon(own_daemon):
    own_daemon.send_signal(signal.SIGPIPE)
    wire = own_daemon.connect()
    assert wire.call("ping") == "pong"


def test_the_daemon_can_be_stopped_and_started_again_and_again(own_daemon):
    for i in range(4):
        wire = own_daemon.connect()
        assert wire.call("increment", "durable", "starts", 1) == i + 1
        wire.close()
        own_daemon.restart()
