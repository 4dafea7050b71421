"""Each sub-command against the daemon: what it prints, what it ends with."""

import json
import re

import pytest

COMMANDS = "ping get put delete touch incr keys clear info sync open drop lease release backup restore repair reload bench hot metrics monitor watch".split()


def test_ping_answers(cli):
    assert cli.ok("ping") == b"pong\n"
    assert json.loads(cli.ok("--json", "ping")) == {"result": "pong"}


def test_miss_prints_nothing_and_ends_with_1(cli):
    done = cli("get", "lru", "none")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_condition_that_does_not_hold_ends_with_1(cli):
    assert cli("put", "lru", "k", "v", "--if-present").returncode == 1
    version = json.loads(cli.ok("put", "lru", "k", "v", "--if-absent", "--json"))["version"]
    done = cli("put", "lru", "k", "w", "--if-absent")
    assert done.returncode == 1
    assert b"condition did not hold" in done.stderr
    assert cli("put", "lru", "k", "w", "--if-version", str(version + 1), "--json").stdout == b'{"version":null}\n'
    cli.ok("put", "lru", "k", "w", "--if-version", str(version))


def test_deadline_passes(cli):
    cli.ok("put", "lru", "k", "v", "--ttl", "0")
    assert cli("get", "lru", "k").returncode == 1


def test_keep_ttl_keeps_the_deadline(cli):
    cli.ok("put", "lru", "k", "v", "--ttl", "1h")
    cli.ok("put", "lru", "k", "w", "--keep-ttl")
    assert json.loads(cli.ok("get", "lru", "k", "--meta", "--json"))["ttl_ms"] > 3_500_000
    cli.ok("put", "lru", "k", "w", "--ttl", "none")
    assert json.loads(cli.ok("get", "lru", "k", "--meta", "--json"))["ttl_ms"] is None


def test_delete_tells_whether_something_was_there(cli):
    for key in "abc":
        cli.ok("put", "durable", key, "v")
    assert cli.ok("delete", "durable", "a", "--sync") == b""
    assert cli("delete", "durable", "a").returncode == 1
    assert json.loads(cli.ok("delete", "durable", "a", "b", "c", "--json")) == {"deleted": 2}


def test_touch_sets_the_deadline(cli):
    assert cli("touch", "lru", "k").returncode == 1
    cli.ok("put", "lru", "k", "v")
    assert json.loads(cli.ok("touch", "lru", "k", "--ttl", "1h", "--json")) == {"touched": True}
    assert json.loads(cli.ok("get", "lru", "k", "--meta", "--json"))["ttl_ms"] > 3_500_000


def test_incr_adds(cli):
    assert cli.ok("incr", "lru", "n") == b"1\n"
    assert cli.ok("incr", "lru", "n", "-5") == b"-4\n"
    assert json.loads(cli.ok("incr", "lru", "m", "2", "--initial", "40", "--json")) == {"value": 42}
    cli.ok("put", "lru", "text", "x")
    assert cli("incr", "lru", "text").returncode == 3


def test_keys_lists_all_with_the_prefix(cli):
    cli.put_all("lru", {key: "v" for key in [*(f"a{i}" for i in range(30)), "b"]})
    assert set(cli.ok("keys", "lru", "--prefix", "a").split()) == {b"a%d" % i for i in range(30)}
    assert len(cli.ok("keys", "lru", "--limit", "7").split()) == 7
    assert cli.ok("keys", "lru", "--prefix", "b", "--null") == b"b\0"
    assert json.loads(cli.ok("keys", "lru", "--prefix", "b", "--json")) == {"key": "b"}


def test_key_that_is_no_text_is_listed_as_it_is(cli):
    cli.ok("put", "lru", b"\xff", "v")
    assert cli.ok("keys", "lru") == b"\xff\n"
    assert json.loads(cli.ok("keys", "lru", "--json")) == {"key": {"$bin": "/w=="}}
    assert cli.ok("get", "lru", b"\xff") == b"v\n"


def test_clear_counts(cli):
    for key in ("a1", "a2", "b"):
        cli.ok("put", "lru", key, "v")
    assert cli.ok("clear", "lru", "--prefix", "a") == b"2\n"
    assert json.loads(cli.ok("clear", "lru", "--json")) == {"cleared": 1}


def test_open_creates_alters_and_refuses(cli):
    settings = ["sessions", "--tier", "ttl", "--max-age", "30m", "--max-entries", "10", "--policy", "fifo"]
    assert cli.ok("open", *settings, "--max-bytes", "64K") == b"created\n"
    assert json.loads(cli.ok("open", *settings, "--max-bytes", "64K", "--json")) == {"created": False}
    done = cli("open", *settings)
    assert done.returncode == 3
    assert b"--alter" in done.stderr
    assert cli.ok("open", *settings, "--max-bytes", "1M", "--alter") == b"was there\n"
    info = json.loads(cli.ok("info", "sessions", "--json"))
    assert (info["tier"], info["policy"], info["max_age_ms"]) == ("ttl", "fifo", 1_800_000)
    assert (info["maxsize"], info["max_bytes"]) == (10, 1 << 20)


def test_drop_tells_whether_it_was_there(cli):
    cli.ok("open", "x", "--tier", "lru")
    assert cli.ok("drop", "x") == b""
    assert cli("drop", "x").returncode == 1


def test_sync_tells_what_it_wrote(cli):
    cli.ok("put", "durable", "k", "v")
    assert re.fullmatch(rb"wrote \d+ entr(y|ies), .*, in .*\n", cli.ok("sync"))
    assert json.loads(cli.ok("sync", "durable", "--json"))["entries"] == 0
    assert cli("sync", "lru").returncode == 3


def test_info_is_an_aligned_table(cli):
    cli.ok("put", "lru", "k", "v")
    cli.ok("get", "lru", "k")
    lines = cli.ok("info").decode().splitlines()
    assert lines[0].startswith("pannierd ")
    assert lines[1].startswith("memory ")
    header, *rows = lines[3:]
    assert [row.split()[0] for row in rows] == ["durable", "lru", "ttl"]
    end_of_rate = header.index("HIT RATE") + len("HIT RATE")
    assert rows[1][:end_of_rate].endswith("100.0 %")
    assert rows[0][:end_of_rate].endswith("  -")


def test_info_of_a_cache_has_every_field(cli):
    fields = json.loads(cli.ok("info", "durable", "--json"))
    printed = cli.ok("info", "durable").decode()
    for name in fields:
        assert re.search(rf"^{name} ", printed, re.MULTILINE), name
    assert "hit rate" in printed
    cli.ok("put", "durable", "k", "v", "--sync")
    printed = cli.ok("info", "durable").decode()
    assert re.search(r"^last_sync_ms +[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC *$", printed, re.MULTILINE), printed


def test_info_as_json_is_what_the_daemon_answers(cli):
    info = json.loads(cli.ok("info", "--json"))
    assert set(info) == {"server", "caches", "methods"}
    assert set(info["caches"]) == {"lru", "ttl", "durable"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(idle_cli, command):
    text = idle_cli.ok(command, "--help").decode()
    assert "Example" in text
    assert f"pannier {command}" in text
    assert max(map(len, text.splitlines())) <= 120


def test_help_lists_the_commands_and_the_exit_codes(cli):
    text = cli.ok("--help").decode()
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.MULTILINE)
    assert "Exit codes:" in text
    assert cli.ok("--version").startswith(b"pannier ")
