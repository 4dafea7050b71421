"""What goes wrong: the exit code, and that the message says what to do next."""

import os
import pwd
import shutil
import socket
import subprocess

import pytest
from conftest import PANNIER, Command

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no_such_command"],
        ["get"],
        ["get", "lru"],
        ["get", "lru", "k", "--no-such-option"],
        ["get", "lru", "k", "one too many"],
        ["put", "lru", "k", "v", "--ttl", "5"],
        ["put", "lru", "k", "v", "--ttl", "forever"],
        ["put", "lru", "k", "v", "--if-absent", "--if-present"],
        ["put", "lru", "k", "v", "--if-version", "one"],
        ["incr", "lru", "n", "1.5"],
        ["open", "x"],
        ["open", "x", "--tier", "paper"],
        ["open", "x", "--tier", "lru", "--max-bytes", "1X"],
        ["release", "lru", "k"],
        ["--timeout", "soon", "ping"],
    ],
)
def test_wrong_command_line_ends_with_2(idle_cli, arguments):
    done = idle_cli(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--help" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], b"pannier: A subcommand is required\nRun pannier --help "),
        (["no_such_command", "k"], b"pannier: there is no subcommand no_such_command\nRun pannier --help "),
        (["--no-such-option"], b"pannier: there is no option --no-such-option\nRun pannier --help "),
        (["get"], b"pannier get: CACHE is required\nRun pannier get --help "),
        (["put", "lru", "k", "v", "--ttl", "5"], b"pannier put: --ttl: \"5\" is no duration"),
    ],
)
def test_wrong_command_line_is_told_with_the_command_whose_help_has_it(idle_cli, arguments, says):
    assert idle_cli(*arguments).stderr.startswith(says)


def test_refusal_of_the_daemon_ends_with_3_and_advice(cli):
    done = cli("get", "nowhere", "k")
    assert done.returncode == 3
    assert b"unknown_cache" in done.stderr
    assert b"pannier open" in done.stderr


def test_missing_socket_ends_with_4_and_says_how_to_start(directory):
    path = directory + "/none"
    done = Command(path)("ping")
    assert done.returncode == 4
    assert b"cannot connect to %s: No such file or directory ($PANNIER_SOCKET)" % path.encode() in done.stderr
    assert b"pannierd --socket %s --data-dir" % path.encode() in done.stderr
    assert b"--socket PATH" in done.stderr


def test_socket_option_goes_before_the_environment(cli, directory):
    done = cli("--socket", directory + "/other", "ping")
    assert done.returncode == 4
    assert b"(--socket)" in done.stderr
    assert Command("/none")("ping", "--socket", cli.socket).returncode == 0


def test_stale_socket_says_that_nobody_listens(directory):
    path = directory + "/stale"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    done = Command(path)("ping")
    assert done.returncode == 4
    assert b"nobody listens" in done.stderr


def test_file_that_is_no_socket_is_told(directory):
    path = directory + "/file"
    open(path, "w").close()
    done = Command(path)("ping")
    assert done.returncode == 4
    assert b"no socket" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_socket_that_may_not_be_used_names_mode_owner_and_user(cli, directory):
    os.chmod(directory, 0o755)
    os.chmod(cli.socket, 0o640)
    program = shutil.copy(PANNIER, directory)  # the build may stand where that user may not look
    done = cli("ping", user=NOBODY, executable=program)
    assert done.returncode == 4
    for said in (b"Permission denied", b"mode 0640", b"root (uid 0)", b"This process is nobody", b"--socket-group"):
        assert said in done.stderr


def test_peer_that_never_answers_ends_with_4_after_the_timeout(directory):
    path = directory + "/silent"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        done = Command(path)("ping", "--timeout", "100ms")
    assert done.returncode == 4
    assert b"in time" in done.stderr
    assert path.encode() in done.stderr


def test_peer_that_is_no_daemon_is_told(directory):
    path = directory + "/other"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = Command(path).start("put", "lru", "k", "v")
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert b"may be no pannierd" in errors
    assert b"may have been executed" in errors


def test_full_standard_output_ends_with_5(cli):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            ["sh", "-c", 'exec "$PANNIER" ping'], stdout=full, stderr=subprocess.PIPE, env=cli.environment(), timeout=60
        )
    assert done.returncode == 5
    assert b"standard output" in done.stderr
