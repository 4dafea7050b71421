"""`lease` with and without a command, and `release`."""

import json
import socket

import msgpack
from conftest import wait_until


def lease_raw(path, cache, key, lease_ms=60_000):
    """A lease over a connection of the test's own: the connection and the token."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall(msgpack.packb([0, 1, "lease", [cache, key, {"lease_ms": lease_ms}]]))
    _, _, error, token = msgpack.unpackb(connection.recv(1000))
    assert error is None and isinstance(token, int)
    return connection, token


def waiters(cli):
    return json.loads(cli.ok("info", "--json"))["server"]["lease_waiters"]


def test_command_computes_once(cli, tmp_path):
    count = tmp_path / "count"
    command = ["lease", "lru", "k", "--", "sh", "-c", f"echo run >> {count}; echo computed"]
    assert cli.ok(*command) == b"computed\n"
    assert cli.ok(*command) == b"computed\n"
    assert count.read_text() == "run\n"
    assert cli.ok("get", "lru", "k") == b"computed\n"


def test_many_at_once_run_one_command(cli, tmp_path):
    count = tmp_path / "count"
    command = ["lease", "lru", "k", "--lease", "60s", "--", "sh", "-c", f"echo run >> {count}; sleep 0.3; echo v"]
    processes = [cli.start(*command) for _ in range(8)]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, output, errors) == (0, b"v\n", b"")
    assert count.read_text() == "run\n"


def test_output_is_stored_as_the_options_say(cli):
    cli.ok("lease", "lru", "text", "--ttl", "1h", "--", "printf", r"a\n\n")
    assert cli.ok("get", "lru", "text", "--raw") == msgpack.packb("a\n")
    assert json.loads(cli.ok("get", "lru", "text", "--meta", "--json"))["ttl_ms"] > 3_500_000
    cli.ok("lease", "lru", "json", "--json-value", "--", "echo", '{"a": 1}')
    assert cli.ok("get", "lru", "json", "--raw") == msgpack.packb({"a": 1})
    cli.ok("lease", "lru", "raw", "--raw", "--", "printf", r"\223\001\002\003")
    assert cli.ok("get", "lru", "raw") == b"[1,2,3]\n"
    cli.ok("lease", "lru", "bin", "--bin", "--", "printf", "x")
    assert cli.ok("get", "lru", "bin", "--raw") == msgpack.packb(b"x")


def test_command_that_fails_gives_the_lease_to_the_next(cli):
    done = cli("lease", "lru", "k", "--", "sh", "-c", "echo half; exit 3")
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"sh: ended with exit code 3" in done.stderr
    assert cli.ok("lease", "lru", "k", "--wait", "30s", "--", "echo", "whole") == b"whole\n"


def test_command_that_is_not_there_is_told(cli):
    done = cli("lease", "lru", "k", "--", "/no/such/program")
    assert done.returncode == 5
    assert b"/no/such/program: No such file or directory" in done.stderr


def test_command_killed_by_a_signal_is_told(cli):
    done = cli("lease", "lru", "k", "--", "sh", "-c", "kill -9 $$")
    assert done.returncode == 5
    assert b"signal 9" in done.stderr


def test_command_that_takes_longer_than_the_lease_is_not_stored(cli):
    done = cli("lease", "lru", "k", "--lease", "10ms", "--", "sh", "-c", "sleep 0.3; echo late")
    assert (done.returncode, done.stdout) == (1, b"late\n")
    assert b"not stored" in done.stderr
    assert cli("get", "lru", "k").returncode == 1


def test_without_a_command_the_lease_is_told_and_given_up(cli):
    done = cli("lease", "lru", "k")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"granted, token " in done.stderr
    done = cli("lease", "lru", "k", "--json")
    assert done.returncode == 1
    assert isinstance(json.loads(done.stdout)["token"], int)
    cli.ok("put", "lru", "k", "v")
    assert cli.ok("lease", "lru", "k") == b"v\n"
    assert json.loads(cli.ok("lease", "lru", "k", "--json")) == {"value": "v", "stale": False, "token": None}


def test_wait_that_is_over_ends_with_1(cli):
    connection, _ = lease_raw(cli.socket, "lru", "k")
    with connection:
        done = cli("lease", "lru", "k", "--wait", "0")
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"somebody else is computing" in done.stderr


def test_release_by_token_passes_the_lease_on(cli):
    connection, token = lease_raw(cli.socket, "lru", "k")
    with connection:
        assert cli("release", "lru", "k", str(token + 1)).returncode == 1
        waiter = cli.start("lease", "lru", "k", "--wait", "60s", "--", "echo", "mine")
        wait_until(lambda: waiters(cli) == 1, "nobody waits")
        cli.ok("release", "lru", "k", str(token))
        assert waiter.communicate(timeout=60)[0] == b"mine\n"


def test_put_by_token_ends_the_lease(cli):
    connection, token = lease_raw(cli.socket, "lru", "k")
    with connection:
        assert cli("put", "lru", "k", "v", "--lease", str(token + 1)).returncode == 1
        cli.ok("put", "lru", "k", "v", "--lease", str(token))
    assert cli.ok("get", "lru", "k") == b"v\n"


def test_stale_value_is_refreshed_by_one(cli):
    cli.ok("put", "lru", "k", "old", "--ttl", "0", "--stale", "10m")
    done = cli("lease", "lru", "k", "--json")
    assert json.loads(done.stdout)["value"] == "old"
    assert json.loads(done.stdout)["stale"] is True
    assert cli.ok("lease", "lru", "k", "--", "echo", "new") == b"new\n"
    assert cli.ok("get", "lru", "k") == b"new\n"
