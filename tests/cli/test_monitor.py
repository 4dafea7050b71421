"""`monitor` and `hot`: what others ask for, as lines."""

import json
import os
import re
import signal

from conftest import wait_until


def monitoring(cli, *arguments):
    """Started, and known to the daemon: a ping of another is told."""
    process = cli.start("monitor", *arguments)
    wait_until(lambda: "monitor" in json.loads(cli.ok("info", "--json"))["methods"], "monitor does not start")
    return process


def test_requests_are_lines(cli):
    process = monitoring(cli, "--cache", "lru", "--count", "3")
    cli.ok("put", "lru", "a key", "v")
    cli.ok("get", "lru", "a key")
    cli("get", "lru", "absent")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    lines = output.decode().splitlines()
    assert lines[0].startswith('put lru "a key": done, ')
    assert lines[1].startswith('get lru "a key": hit, ')
    assert lines[2].startswith('get lru "absent": miss, ')
    assert all(re.search(rf" us, connection \d+ of pid \d+, uid {os.getuid()}$", line) for line in lines)


def test_a_name_of_more_than_a_word_stands_in_quotes(cli):
    cli.ok("open", "my cache", "--tier", "lru")
    process = monitoring(cli, "--method", "put", "--count", "1")
    cli.ok("put", "my cache", "\x1b[2J", "v")
    output, _ = process.communicate(timeout=60)
    assert output.startswith(rb'put "my cache" "\x1b[2J": done, ')


def test_requests_as_json_are_an_object_a_line(cli):
    process = monitoring(cli, "--method", "put", "--json", "--count", "1")
    cli("get", "lru", "k")
    cli.ok("put", "lru", "k", "v")
    output, _ = process.communicate(timeout=60)
    line = json.loads(output)
    assert (line["method"], line["cache"], line["key"], line["outcome"]) == ("put", "lru", "k", "done")


def test_ctrl_c_ends_it_cleanly(cli):
    process = monitoring(cli, "--cache", "lru")
    cli.ok("put", "lru", "k", "v")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_end_of_the_daemon_ends_it_with_4(cli, daemon):
    process = monitoring(cli, "--cache", "lru")
    daemon.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert b"the daemon went away" in errors


def test_an_unknown_method_is_refused(cli):
    done = cli("monitor", "--method", "no_such_method")
    assert done.returncode == 3 and b"the name of a method" in done.stderr


def test_hot_shows_the_largest_and_the_most_used(cli):
    cli.ok("put", "lru", "small", "v")
    cli.ok("put", "lru", "large", "v" * 5000)
    lines = cli.ok("hot", "lru", "--limit", "1").decode().splitlines()
    assert lines[0].split() == ["MOST", "USED", "HITS", "VALUE"]
    assert lines[-2].split() == ["LARGEST", "VALUE"]
    assert lines[-1].split() == ['"large"', "4.9", "KiB"]
    told = json.loads(cli.ok("hot", "lru", "--json"))
    assert [each["key"] for each in told["largest"]] == ["large", "small"]


def test_hot_needs_a_cache_that_is_there(cli):
    assert cli("hot", "nowhere").returncode == 3
    assert cli("hot").returncode == 2
    assert cli("hot", "lru", "--limit", "1000").returncode == 3
