"""The start of the daemon: the socket it listens on, a second daemon beside it, and what is left of a dead one."""

import os
import signal
import socket
import stat
import subprocess

import pytest

from daemon_process import STOP_S, Daemon, binary


def run(*arguments):
    """Runs pannierd to its end; returns (exit code, standard output, standard error)."""
    command = [binary("PANNIERD"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_help_names_every_fixed_option():
    code, output, _ = run("--help")
    assert code == 0
    for option in ("--socket", "--data-dir", "--memory-limit", "--config", "--help", "--version"):
        assert option in output


def test_version_is_what_hello_tells(daemon):
    code, output, _ = run("--version")
    assert code == 0
    assert daemon.connect().call("hello")["version"] in output


WRONG_SIZES = [["--memory-limit", size] for size in ("many", "-5", "1", "1.5M", "")]


@pytest.mark.parametrize("arguments", [*WRONG_SIZES, ["--no-such-option"], ["--socket"], ["surplus"]], ids=str)
def test_a_wrong_command_line_is_told_and_ends_with_an_error(directory, arguments):
    code, output, error = run("--socket", f"{directory}/s", "--data-dir", f"{directory}/d", *arguments)
    assert code not in (0, -signal.SIGABRT, -signal.SIGSEGV)
    assert arguments[0].lstrip("-") in error + output
    assert not os.path.exists(f"{directory}/s")


def test_the_data_directory_is_made_if_it_is_missing(own_daemon):
    assert os.path.isdir(own_daemon.data_dir)
    assert mode_of(own_daemon.data_dir) & 0o007 == 0, "others have no business in it"


def test_what_it_makes_in_a_directory_that_all_may_enter_is_for_its_user_alone(start_daemon, directory):
    os.mkdir(f"{directory}/data", mode=0o755)
    start_daemon("--data-dir", f"{directory}/data")
    made = [os.path.join(place, name) for place, *names in os.walk(f"{directory}/data") for name in names[0] + names[1]]
    assert len(made) > 4
    assert {mode_of(path) & 0o077 for path in made} == {0}


def test_a_second_daemon_on_a_live_socket_refuses_to_start_and_says_so(daemon, directory):
    code, _, error = run("--socket", daemon.socket_path, "--data-dir", f"{directory}/other-data")
    assert code > 0
    assert daemon.socket_path in error
    wire = daemon.connect()
    assert wire.call("hello")["pid"] == daemon.pid


def test_a_second_daemon_on_the_same_data_refuses_to_start_and_says_so(daemon, directory):
    code, _, error = run("--socket", f"{directory}/s", "--data-dir", daemon.data_dir)
    assert code > 0
    assert daemon.data_dir in error
    assert daemon.connect().call("put", "durable", "k", 1, {"sync": True}) > 0


def test_a_stale_socket_file_is_taken_over(own_daemon):
    own_daemon.kill9()
    assert os.path.exists(own_daemon.socket_path)
    own_daemon.start()
    assert own_daemon.connect().call("ping") == "pong"


def test_a_socket_file_without_a_listener_is_taken_over(directory):
    process = Daemon(directory)
    left = socket.socket(socket.AF_UNIX)
    left.bind(process.socket_path)
    left.close()
    process.start()
    process.discard()


def test_a_file_that_is_no_socket_is_not_taken_over(directory):
    path = f"{directory}/precious"
    with open(path, "w", encoding="utf-8") as file:
        file.write("mine")
    code, _, error = run("--socket", path, "--data-dir", f"{directory}/d")
    assert code > 0 and path in error
    with open(path, encoding="utf-8") as file:
        assert file.read() == "mine"


def test_a_socket_path_that_is_too_long_is_refused_and_told(directory):
    path = f"{directory}/" + "s" * 120
    code, _, error = run("--socket", path, "--data-dir", f"{directory}/d")
    assert code > 0 and "s" * 40 in error and "107" in error


def test_a_socket_in_a_directory_that_does_not_exist_is_refused_and_told(directory):
    path = f"{directory}/missing/s"
    code, _, error = run("--socket", path, "--data-dir", f"{directory}/d")
    assert code > 0 and path in error


def test_the_sockets_mode_is_0660_unless_told_otherwise(daemon):
    assert mode_of(daemon.socket_path) == 0o660


@pytest.mark.parametrize("mode", ["0600", "0666", "0640"])
def test_the_sockets_mode_is_an_option(start_daemon, mode):
    daemon = start_daemon("--socket-mode", mode)
    assert mode_of(daemon.socket_path) == int(mode, 8)


def test_the_sockets_mode_does_not_depend_on_the_umask(directory):
    before = os.umask(0o077)
    try:
        process = Daemon(directory, "--socket-mode", "0666").start()
    finally:
        os.umask(before)
    assert mode_of(process.socket_path) == 0o666
    process.discard()


def test_the_sockets_group_is_an_option(start_daemon):
    group = os.getgroups()[-1] if os.getgroups() else os.getgid()
    other = 65534 if os.getuid() == 0 else group
    daemon = start_daemon("--socket-group", str(other))
    assert os.stat(daemon.socket_path).st_gid == other


def test_an_unknown_group_is_refused_and_told(directory):
    group = ["--socket-group", "no-such-group"]
    code, _, error = run("--socket", f"{directory}/s", "--data-dir", f"{directory}/d", *group)
    assert code > 0 and "no-such-group" in error


def test_the_log_says_where_it_listens_and_that_it_stops(own_daemon):
    own_daemon.stop()
    log = own_daemon.log()
    assert own_daemon.socket_path in log
    assert all(line.strip() for line in log.splitlines()), "one line an event"


def test_two_daemons_side_by_side_keep_apart(start_daemon):
    first, second = start_daemon().connect(), start_daemon().connect()
    first.call("put", "durable", "k", 1)
    assert second.call("get", "durable", "k") is None
