"""`top`: in a terminal as a person has it, and without one."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from conftest import PANNIER, Command, running_daemon
from terminal import Terminal


@pytest.fixture
def shell(directory):
    """A terminal with a shell in it, and what `pannier` needs to find the daemon."""
    environment = {"PANNIER_SOCKET": directory + "/s", "PATH": f"{Path(PANNIER).parent}:/usr/bin:/bin", "PS1": "> "}
    terminal = Terminal(directory, ["bash", "--norc", "--noprofile"], columns=110, environment=environment)
    yield terminal
    terminal.close()


def start(shell, *arguments):
    shell.send("-l", " ".join(["pannier top --interval 200ms", *arguments]))
    shell.send("Enter")
    return shell.wait_for_text("[q]uit")


def names(screen):
    """Those of the caches, from the top."""
    rows = screen.split("CACHE")[1].splitlines()[1:]
    return [row.split()[0] for row in rows if row.strip() and "[q]uit" not in row]


def leave(shell, *keys):
    """Sends keys, and returns the exit status as the shell has it."""
    shell.send(*keys)
    shell.wait_for(lambda screen: screen.endswith(">"), "no prompt")
    shell.send("-l", "echo status $?")
    shell.send("Enter")
    screen = shell.wait_for(lambda screen: screen.count("status ") > 1, "no status")
    return int(screen.rsplit("status ", 1)[1].split()[0])


def test_the_view_has_the_daemon_and_its_caches_and_their_rates(cli, daemon, shell):
    cli.ok("open", "pages", "--tier", "lru")
    start(shell)
    load = cli.start("bench", "--for", "20s", "--connections", "1", "--keys", "100")
    try:
        screen = shell.wait_for(
            lambda screen: "pannier.bench" in screen and "requests -" not in screen,
            "no load to be seen",
        )
    finally:
        load.terminate()
        load.wait(timeout=60)
    assert f"pid {daemon.pid}" in screen
    assert re.search(r"latency .*p50 [\d.]+ [um]s p99 [\d.]+ [um]s", screen)
    assert {"durable", "lru", "pages", "ttl"} <= set(names(screen))
    assert names(screen)[0] == "pannier.bench", "the one with the most requests is first"


def test_keys_sort(cli, shell):
    for number in range(3):
        cli.ok("put", "ttl", str(number), "v")
    start(shell, "--sort", "name")
    assert names(shell.wait_for_text("by name")) == ["durable", "lru", "ttl"]
    shell.send("e")
    assert names(shell.wait_for_text("by entries"))[0] == "ttl"


def test_the_view_follows_the_size_of_the_terminal(cli, shell):
    for number in range(12):
        cli.ok("open", f"cache{number}", "--tier", "lru")
    start(shell)
    shell.resize(70, 12)
    screen = shell.wait_for(
        lambda screen: screen.splitlines()[-1].startswith("by requests") and "more" in screen, "no smaller view"
    )
    assert len(screen.splitlines()) == 12
    shell.resize(110, 40)
    shell.wait_for(lambda screen: "cache11" in screen and "more" not in screen, "no larger view")


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_the_terminal_is_as_it_was_afterwards(cli, shell, directory, key):
    shell.send("-l", f"stty -g > {directory}/before; echo here before")
    shell.send("Enter")
    shell.wait_for_text("\nhere before")
    start(shell)
    assert shell.format("#{alternate_on} #{cursor_flag}") == "1 0"
    assert leave(shell, key) == 0
    assert shell.format("#{alternate_on} #{cursor_flag}") == "0 1"
    assert "here before" in shell.screen()
    assert "[q]uit" not in shell.screen()
    shell.send("-l", f"stty -g > {directory}/after; echo written")
    shell.send("Enter")
    shell.wait_for_text("\nwritten")
    assert Path(directory, "after").read_text() == Path(directory, "before").read_text()


def test_a_signal_leaves_the_terminal_as_it_was(cli, shell):
    start(shell)
    pid = shell.format("#{pane_pid}")
    os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text()), signal.SIGTERM)
    shell.wait_for(lambda screen: screen.endswith(">"), "no prompt")
    assert shell.format("#{alternate_on} #{cursor_flag}") == "0 1"
    assert leave(shell) == 128 + 15


def test_a_daemon_that_goes_away_is_told_and_tried_until_it_is_back(directory, shell):
    with running_daemon(directory) as first:
        start(shell)
        shell.wait_for_text(f"pid {first.pid}")
    shell.wait_for_text("No answer; trying again.")
    assert "Is pannierd running?" in shell.screen() or "nobody listens" in shell.screen()
    with running_daemon(directory) as second:
        shell.wait_for_text(f"pid {second.pid}")
        assert leave(shell, "q") == 0


def test_without_a_terminal_it_prints_once(cli, daemon):
    text = cli.ok("top", "--interval", "100ms").decode()
    assert text.startswith("pannierd ")
    assert f"pid {daemon.pid}" in text
    assert names(text)[-1] in ("durable", "lru", "ttl")
    assert "\x1b" not in text


def test_json_is_one_object(cli):
    cli.ok("put", "lru", "k", "v")
    figures = json.loads(cli.ok("top", "--json", "--interval", "100ms"))
    assert figures["requests_per_s"] > 0
    assert {cache["name"]: cache["entries"] for cache in figures["caches"]} == {"durable": 0, "lru": 1, "ttl": 0}
    assert all(method["p99_ns"] >= method["p50_ns"] > 0 for method in figures["methods"])


def test_without_a_daemon_it_ends_with_4(directory):
    done = Command(directory + "/s")("top")
    assert (done.returncode, done.stdout) == (4, b"")


def test_an_unknown_terminal_is_told(cli, shell):
    shell.send("-l", "TERM=no-such-terminal pannier top")
    shell.send("Enter")
    shell.wait_for_text("the terminal no-such-terminal is not known; --once does without")
