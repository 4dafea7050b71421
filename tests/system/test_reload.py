"""The configuration is read again by SIGHUP, `reload` and `pannier reload`: what is in force at once, what takes a restart,
and that a file with a mistake changes nothing."""

import json
import os
import signal
import subprocess

import pytest

from clock import eventually
from daemon_process import Daemon, binary

MEBIBYTE = 1 << 20


class Configured:
    """A daemon with a configuration file that a test writes anew."""

    def __init__(self, start_daemon, path, text, *arguments):
        self.path = path
        self.write(text)
        self.daemon = start_daemon("--config", path, *arguments)
        self.wire = self.daemon.connect()

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def reload(self, text):
        self.write(text)
        return self.wire.call("reload")

    def refuses(self, code, text):
        self.write(text)
        return self.wire.fails(code, "reload")

    def limits(self):
        return self.wire.call("hello")["limits"]


@pytest.fixture
def configured(start_daemon, directory):
    """configured(text, arguments...): a daemon with that configuration."""
    return lambda text, *arguments: Configured(start_daemon, f"{directory}/pannierd.toml", text, *arguments)


def run_reload(daemon, *arguments):
    environment = {**os.environ, "PANNIER_SOCKET": daemon.socket_path}
    command = [binary("PANNIER"), "reload", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


LIMITS = """
[limits]
max_key = 10
max_value = "2K"
max_reply = "300K"
max_frame = "300K"
max_depth = 9
max_keys = 3
max_leases = 1
max_subscriptions = 1
max_waiting = 7
max_unsent = "70K"
max_connections = 20
max_buffers = "2M"
max_caches = 4
max_lease = "1m"
"""
HELLO = {
    "max_key": 10,
    "max_value": 2048,
    "max_reply": 300 << 10,
    "max_frame": 300 << 10,
    "max_depth": 9,
    "max_keys": 3,
    "max_leases": 1,
    "max_subscriptions": 1,
    "max_waiting": 7,
    "max_unsent": 70 << 10,
    "max_connections": 20,
    "max_buffers": 2 * MEBIBYTE,
    "lease_ms_max": 60_000,
}


def test_limits_are_in_force_at_once_on_connections_that_are_there(configured):
    it = configured("")
    answer = it.reload(LIMITS)
    named = {f"limits.{line.split()[0]}" for line in LIMITS.splitlines() if "=" in line}
    following = {"limits.max_user_connections", "limits.max_user_buffers"}
    assert set(answer["applied"]) == named | following
    assert (answer["needs_restart"], answer["notes"]) == ([], [])
    assert {key: it.limits()[key] for key in HELLO} == HELLO
    it.wire.fails("too_large", "put", "lru", "k" * 11, 1)
    it.wire.fails("too_large", "put", "lru", "k", b"x" * 3000)
    it.wire.fails("too_large", "get_many", "lru", ["k"] * 4)
    assert isinstance(it.wire.call("lease", "lru", "a"), int)
    it.wire.fails("overloaded", "lease", "lru", "b")
    it.wire.call("subscribe", "lru")
    it.wire.fails("overloaded", "subscribe", "ttl")
    it.wire.call("open", "fourth", {"tier": "lru"})
    it.wire.fails("overloaded", "open", "fifth", {"tier": "lru"})
    it.wire.send(b"\x94\x00\x01\xa3get\x91\xc6\x00\x10\x00\x00")
    assert "307200" in it.wire.receive().error


def test_a_limit_that_is_raised_lets_through_what_was_refused(configured):
    it = configured('[limits]\nmax_value = "1K"\n')
    it.wire.fails("too_large", "put", "lru", "k", b"x" * 3000)
    assert it.reload('[limits]\nmax_value = "4K"\n')["applied"] == ["limits.max_value"]
    it.wire.call("put", "lru", "k", b"x" * 3000)


def test_nothing_is_new_in_the_same_file(configured):
    it = configured(LIMITS + '[cache.pages]\ntier = "ttl"\nmax_age = "5m"\n')
    assert it.reload(open(it.path, encoding="utf-8").read()) == {"applied": [], "needs_restart": [], "notes": []}


def test_caches_are_opened_altered_and_left(configured):
    it = configured('[cache.pages]\ntier = "lru"\nmax_entries = 10\n')
    for i in range(10):
        it.wire.call("put", "pages", f"k{i}", i)
    answer = it.reload('[cache.pages]\ntier = "lru"\nmax_entries = 4\n[cache.kept]\ntier = "durable"\nmax_age = "2h"\n')
    assert sorted(answer["applied"]) == ["cache.kept", "cache.pages"]
    eventually(lambda: it.wire.call("info", "pages")["currsize"] == 4)
    assert it.wire.call("get", "pages", "k9") == [9]
    assert it.wire.call("info", "kept")["max_age_ms"] == 7_200_000
    it.wire.call("put", "kept", "k", 1)
    answer = it.reload('[cache.kept]\ntier = "durable"\n')
    assert answer["applied"] == ["cache.kept"]
    assert len(answer["notes"]) == 1 and '"pages"' in answer["notes"][0]
    assert it.wire.call("info", "pages")["maxsize"] == 4
    it.daemon.restart()
    wire = it.daemon.connect()
    assert wire.call("info", "kept")["max_age_ms"] is None
    assert wire.call("get", "kept", "k") == [1]


def test_a_cache_whose_section_is_gone_is_said_to_be_as_open_as_others(configured):
    it = configured('[cache.pages]\ntier = "lru"\nreaders = ["root"]\n[cache.others]\ntier = "lru"\n')
    answer = it.reload("")
    assert answer["applied"] == ["cache.pages.readers"]
    assert ["Who may use it is what [access] says now" in note for note in answer["notes"]] == [False, True]


def test_what_takes_a_restart_is_named_and_stays(configured):
    it = configured('memory_limit = "64M"\n')
    answer = it.reload('memory_limit = "128M"\nsocket_mode = "0600"\n[limits]\nmax_keys = 5\n')
    assert answer["applied"] == ["limits.max_keys"]
    assert answer["needs_restart"] == [
        {"key": "socket_mode", "now": "0660", "then": "0600"},
        {"key": "memory_limit", "now": "64M", "then": "128M"},
    ]
    assert it.wire.call("info")["server"]["memory_limit"] == 64 * MEBIBYTE
    assert 'memory_limit is "64M" until the daemon is restarted, and then "128M"' in it.daemon.log()
    assert it.wire.call("reload")["needs_restart"] == answer["needs_restart"]
    it.daemon.restart()
    assert it.daemon.connect().call("info")["server"]["memory_limit"] == 128 * MEBIBYTE


def test_the_command_line_wins_over_the_file_that_is_read_again(configured):
    it = configured("", "--max-keys", "50", "--memory-limit", "64M")
    answer = it.reload('memory_limit = "128M"\n[limits]\nmax_keys = 5\nmax_depth = 20\n')
    assert answer == {"applied": ["limits.max_depth"], "needs_restart": [], "notes": []}
    assert it.limits()["max_keys"] == 50


def test_the_log_level_is_in_force_at_once(configured):
    it = configured("")
    it.daemon.connect().close()
    assert "accepted" not in it.daemon.log()
    assert it.reload('log_level = "debug"\n')["applied"] == ["log_level"]
    assert it.daemon.connect().call("ping") == "pong"
    assert "accepted" in it.daemon.log()


def test_the_durable_tier_follows(configured):
    it = configured('[durable]\ncheckpoint_interval = "1h"\n')
    it.wire.call("put", "durable", "k", 1)
    it.wire.call("put", "durable", "l", b"x" * 50_000)
    answer = it.reload('[durable]\ncheckpoint_interval = "20ms"\nmax_dirty = "64K"\n')
    assert set(answer["applied"]) == {"durable.checkpoint_interval", "durable.max_dirty", "durable.checkpoint_bytes"}
    eventually(lambda: it.wire.call("info", "durable")["dirty_entries"] == 0)
    assert it.reload('[durable]\ncheckpoint_interval = "1h"\ncheckpoint_bytes = "60K"\nmax_dirty = "64K"\n')["applied"]
    it.wire.fails("overloaded", "put_many", "durable", [[f"k{i}", b"x" * 30_000] for i in range(5)])


# text: what the error names besides the file
MISTAKES = {
    "a key that is none": ("\nmax_kez = 5\n", ":2:", '"max_kez"'),
    "no TOML": ("[limits]\nmax_keys = 5 5\n", ":2:"),
    "a value out of range": ("[limits]\nmax_keys = 7\nmax_depth = 1\n", ":3:", '"limits.max_depth"', "from 8"),
    "one of several": ('[limits]\nmax_keys = 0\nmax_frob = 1\n', ":2:", '"limits.max_keys"', "1 more", "--check-config"),
    "what does not go together": ('[limits]\nmax_frame = "1M"\nmax_value = "2M"\n', ":3:", '"limits.max_value"'),
    "a cache of another tier": ('[limits]\nmax_keys = 7\n[cache.pages]\ntier = "durable"\n', ":3:", '"cache.pages"', "tier"),
    "more reserved than there is": (
        '[limits]\nmax_keys = 7\n[cache.pages]\ntier = "lru"\nmax_entries = 5\n[cache.zz]\ntier = "lru"\nreserved = "30M"\n',
        ":6:", '"cache.zz"', "reserved_bytes"),
    "right only after a restart": ('memory_limit = "1G"\n[durable]\nmax_dirty = "512M"\n', ":3:", "after a restart"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place_and_changes_nothing(configured, mistake):
    it = configured('memory_limit = "64M"\n[cache.pages]\ntier = "lru"\nmax_entries = 10\n')
    it.wire.call("open", "mine", {"tier": "lru", "reserved_bytes": 10 * MEBIBYTE})
    before = (it.limits(), it.wire.call("info")["caches"])
    text, *named = MISTAKES[mistake]
    error = it.refuses("bad_request", text)
    for words in [it.path, *named, "Nothing was changed"]:
        assert words in error
    assert (it.limits(), it.wire.call("info")["caches"]) == before
    assert error[len("reload: ") :] in it.daemon.log()
    assert it.reload("[limits]\nmax_keys = 9\n")["applied"] == ["limits.max_keys"]


def test_a_file_that_is_gone_changes_nothing(configured):
    it = configured("[limits]\nmax_keys = 9\n")
    os.unlink(it.path)
    assert it.path in it.wire.fails("bad_request", "reload")
    assert it.limits()["max_keys"] == 9


def test_a_daemon_without_a_file_says_so(own_daemon):
    assert "--config" in own_daemon.connect().fails("unsupported", "reload")
    done = run_reload(own_daemon)
    assert (done.returncode, done.stdout) == (3, "")
    assert "--config" in done.stderr


def test_sighup_reads_the_file_again_and_the_log_tells(configured):
    it = configured("")
    it.write("[limits]\nmax_keys = 5\n")
    it.daemon.send_signal(signal.SIGHUP)
    eventually(lambda: "reload: the configuration is in force: limits.max_keys" in it.daemon.log())
    assert it.limits()["max_keys"] == 5
    it.write("[limits]\nmax_keys = 0\n")
    it.daemon.send_signal(signal.SIGHUP)
    eventually(lambda: "Nothing was changed" in it.daemon.log())
    assert it.limits()["max_keys"] == 5


class SignaledEarly(Daemon):
    """Has a SIGHUP waiting for it before its first instruction."""

    def command(self):
        return ["sh", "-c", 'kill -HUP $$; exec "$@"', "sh", *super().command()]

    def start(self):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        try:
            return super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_sighup_before_the_daemon_is_ready_is_not_forgotten(directory):
    path = f"{directory}/pannierd.toml"
    open(path, "w", encoding="utf-8").close()
    daemon = SignaledEarly(directory, "--config", path).start()
    try:
        eventually(lambda: "reload: the configuration is in force, nothing is new" in daemon.log())
    finally:
        daemon.discard()


def test_the_command_ends_when_it_is_in_force_or_says_why_not(configured):
    it = configured('memory_limit = "64M"\n')
    it.write('memory_limit = "128M"\n[limits]\nmax_keys = 5\n')
    done = run_reload(it.daemon)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "in force: limits.max_keys",
        "needs a restart: memory_limit (64M until then, 128M after it)",
    ]
    assert json.loads(run_reload(it.daemon, "--json").stdout)["needs_restart"][0]["key"] == "memory_limit"
    it.write("nonsense\n")
    done = run_reload(it.daemon)
    assert done.returncode == 3
    assert f"{it.path}:1" in done.stderr


def test_many_who_ask_at_once_are_all_answered_with_the_last_file(configured):
    it = configured("")
    it.write("[limits]\nmax_keys = 5\n")
    wires = [it.daemon.connect() for _ in range(5)]
    ids = [wire.request("reload") for wire in wires]
    assert [wire.result(msgid)["needs_restart"] for wire, msgid in zip(wires, ids)] == [[]] * 5
    assert it.limits()["max_keys"] == 5
    assert it.wire.call("get", "lru", "k") is None


def test_a_stop_behind_a_reload_is_clean(configured):
    it = configured("")
    it.write("[limits]\nmax_keys = 5\n")
    it.wire.notify("reload")
    it.daemon.stop()
