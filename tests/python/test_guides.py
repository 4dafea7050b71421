"""What client/MIGRATING.md and the README show works as it stands there: each block runs as a program, the ones before
and the ones after, against the real libraries and servers, and what they claim with `# → value` holds."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import guide
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "client" / "MIGRATING.md"
GUIDE = guide.blocks(PAGE)
# The other programs of the README are run by tests/system/test_readme.py.
README = [block for block in guide.blocks(ROOT / "README.md") if "import pannier" in block.text]
SECTIONS = list(dict.fromkeys(block.section for block in GUIDE))

# Where the pages have these servers; the tests have them elsewhere.
REDIS = "/run/redis/redis.sock"
MEMCACHED = "/run/memcached/memcached.sock"
START_S = 30
END_S = 60


@pytest.fixture(scope="module")
def placed():
    """placed(text): the text with the sockets of a Redis and a memcached that are the tests' own."""
    directory = tempfile.mkdtemp(prefix="pannier-")
    sockets = {REDIS: f"{directory}/redis", MEMCACHED: f"{directory}/memcached"}
    user = ["-u", "root"] if os.geteuid() == 0 else []
    commands = [
        ["redis-server", "--port", "0", "--unixsocket", sockets[REDIS], "--save", "", "--dir", directory],
        ["memcached", "-s", sockets[MEMCACHED], *user],
    ]
    # They are not built for the sanitizers under which the package may be tested.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    started = [subprocess.Popen(each, stdout=subprocess.DEVNULL, env=environment) for each in commands]
    try:
        for process, socket in zip(started, sockets.values()):
            wait_for(process, socket)
        yield lambda text: text.replace(REDIS, sockets[REDIS]).replace(MEMCACHED, sockets[MEMCACHED])
    finally:
        for process in started:
            process.terminate()
            process.wait()
        shutil.rmtree(directory)


def wait_for(process, socket):
    deadline = time.monotonic() + START_S
    while not os.path.exists(socket):
        assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args[0]} does not listen"
        time.sleep(0.01)


@pytest.fixture
def run(own_daemon, placed, tmp_path):
    """run(blocks): one after the other, in one process, which works in the test's directory and finds the daemon by
    $PANNIER_SOCKET."""
    found = {"PANNIER_SOCKET": own_daemon.socket_path, "DJANGO_SETTINGS_MODULE": "settings"}

    def run_blocks(blocks):
        files = [tmp_path / (block.kind if is_file(block) else f"line_{block.line}.py") for block in blocks]
        for block, file in zip(blocks, files):
            file.write_text(placed(block.text), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", guide.__file__, *files],
            cwd=tmp_path,
            env=os.environ | found,
            stderr=subprocess.PIPE,
            text=True,
            timeout=END_S,
        )
        assert done.returncode == 0, done.stderr

    return run_blocks


def is_file(block):
    return block.kind.endswith(".py")


@pytest.mark.parametrize("section", SECTIONS)
def test_what_the_guide_shows_holds(section, run):
    blocks = [block for block in GUIDE if block.section == section]
    files = [block for block in blocks if is_file(block)]
    programs = [block for block in blocks if not is_file(block)]
    if not files:
        run(programs)
    for file in files:
        run([file, *programs])


def test_what_the_readme_shows_holds(run):
    run(README)


def test_the_guides_cpp_is_that_of_an_example():
    """tests/client/test_examples.py runs it."""
    example = unindented((ROOT / "client" / "examples" / "from_map.cc").read_text(encoding="utf-8"))
    shown = guide.blocks(PAGE, "cpp")
    assert {block.kind for block in shown} == {"before", "after"}
    assert not [block.line for block in shown if unindented(block.text) not in example]


def unindented(text):
    return re.sub(r"^ +", "", text, flags=re.MULTILINE)


def test_every_program_claims_something():
    assert README
    assert not [block.line for block in GUIDE + README if not is_file(block) and not block.claims]


def test_every_way_is_told_before_and_after():
    told = {section: [block.kind for block in GUIDE if block.section == section] for section in SECTIONS[1:]}
    assert len(told) == 10
    assert not [ways for ways in told.values() if not {"before", "after"} <= set(ways) and ways.count("settings.py") < 2]


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("1 + 1  # → 3", "line 1: 2, not 3"),
        ("x = 1  # → 1", "no expression ends"),
        ("def unused():\n    1  # → 1", "only those"),
    ],
)
def test_a_claim_that_does_not_hold_is_told(source, complaint):
    program = types.ModuleType("program")
    program.__file__ = "program.py"
    with pytest.raises(AssertionError, match=complaint):
        guide.run(source, program)
