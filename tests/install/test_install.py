"""The installed tree, as its users meet it: headers and library by CMake and by pkg-config, and the programs.
Environment: BUILD_DIR (the build to install from), CMAKE, CXX."""

import os
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

CONSUMER = Path(__file__).parent / "consumer"
CMAKE = os.environ["CMAKE"]
CXX = os.environ["CXX"]
START_TIMEOUT_S = 30


def run(*command, **options):
    """Standard output of a command that has to succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed to one place, then moved to another: nothing in the tree may depend on where it was."""
    first = tmp_path_factory.mktemp("first") / "prefix"
    moved = tmp_path_factory.mktemp("moved") / "prefix"
    run(CMAKE, "--install", os.environ["BUILD_DIR"], "--prefix", first)
    shutil.move(first, moved)
    return moved


@pytest.fixture(scope="module")
def daemon_socket(prefix, tmp_path_factory):
    """The socket of a running, installed pannierd."""
    home = tmp_path_factory.mktemp("d")
    path = home / "s"
    process = subprocess.Popen([prefix / "bin/pannierd", "--socket", path, "--data-dir", home / "data"])
    try:
        wait_until_served(process, path)
        yield path
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def wait_until_served(process, path):
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
            return
        except OSError:
            assert process.poll() is None, "pannierd ended"
            assert time.monotonic() < deadline, "pannierd does not listen"
            time.sleep(0.02)


def library_dir(prefix):
    return next(prefix.glob("lib*/**/pannier.pc")).parent.parent


def flags_of(module, libraries):
    search = dict(os.environ, PKG_CONFIG_PATH=str(libraries / "pkgconfig"))
    return shlex.split(run("pkg-config", "--cflags", "--libs", module, env=search))


def test_a_project_builds_by_find_package_and_runs(prefix, daemon_socket, tmp_path):
    run(CMAKE, "-G", "Ninja", "-S", CONSUMER, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={CXX}")
    run(CMAKE, "--build", tmp_path)
    environment = dict(os.environ, PANNIER_SOCKET=str(daemon_socket))
    assert run(tmp_path / "consumer", env=environment) == "all tiers agree\n"
    assert run(tmp_path / "consumer_async", env=environment) == "the loop agrees\n"
    assert run(tmp_path / "consumer_c", env=environment) == "C agrees\n"


def test_a_project_builds_by_pkg_config_and_runs(prefix, daemon_socket, tmp_path):
    libraries = library_dir(prefix)
    environment = dict(os.environ, PANNIER_SOCKET=str(daemon_socket), LD_LIBRARY_PATH=str(libraries))
    run(CXX, "-std=c++20", CONSUMER / "main.cc", "-o", tmp_path / "consumer",
        *flags_of("pannier", libraries))
    assert run(tmp_path / "consumer", env=environment) == "all tiers agree\n"
    run("cc", "-std=c11", CONSUMER / "main.c", "-o", tmp_path / "consumer_c",
        *flags_of("pannier-c", libraries))
    assert run(tmp_path / "consumer_c", env=environment) == "C agrees\n"
    assert {"-lpannier_async", "-lpannier", "-luv"} <= set(flags_of("pannier-async", libraries))


def test_the_installed_command_finds_its_library_and_the_daemon(prefix, daemon_socket):
    assert "pong" in run(prefix / "bin/pannier", "ping", env=dict(os.environ, PANNIER_SOCKET=str(daemon_socket)))


def test_headers_are_those_of_the_library_alone(prefix):
    tops = {path.relative_to(prefix / "include").parts[0] for path in (prefix / "include").rglob("*.h")}
    assert tops == {"pannier"}


def test_manual_pages_and_completions_are_where_they_are_looked_for(prefix):
    share = prefix / "share"
    for path in (
        "man/man1/pannier.1", "man/man8/pannierd.8", "man/man5/pannierd.toml.5",
        "bash-completion/completions/pannier", "bash-completion/completions/pannierd",
        "zsh/site-functions/_pannier", "zsh/site-functions/_pannierd",
        "fish/vendor_completions.d/pannier.fish", "fish/vendor_completions.d/pannierd.fish",
    ):
        assert (share / path).is_file(), path
