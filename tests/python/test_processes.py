"""Clients across fork, threads, signals, copies and the end of the interpreter."""

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import pannier


def in_child(act):
    """Whether act() returned True in a forked child, which ends without cleaning up what it inherited."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if act() is True else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_parent_and_child_go_on_with_one_client(cache):
    cache.put("from", "parent")
    assert in_child(lambda: cache.get("from") == "parent" and bool(cache.put("from", "child")))
    assert cache.get("from") == "child"


def test_a_child_that_closes_its_client_leaves_the_parents_connection(own_daemon):
    with pannier.connect(own_daemon.socket_path, pool_size=1) as client:
        cache = client.cache("lru")
        lease = cache.lease("k").lease
        connections = client.info().server.connections

        def close():
            client.close()
            return True

        assert in_child(close)
        assert client.info().server.connections == connections
        assert lease.put("computed") is not None
        assert cache.get("k") == "computed"


def test_a_lease_is_void_in_a_child(cache):
    found = cache.lease("k")

    def put():
        with pytest.raises(pannier.ConnectionError):
            found.lease.put("from the child")
        return cache.lease("k", wait=0).lease is None

    assert in_child(put)
    assert found.lease.put("from the parent") is not None


def test_a_child_of_a_busy_thread_has_its_own_connections(cache):
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            cache.get("k")

    cache.put("k", 1)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert all(in_child(lambda: cache.get("k") == 1) for _ in range(20))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _count(path, name, count):
    cache = pannier.connect(path).cache(name)
    for _ in range(count):
        cache.increment("n")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_what_they_count(daemon, cache, method):
    context = multiprocessing.get_context(method)
    arguments = (daemon.socket_path, cache.name, 100)
    processes = [context.Process(target=_count, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert cache.get("n") == 300


def test_eight_threads_share_one_client(cache):
    failures = []

    def work(number):
        try:
            for turn in range(200):
                cache.put(f"{number}", [number, turn])
                assert cache.get(f"{number}") == [number, turn]
                cache.increment("n")
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert cache.get("n") == 1600
    assert cache.client.info().server.connections <= 6


def test_other_threads_run_while_one_waits(cache):
    lease = cache.lease("k").lease
    found = []
    waiter = threading.Thread(target=lambda: found.append(cache.lease("k", wait=30)))
    waiter.start()
    time.sleep(0.05)
    lease.put("computed")
    waiter.join(10)
    assert found[0].value == "computed"


def test_a_closed_client_refuses_and_a_thread_inside_finishes(daemon):
    client = pannier.connect(daemon.socket_path)
    cache = client.cache("lru")
    lease = cache.lease("closed").lease
    found = []
    waiter = threading.Thread(target=lambda: found.append(cache.lease("closed", wait=30)))
    waiter.start()
    while client.info().server.lease_waiters == 0:
        time.sleep(0.001)
    client.close()
    with pytest.raises(pannier.InvalidArgument, match="closed"):
        cache.get("k")
    lease.put(1)
    waiter.join(10)
    assert found[0].value == 1


def test_a_signals_exception_ends_a_request_that_waits(cache):
    class Enough(Exception):
        pass

    def enough(number, frame):
        raise Enough

    held = cache.lease("k").lease
    old = signal.signal(signal.SIGALRM, enough)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        start = time.monotonic()
        with pytest.raises(Enough):
            cache.lease("k", wait=30)
        assert time.monotonic() - start < 10
    finally:
        signal.signal(signal.SIGALRM, old)
    assert held.put(1) is not None
    assert cache.get("k") == 1


def test_a_signal_whose_handler_returns_does_not_end_a_request(cache):
    seen = []
    held = cache.lease("k").lease
    old = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        found = cache.lease("k", wait=0.3)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert seen == [signal.SIGALRM]
    assert (found.found, found.lease) == (False, None)
    held.release()


def test_copies_are_clients_of_their_own(cache):
    cache.put("k", (1, 2))
    for made in (copy.copy(cache), copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert made.get("k") == (1, 2)
    made = pickle.loads(pickle.dumps(cache.client))
    made.close()
    assert cache.get("k") == (1, 2)
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(cache.lease("other").lease)


def run_program(daemon, source):
    """The process of a program that has ended by itself."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={**os.environ, "PANNIER_SOCKET": daemon.socket_path}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("turn", range(3))
def test_a_program_ends_while_daemon_threads_ask(daemon, turn):
    done = run_program(
        daemon,
        """
        import threading, time
        import pannier

        cache = pannier.connect().cache("lru")
        cache.put("k", {"a": (1, 2)})

        def ask():
            while True:
                cache.get("k")
                cache.put("k", {"a": (1, 2)})
                cache.get_many(["k", "l"])

        def wait():
            cache.lease("held")
            cache.lease("held", wait=1000)

        for target in [ask] * 4 + [wait]:
            threading.Thread(target=target, daemon=True).start()
        time.sleep(0.2)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_client_can_be_used_while_the_interpreter_ends(daemon):
    done = run_program(
        daemon,
        """
        import atexit
        import pannier

        cache = pannier.connect().cache("lru")

        class Last:
            def __del__(self):
                cache.put("last", 1)
                print(cache.get("last"))

        last = Last()
        atexit.register(lambda: print(cache.lease("last words").lease.put("bye")is not None))
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n1\n", "")


def test_the_package_is_imported_without_what_it_seldom_needs(daemon):
    done = run_program(
        daemon,
        """
        import sys
        import pannier
        print([name for name in ("asyncio", "django", "multiprocessing", "ssl") if name in sys.modules])
        """,
    )
    assert done.stdout == "[]\n"
