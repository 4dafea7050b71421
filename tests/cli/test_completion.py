"""Completion in real shells, in a terminal, with a daemon and without one."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from conftest import PANNIER, PANNIERD, Command, running_daemon
from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
OF_PANNIER = ROOT / "client/cli/completion"
OF_PANNIERD = ROOT / "daemon/completion"


def bash(home):
    rc = home / "rc"
    rc.write_text(
        "PS1='> '\nsource /usr/share/bash-completion/bash_completion\n"
        f"source {OF_PANNIER}/pannier.bash\nsource {OF_PANNIERD}/pannierd.bash\n"
    )
    return ["bash", "--noprofile", "--rcfile", rc, "-i"]


def zsh(home):
    (home / ".zshrc").write_text(
        f"PS1='> '\nfpath=({OF_PANNIER} {OF_PANNIERD} $fpath)\nautoload -Uz compinit\ncompinit -u -D\n"
    )
    return ["zsh", "-d", "-i"]


def fish(home):
    config = home / ".config/fish"
    config.mkdir(parents=True)
    (config / "config.fish").write_text(
        "function fish_prompt\n echo -n '> '\nend\nset fish_greeting\n"
        f"source {OF_PANNIER}/pannier.fish\nsource {OF_PANNIERD}/pannierd.fish\n"
    )
    return ["fish", "--private", "-i"]


@pytest.fixture(scope="module", params=[bash, zsh, fish], ids=lambda shell: shell.__name__)
def terminal(request):
    """A shell, with the programs on its path and a daemon at its socket."""
    directory = tempfile.mkdtemp(prefix="pannier-")
    home = Path(directory)
    (home / "my-backup").write_text("")
    programs = f"{Path(PANNIER).parent}:{Path(PANNIERD).parent}"
    environment = {
        "HOME": directory, "ZDOTDIR": directory, "XDG_CONFIG_HOME": directory + "/.config",
        "XDG_DATA_HOME": directory, "PANNIER_SOCKET": directory + "/s", "PATH": f"{programs}:{os.environ['PATH']}",
    }
    with running_daemon(directory):
        Command(directory + "/s").ok("open", "our pages", "--tier", "lru")
        command = [str(part) for part in request.param(home)]
        shell = Terminal(directory, ["-c", directory, *command], environment=environment)
        try:
            shell.wait_for(lambda screen: screen.endswith(">"), "no prompt")
            yield shell
        finally:
            shell.close()
    shutil.rmtree(directory, ignore_errors=True)


def press_tab_until(terminal, typed, times, condition):
    """Again now and then: on a busy machine the daemon's names may come too late for one press, which does not wait."""
    pressed_at = None

    def is_there(screen):
        nonlocal pressed_at
        if pressed_at is None or time.monotonic() > pressed_at + 5:
            terminal.send("C-u")
            terminal.send("-l", typed)
            terminal.send(*["Tab"] * times)
            pressed_at = time.monotonic()
            return False
        return condition(screen)

    terminal.wait_for(is_there, f"{typed!r} is not completed")


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("pannier back", "> pannier backup"),
        ("pannier put lru key --keep", "> pannier put lru key --keep-ttl"),
        ("pannier info --js", "> pannier info --json"),
        ("pannier info tt", "> pannier info ttl"),
        ("pannier delete durab", "> pannier delete durable"),
        ("pannier get our", r"> pannier get our\ pages"),
        ("pannier open mine --tier dur", "> pannier open mine --tier durable"),
        ("pannier open mine --policy=fi", "> pannier open mine --policy=fifo"),
        ("pannier restore my", "> pannier restore my-backup"),
        ("pannierd --memory-l", "> pannierd --memory-limit"),
        ("pannierd --log-level deb", "> pannierd --log-level debug"),
        ("pannierd --config my", "> pannierd --config my-backup"),
    ],
)
def test_a_word_is_completed(terminal, typed, becomes):
    press_tab_until(terminal, typed, 1, lambda screen: becomes in screen)


def test_all_that_may_stand_there_is_listed(terminal):
    press_tab_until(terminal, "pannier get ", 2, lambda screen: all(name in screen for name in ("durable", "lru", "ttl")))
    terminal.send("C-c")


def ask(socket_path, *words):
    done = subprocess.run(
        [PANNIER, "__complete", *words], capture_output=True, timeout=60, env=Command(socket_path).environment()
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_without_a_daemon_there_are_no_caches_and_no_words(directory):
    assert ask(directory + "/s", "get", "") == b""
    assert b"backup\t" in ask(directory + "/s", "")


def test_a_daemon_that_does_not_answer_is_not_waited_for(directory):
    path = directory + "/silent"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        began = time.monotonic()
        assert ask(path, "get", "") == b""
        assert time.monotonic() - began < 5
