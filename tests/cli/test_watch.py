"""`watch`: changes as lines."""

import json

from conftest import wait_until


def subscriptions(cli):
    return json.loads(cli.ok("info", "--json"))["server"]["subscriptions"]


def start_watching(cli, *arguments, count=1):
    process = cli.start("watch", *arguments)
    wait_until(lambda: subscriptions(cli) == count, "watch does not subscribe")
    return process


def test_changes_are_lines(cli):
    cli.ok("put", "lru", "old", "v")
    process = start_watching(cli, "lru", "ttl", "--count", "3", count=2)
    cli.ok("put", "lru", "k", "v")
    cli.ok("put", "ttl", "t", "v")
    cli.ok("delete", "lru", "k")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, b"lru = k\nttl = t\nlru = k\n", b"")


def test_change_of_all_keys_is_a_star(cli):
    cli.ok("put", "lru", "k", "v")
    process = start_watching(cli, "lru", "--prefix", "none of them")
    cli.ok("drop", "lru")
    assert process.stdout.readline() == b"lru *\n"
    process.terminate()
    process.wait(timeout=60)


def test_only_the_prefix_is_watched(cli):
    process = start_watching(cli, "lru", "--prefix", "user:", "--count", "1", "--json")
    cli.ok("put", "lru", "other", "v")
    cli.ok("put", "lru", "user:7", "v")
    output, _ = process.communicate(timeout=60)
    change = json.loads(output)
    assert (change["cache"], change["keys"]) == ("lru", ["user:7"])


def test_each_change_is_printed_at_once(cli):
    process = start_watching(cli, "lru")
    cli.ok("put", "lru", "k", "v")
    assert process.stdout.readline() == b"lru = k\n"
    process.terminate()
    process.wait(timeout=60)


def test_watch_ends_after_its_time(cli):
    assert cli("watch", "lru", "--for", "50ms").returncode == 0
    assert cli("watch", "lru", "--for", "50ms", "--count", "1").returncode == 1


def test_end_of_the_daemon_ends_it_with_4(cli, daemon):
    process = start_watching(cli, "lru")
    daemon.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert b"the daemon went away" in errors
