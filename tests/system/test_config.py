"""The configuration file: every key, what the command line overrides, and errors that name file, line, key and what
would be right."""

import os
import subprocess

import pytest

from daemon_process import STOP_S, binary

MEBIBYTE = 1 << 20


@pytest.fixture
def write_config(directory):
    """write_config(text): writes a configuration file; returns its path."""

    def write(text):
        path = f"{directory}/pannier.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    return write


@pytest.fixture
def refused(directory, write_config):
    """refused(text): starts pannierd with that configuration, which it must refuse; returns what it printed."""

    def run(text):
        path = write_config(text)
        command = [binary("PANNIERD"), "--socket", f"{directory}/s", "--data-dir", f"{directory}/d", "--config", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL)
        assert done.returncode > 0, done.stderr
        assert not os.path.exists(f"{directory}/s"), "it listened nevertheless"
        return done.stderr

    return run


LIMITS = """
memory_limit = "64M"

[limits]
max_caches = 20
max_connections = 30
max_frame = "1M"
max_depth = 32
max_value = "100K"
max_reply = "2M"
max_keys = 50
max_key = 1000
max_unsent = "100K"
max_buffers = "40M"
max_waiting = 60
max_leases = 70
max_subscriptions = 5
max_lease = "90s"
"""
HELLO = {
    "max_connections": 30,
    "max_frame": MEBIBYTE,
    "max_depth": 32,
    "max_value": 100 << 10,
    "max_reply": 2 * MEBIBYTE,
    "max_keys": 50,
    "max_key": 1000,
    "max_unsent": 100 << 10,
    "max_buffers": 40 * MEBIBYTE,
    "max_waiting": 60,
    "max_leases": 70,
    "max_subscriptions": 5,
    "lease_ms_max": 90_000,
}


def test_every_limit_of_the_file_is_told_by_hello(start_daemon, write_config):
    wire = start_daemon("--config", write_config(LIMITS)).connect()
    limits = wire.call("hello")["limits"]
    assert {key: limits[key] for key in HELLO} == HELLO
    assert wire.call("info")["server"]["memory_limit"] == 64 * MEBIBYTE
    wire.call("put", "lru", "k", b"x" * 90_000)
    wire.fails("too_large", "put", "lru", "k", b"x" * 110_000)
    wire.fails("too_large", "get_many", "lru", ["k"] * 51)
    wire.fails("bad_request", "lease", "lru", "new", {"lease_ms": 90_001})


def test_the_command_line_wins_over_the_file(start_daemon, write_config):
    config = write_config('memory_limit = "64M"\n[limits]\nmax_depth = 32\nmax_keys = 50\n')
    wire = start_daemon("--config", config, "--memory-limit", "32M", "--max-depth", "64").connect()
    limits = wire.call("hello")["limits"]
    assert (limits["max_depth"], limits["max_keys"]) == (64, 50)
    assert wire.call("info")["server"]["memory_limit"] == 32 * MEBIBYTE


def test_socket_and_data_directory_can_be_set_in_the_file(directory, write_config):
    socket_path, data_dir = f"{directory}/mine.sock", f"{directory}/mine"
    config = write_config(f'socket = "{socket_path}"\ndata_dir = "{data_dir}"\nsocket_mode = "0666"\n')
    process = subprocess.Popen([binary("PANNIERD"), "--config", config], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if socket_path in line:
            break
    assert os.stat(socket_path).st_mode & 0o777 == 0o666
    assert os.path.isdir(data_dir)
    process.terminate()
    process.stderr.read()
    assert process.wait(STOP_S) == 0
    process.stderr.close()


CACHES = """
[cache.sessions]
tier = "ttl"
max_age = "30m"
stale = "10s"
max_entries = 1000
max_bytes = "8M"
reserved = "1M"
policy = "fifo"

[cache.ttl]
tier = "ttl"
max_age = "5s"

[cache.kept]
tier = "durable"
max_age = "7d"
"""


def test_caches_of_the_file_are_there_from_the_start(start_daemon, write_config):
    wire = start_daemon("--config", write_config(CACHES)).connect()
    assert set(wire.call("info")["caches"]) == {"lru", "ttl", "durable", "sessions", "kept"}
    bounds = {"max_entries": 1000, "max_bytes": 8 * MEBIBYTE, "reserved_bytes": MEBIBYTE, "policy": "fifo"}
    ages = {"max_age_ms": 1_800_000, "stale_ms": 10_000}
    assert wire.call("open", "sessions", {"tier": "ttl", **bounds, **ages}) is False
    assert wire.call("info", "ttl")["max_age_ms"] == 5_000
    assert wire.call("info", "kept")["max_age_ms"] == 7 * 86_400_000


def test_durable_caches_of_the_file_keep_their_entries_across_a_restart(start_daemon, write_config):
    daemon = start_daemon("--config", write_config(CACHES))
    daemon.connect().call("put", "kept", "k", 1)
    daemon.restart()
    assert daemon.connect().call("get", "kept", "k") == [1]


def test_an_empty_file_is_as_good_as_none(start_daemon, write_config):
    assert start_daemon("--config", write_config("# nothing\n")).connect().call("ping") == "pong"


# text: (line, key, what the message tells beside them)
ERRORS = {
    "an unknown key": ('\nmemory_limits = "1G"\n', 2, "memory_limits", "memory_limit"),
    "an unknown key in a section": ("[limits]\n\nmax_cashes = 5\n", 3, "max_cashes", "max_caches"),
    "an unknown section": ("\n\n[limit]\nmax_caches = 5\n", 3, "limit", "limits"),
    "a size that is none": ('memory_limit = "many"\n', 1, "memory_limit", "many"),
    "a size without quotes": ("# a\nmemory_limit = 256.5\n", 2, "memory_limit", "size"),
    "a size below the least": ('memory_limit = "5"\n', 1, "memory_limit", "1M"),
    "a duration without a unit": ("[durable]\ncheckpoint_interval = 5\n", 2, "checkpoint_interval", "duration"),
    "a duration of a wrong unit": ('[durable]\ncheckpoint_interval = "5 eons"\n', 2, "checkpoint_interval", "eons"),
    "a count that is a str": ('[limits]\nmax_caches = "some"\n', 2, "max_caches", "number"),
    "a count that is a boolean": ("[limits]\nmax_caches = true\n", 2, "max_caches", "number"),
    "a count that is negative": ("[limits]\nmax_caches = -4\n", 2, "max_caches", "3"),
    "a count that is an array": ("[limits]\nmax_caches = [4]\n", 2, "max_caches", "number"),
    "a mode that is none": ('socket_mode = "0999"\n', 1, "socket_mode", "octal"),
    "a log level that is none": ('log_level = "loud"\n', 1, "log_level", "debug"),
    "a tier that is none": ('[cache.a]\n\ntier = "lfu"\n', 3, "tier", "durable"),
    "a policy that is none": ('[cache.a]\ntier = "lru"\npolicy = "random"\n', 3, "policy", "fifo"),
    "a cache without a tier": ("\n[cache.a]\nmax_entries = 5\n", 2, "tier", "durable"),
    "a ttl cache without max_age": ('\n[cache.a]\ntier = "ttl"\n', 2, "max_age", "ttl"),
    "a durable cache with bounds": ('[cache.a]\ntier = "durable"\nmax_entries = 5\n', 3, "max_entries", "durable"),
    "a cache of a bad name": ('\n[cache."bad\\tname"]\ntier = "lru"\n', 2, "bad", "ASCII"),
    "an unknown key of a cache": ('[cache.a]\ntier = "lru"\nmax_size = 5\n', 3, "max_size", "max_bytes"),
    "a value where a section should be": ("limits = 5\n", 1, "limits", "section"),
    "a key that is set twice": ('socket = "/a"\nsocket = "/b"\n', 2, "socket", ""),
    "no toml": ("\nthis is no toml\n", 2, "", ""),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_names_file_line_key_and_what_would_be_right(refused, directory, case):
    text, line, key, right = ERRORS[case]
    message = refused(text)
    assert f"{directory}/pannier.toml:{line}" in message
    assert key in message and right in message
    assert len(message.splitlines()) <= 4, "an error is short"


def test_a_file_that_is_missing_is_named(directory):
    command = [binary("PANNIERD"), "--socket", f"{directory}/s", "--config", f"{directory}/missing.toml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_S)
    assert done.returncode > 0 and f"{directory}/missing.toml" in done.stderr


def test_help_shows_every_key_of_the_file_as_an_option():
    done = subprocess.run([binary("PANNIERD"), "--help"], capture_output=True, text=True, timeout=STOP_S, check=True)
    keys = [line.split(" ")[0] for line in LIMITS.splitlines() if " = " in line]
    keys += ["checkpoint_interval", "checkpoint_bytes", "max_dirty", "expire_interval"]
    keys += ["socket_mode", "socket_group", "log_level"]
    for key in keys:
        assert "--" + key.replace("_", "-") in done.stdout, key
