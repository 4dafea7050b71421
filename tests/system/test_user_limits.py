"""Limits of users: what all connections of one user have together. Others do not notice; root and the daemon's own user are
not bounded."""

import msgpack
import pytest

from clock import eventually
from users import ALICE, BOB, ROOT, User, as_root, open_to_all
from wire import Closed, check_error

pytestmark = as_root

MEBIBYTE = 1 << 20
LONG = {"lease_ms": 600_000, "wait_ms": 600_000}


def is_served(wire):
    """False: it is told that there are too many."""
    wire.request("ping")
    return wire.receive().error is None


def test_more_connections_than_the_limit_are_overloaded(start_daemon):
    daemon = open_to_all(start_daemon, "--max-user-connections", "5")
    wires = [BOB.connect(daemon) for _ in range(5)]
    assert [wire.call("ping") for wire in wires] == ["pong"] * 5
    refused = BOB.connect(daemon)
    response = refused.receive()
    assert "max_user_connections" in check_error(response, "overloaded")
    assert "uid 2" in response.error
    with pytest.raises(Closed):
        refused.receive()
    # The same user with other groups is the same user.
    assert "max_user_connections" in User(BOB.uid, 50, (60,)).connect(daemon).receive().error
    assert ALICE.connect(daemon).call("ping") == "pong"
    assert [ROOT.connect(daemon).call("ping") for _ in range(8)] == ["pong"] * 8
    wires.pop().close()
    eventually(lambda: is_served(BOB.connect(daemon)))


def test_one_user_leaves_a_quarter_of_all_connections_to_others(start_daemon):
    daemon = open_to_all(start_daemon, "--max-connections", "20")
    assert daemon.connect().call("hello")["limits"]["max_user_connections"] == 15
    wires = [BOB.connect(daemon) for _ in range(30)]
    assert sum(is_served(wire) for wire in wires) == 15
    assert is_served(ALICE.connect(daemon))


def test_more_leases_and_waits_than_the_limit_are_overloaded(start_daemon):
    daemon = open_to_all(start_daemon, "--max-user-leases", "4", "--max-user-waiting", "3")
    first, second, other = BOB.connect(daemon), BOB.connect(daemon), ALICE.connect(daemon)
    tokens = [wire.call("lease", "lru", f"{i}-{j}", LONG) for i, wire in enumerate((first, second)) for j in range(2)]
    assert len(set(tokens)) == 4
    assert "max_user_leases" in first.fails("overloaded", "lease", "lru", "more")
    assert isinstance(other.call("lease", "lru", "more"), int)
    waiting = [second.request("lease", "lru", "0-0", LONG) for _ in range(2)] + [first.request("lease", "lru", "1-0", LONG)]
    assert first.call("ping") == second.call("ping") == "pong"
    assert "max_user_waiting" in second.fails("overloaded", "lease", "lru", "0-1", LONG)
    other_waits = other.request("lease", "lru", "0-0", LONG)
    assert first.call("release", "lru", "0-1", tokens[1]) is True
    assert isinstance(second.call("lease", "lru", "more still"), int)
    first.call("put", "lru", "0-0", 1, {"lease": tokens[0]})
    assert second.results(waiting[:2]) == [[1], [1]]
    assert other.result(other_waits) == [1]


def test_the_last_place_for_a_backup_is_kept_for_root_and_the_daemon(start_daemon):
    daemon = open_to_all(start_daemon)
    wires = [BOB.connect(daemon) for _ in range(4)]
    for wire in wires[:3]:
        assert "caches" in wire.call("backup")
    wires[3].fails("overloaded", "backup")
    assert "caches" in wires[0].call("backup"), "another in the place of its own"
    assert "caches" in ROOT.connect(daemon).call("backup")


# Bytes alone are read to where they stay, those in an array into a buffer.
@pytest.mark.parametrize("start", [b"", b"\x91"], ids=["bytes", "array"])
def test_the_buffers_of_one_user_cost_a_connection_of_that_user(start_daemon, start):
    limits = ["--max-frame", "1M", "--max-value", "500K", "--max-reply", "1M", "--max-user-buffers", "3M"]
    daemon = open_to_all(start_daemon, *limits)
    others = [ALICE.connect(daemon), daemon.connect()]
    head = b"\x94\x00\x01\xa3put\x93\xa3lru\xa1k" + start + b"\xc6" + (450_000).to_bytes(4, "big")
    others[0].send(head + b"x" * 300_000)
    wires = [BOB.connect(daemon) for _ in range(12)]
    for wire in wires:
        wire.send(head + b"x" * 400_000)
    eventually(lambda: "max_user_buffers" in daemon.log())
    closed = [wire for wire in wires if not wire.is_silent(0.05)]
    assert 0 < len(closed) < len(wires)
    assert daemon.connect().call("info")["server"]["buffer_bytes"] <= 3 * MEBIBYTE + 2 * MEBIBYTE
    others[0].send(b"x" * 150_000)
    assert isinstance(others[0].receive().result_bytes, bytes)
    assert msgpack.unpackb(others[1].call_bytes("ping")) == "pong"
