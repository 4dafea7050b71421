"""What the README shows works when it is pasted: the first session, the script, the lines for Neovim."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from daemon_process import binary

README = pathlib.Path(__file__).parents[2] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


@pytest.fixture
def shell(own_daemon):
    """Runs a line as the session's terminal would, and returns what it printed."""
    programs = pathlib.Path(binary("PANNIER")).parent
    environment = os.environ | {
        "PANNIER_SOCKET": own_daemon.socket_path,
        "PATH": f"{programs}:/usr/bin:/bin",
    }

    def run(*command, **options):
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=True, **options
        ).stdout

    return run


def test_the_first_session_does_what_it_says(own_daemon, shell):
    session = next(block for block in blocks("sh") if "pannier put" in block)
    told = 0
    for line in session.splitlines():
        if not line.startswith("pannier"):
            continue
        printed = shell("bash", "-euc", line)
        wanted = re.search(r"# (hello|\d+)$", line)
        if wanted:
            told += 1
            assert printed.strip() == wanted[1], line
    assert told == 2
    own_daemon.restart()
    assert shell("bash", "-euc", "pannier get durable visits").strip() == "2"


def test_the_script_does_what_it_says(shell):
    # The other one is of the package, and tests/python/test_guides.py runs it.
    script = next(block for block in blocks("python") if "import os, socket, msgpack" in block)
    assert shell("/usr/bin/python3", "-c", script).strip() == "[{'name': 'Ada'}]"


@pytest.mark.skipif(shutil.which("nvim") is None, reason="Neovim is not installed (package neovim)")
def test_the_lines_for_neovim_do_what_they_say(shell, tmp_path):
    (lines,) = blocks("vim")
    script = tmp_path / "session.vim"
    script.write_text(f"redir! > {tmp_path}/printed\n{lines}redir END\nquit\n", encoding="utf-8")
    shell("nvim", "--headless", "-u", "NONE", "-S", str(script))
    assert (tmp_path / "printed").read_text(encoding="utf-8").strip() == "['nvim']"
