"""Which daemon a client finds, and what it raises when that is away, slow, or something else."""

import inspect
import math
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

import pannier
from pannier import errors


def test_a_path_is_found_by_argument_then_configure_then_environment(daemon, let_find):
    let_find("/nowhere/of/environment")
    assert pannier.connect().path == "/nowhere/of/environment"
    pannier.configure(path=Path("/nowhere/configured"))
    assert pannier.connect().path == "/nowhere/configured"
    pannier.connect(Path(daemon.socket_path)).ping()


def test_the_default_path_is_that_of_the_daemon(let_find, monkeypatch):
    let_find("")
    assert pannier.connect().path == "/run/pannier/pannier.sock"


@pytest.mark.parametrize("name", ["DurableCache", "ExpiringDict", "connect", "lru_cache", "memoize", "memoized"])
def test_help_names_every_parameter(name):
    told = inspect.getdoc(getattr(pannier, name))
    parameters = set(inspect.signature(getattr(pannier, name)).parameters) - {"function"}
    assert {each for each in parameters if f"`{each}`" not in told} == set()


def test_the_client_for_asyncio_is_there_without_an_import_that_others_would_wait_for():
    program = "import sys, pannier; assert 'asyncio' not in sys.modules; print(pannier.aio.connect('/a').path)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "/a\n"
    with pytest.raises(AttributeError, match="'pannier' has no attribute 'oia'"):
        pannier.oia  # noqa: B018


def test_the_version_is_that_of_the_project():
    text = (Path(__file__).resolve().parents[2] / "CMakeLists.txt").read_text(encoding="utf-8")
    assert pannier.__version__ == re.search(r"^\s+VERSION (\S+)$", text, re.M)[1]


@pytest.mark.parametrize("connect", [pannier.connect, pannier.aio.connect], ids=["threads", "asyncio"])
@pytest.mark.parametrize("name", ["timeout", "connect_timeout", "slow_timeout"])
@pytest.mark.parametrize("wrong", [0, 1e-9, timedelta(0), -1, math.nan, None, "5"], ids=repr)
def test_a_time_out_in_which_nothing_could_be_done_is_refused_by_its_name(connect, name, wrong):
    with pytest.raises((ValueError, TypeError), match=f"^{name} is "):
        connect("/nowhere", **{name: wrong})


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (None, TypeError)])
def test_a_pool_without_a_connection_is_refused(wrong, error):
    with pytest.raises(error, match="^pool_size is "):
        pannier.connect("/nowhere", pool_size=wrong)


def test_the_default_client_is_one_for_all_threads(process_daemon):
    clients = []
    threads = [threading.Thread(target=lambda: clients.append(pannier.default_client())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(clients) == {pannier.default_client()}
    pannier.configure(path=process_daemon.socket_path)
    assert pannier.default_client() is not clients[0]
    clients[0].ping()


def test_configure_refuses_what_it_does_not_know(process_daemon):
    with pytest.raises(pannier.InvalidArgument, match="'compute' or 'raise'"):
        pannier.configure(on_error="ignore")


def test_a_missing_daemon_is_a_connection_error_with_its_path():
    with pytest.raises(ConnectionError) as caught:
        pannier.connect("/nowhere/p.sock").ping()
    error = caught.value
    assert isinstance(error, pannier.ConnectionError)
    assert (error.errno, error.may_have_run) == (2, False)
    assert str(error) == "cannot connect to /nowhere/p.sock: No such file or directory"


def test_a_restarted_daemon_is_found_again(own_daemon):
    with pannier.connect(own_daemon.socket_path) as client:
        cache = client.cache("durable")
        cache.put("k", 1)
        for _ in range(3):
            own_daemon.restart()
            assert cache.get("k") == 1
            own_daemon.restart()
            assert cache.increment("k", 0) == 1


def test_a_daemon_that_dies_while_one_waits_is_a_connection_error(own_daemon):
    with pannier.connect(own_daemon.socket_path) as client:
        cache = client.cache("lru")
        held = cache.lease("k").lease
        killer = threading.Timer(0.1, own_daemon.kill9)
        killer.start()
        with pytest.raises(pannier.ConnectionError) as caught:
            cache.lease("k", wait=30)
        assert caught.value.may_have_run
        with pytest.raises(pannier.TransportError):
            held.put(1)
        killer.join()
        own_daemon.start()
        assert cache.lease("k").lease.put(2) is not None


def test_a_daemon_that_does_not_answer_is_a_timeout(own_daemon):
    with pannier.connect(own_daemon.socket_path, timeout=0.1) as client:
        client.ping()
        own_daemon.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError) as caught:
                client.cache("lru").put("k", 1)
        finally:
            own_daemon.send_signal(signal.SIGCONT)
        assert isinstance(caught.value, pannier.TimeoutError)
        assert caught.value.may_have_run
        client.ping()


def test_another_server_is_a_protocol_error(tmp_path):
    path = str(tmp_path / "s")
    with socket.create_server(path, family=socket.AF_UNIX) as server:

        def greet():
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                peer.recv(100)

        thread = threading.Thread(target=greet)
        thread.start()
        with pannier.connect(path) as client, pytest.raises(pannier.ProtocolError):
            client.ping()
        thread.join()


def test_every_code_of_the_protocol_has_a_class_of_its_own():
    text = (Path(__file__).resolve().parents[2] / "protocol/PROTOCOL.md").read_text(encoding="utf-8")
    table = text.split("## Errors")[1].split("## Keys")[0]
    codes = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    kinds = {type(errors.server_error(f"{code}: words")) for code in codes}
    assert len(kinds) == len(codes) == 12
    assert pannier.ServerError not in kinds
    assert errors.server_error("unknown_cache: words").code == "unknown_cache"
    newer = errors.server_error("too_new: words")
    assert (type(newer), newer.code) == (pannier.ServerError, "too_new")


@pytest.mark.parametrize(
    "error",
    [pannier.ConnectionError("gone", True, 104), pannier.TimeoutError("late", True), pannier.Denied("denied: no")],
    ids=lambda error: type(error).__name__,
)
def test_errors_travel_between_processes(error):
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found)) == (type(error), str(error))
    assert vars(found) == vars(error)
    assert getattr(found, "errno", None) == getattr(error, "errno", None)


def test_hello_tells_the_daemon_and_its_limits(client, daemon):
    hello = client.hello()
    assert (hello.server, hello.protocol, hello.pid) == ("pannierd", 1, daemon.pid)
    assert hello.limits["max_key"] == 65535
    with pytest.raises(pannier.TooLarge):
        client.cache("lru").get("k" * 65536)
    with pytest.raises(pannier.UnknownMethod):
        client.call("levitate", 1)


def test_a_client_that_spins_long_or_not_at_all_answers_the_same(daemon):
    for spin in (0, 0.01):
        with pannier.connect(daemon.socket_path, spin=spin) as client:
            cache = client.cache("lru")
            cache.put("k", spin)
            assert cache.get("k") == spin
            assert cache.lease("absent", wait=0).lease.release() is True


def test_a_lease_that_is_left_goes_to_the_next_who_waits(cache):
    with cache.lease("k").lease:
        assert cache.lease("k", wait=0).lease is None
    with cache.lease("k").lease as held:
        assert held.token > 0
        held.put("v", ttl=60)
        with pytest.raises(pannier.InvalidArgument):
            held.put("again")
    assert cache.get("k") == "v"
    found = cache.lease("k")
    assert (found.value, found.found, found.stale, found.lease) == ("v", True, False, None)


def test_a_lease_of_a_stale_value_brings_both(cache):
    cache.put("k", "old", ttl=0, stale=60)
    found = cache.lease("k")
    assert (found.value, found.stale) == ("old", True)
    assert cache.lease("k")[:3] == ("old", True, True)
    found.lease.put("new")
    assert cache.get("k") == "new"


def test_a_lease_is_used_by_one_thread_at_a_time(own_daemon):
    with pannier.connect(own_daemon.socket_path) as client:
        held = client.cache("lru").lease("k").lease
        own_daemon.send_signal(signal.SIGSTOP)
        thread = threading.Thread(target=held.release)
        thread.start()
        try:
            thread.join(0.1)
            with pytest.raises(pannier.InvalidArgument, match="another thread"):
                held.put(1)
        finally:
            own_daemon.send_signal(signal.SIGCONT)
            thread.join()
