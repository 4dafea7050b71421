"""memoize while the daemon is away, hangs, dies and comes back: no exception reaches callers, and nobody waits for long."""

import asyncio
import logging
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import pannier


@pytest.fixture
def use(let_find):
    """use(path, options of connect...): makes the daemon with that socket the one of this process."""

    def use_path(path, **options):
        let_find(path)
        pannier.config.settings.client = pannier.connect(path, **options)

    return use_path


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_without_a_daemon_calls_compute_and_hardly_wait(use, tmp_path, caplog):
    use(str(tmp_path / "none"))
    calls = []

    @pannier.memoize(name="f")
    def function(n):
        calls.append(n)
        return n

    start = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="pannier"):
        assert [function(n % 10) for n in range(1000)] == [n % 10 for n in range(1000)]
    assert time.monotonic() - start < 2
    assert len(calls) == 1000
    assert len(caplog.records) == 1 and "is away" in caplog.records[0].message
    for method in (function.cache_info, function.cache_clear, lambda: function.invalidate(1)):
        with pytest.raises(pannier.ConnectionError):
            method()


def test_who_asks_for_errors_gets_them(use, tmp_path):
    use(str(tmp_path / "none"))
    raising = pannier.memoize(name="f", on_error="raise")(lambda n: n)
    for _ in range(3):
        with pytest.raises(pannier.ConnectionError):
            raising(1)
    pannier.configure(on_error="raise")
    with pytest.raises(pannier.ConnectionError):
        pannier.memoize(name="f")(lambda n: n)(1)
    assert pannier.memoize(name="f", on_error="compute")(lambda n: n)(1) == 1


def test_a_daemon_that_is_back_is_used_again(use, own_daemon):
    use(own_daemon.socket_path)
    calls = []

    @pannier.memoize(name="f")
    def function():
        calls.append(1)
        return len(calls)

    assert [function(), function()] == [1, 1]
    own_daemon.kill9()
    assert [function(), function()] == [2, 3]
    own_daemon.start()
    eventually(lambda: function() == function())


def test_a_daemon_that_hangs_costs_one_time_out_now_and_then(use, own_daemon):
    use(own_daemon.socket_path, timeout=0.1)
    calls = []

    @pannier.memoize(name="f")
    def function(n):
        calls.append(n)
        return n

    assert function(0) == 0
    own_daemon.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    assert function(0) == 0
    waited = time.monotonic() - start
    assert [function(n) for n in range(100)] == list(range(100))
    # Each of them would have waited as long.
    assert time.monotonic() - start - waited < 5
    own_daemon.send_signal(signal.SIGCONT)
    # It is asked again ten time-outs after the last one.
    eventually(lambda: calls.append("asked") or function(0) == 0 and calls[-1] == "asked")


def test_a_daemon_that_hangs_while_others_wait_for_a_result_holds_nobody_up(use, own_daemon):
    use(own_daemon.socket_path, timeout=0.1)
    computing, go_on = threading.Event(), threading.Event()

    @pannier.memoize(name="f", lease=0.3)
    def function():
        if not computing.is_set():
            computing.set()
            assert go_on.wait(20)
        return 1

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(function)]
        assert computing.wait(20)
        results += [pool.submit(function) for _ in range(3)]
        time.sleep(0.1)
        own_daemon.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        assert [result.result() for result in results[1:]] == [1, 1, 1]
        go_on.set()
        assert results[0].result() == 1
        assert time.monotonic() - start < 5
    own_daemon.send_signal(signal.SIGCONT)


RESTARTS = 4


@pytest.fixture
def restarting(own_daemon):
    """A daemon that is killed and started again and again while the test goes on; `is_over` at the end."""
    own_daemon.is_over = threading.Event()
    own_daemon.failure = None

    def restart():
        try:
            for _ in range(RESTARTS):
                time.sleep(0.15)
                own_daemon.kill9()
                time.sleep(0.05)
                own_daemon.start()
        except BaseException as failure:
            own_daemon.failure = failure
        finally:
            own_daemon.is_over.set()

    thread = threading.Thread(target=restart)
    thread.start()
    yield own_daemon
    thread.join()
    assert own_daemon.failure is None


def test_no_exception_reaches_eight_threads_while_the_daemon_is_killed_and_restarted(use, restarting):
    use(restarting.socket_path)
    computed = []

    @pannier.memoize(name="f", lease=5)
    def square(n):
        computed.append(n)
        time.sleep(0.001)
        return n * n

    def call_on():
        calls = 0
        while not restarting.is_over.is_set():
            n = random.randrange(30)
            assert square(n) == n * n
            calls += 1
        return calls

    with ThreadPoolExecutor(8) as pool:
        calls = [future.result() for future in [pool.submit(call_on) for _ in range(8)]]
    assert min(calls) > RESTARTS
    # It was used in between, and is again.
    assert len(computed) < sum(calls)
    eventually(lambda: square.cache_info().currsize >= 0 and [square(1), len(computed)] == [square(1), len(computed)])


def test_no_exception_reaches_eight_tasks_while_the_daemon_is_killed_and_restarted(use, restarting):
    use(restarting.socket_path)
    computed = []

    @pannier.memoize(name="f", lease=5)
    async def square(n):
        computed.append(n)
        await asyncio.sleep(0.001)
        return n * n

    async def call_on():
        calls = 0
        while not restarting.is_over.is_set():
            n = random.randrange(30)
            assert await square(n) == n * n
            calls += 1
            await asyncio.sleep(0)
        return calls

    async def main():
        calls = await asyncio.gather(*(call_on() for _ in range(8)))
        assert min(calls) > RESTARTS and len(computed) < sum(calls)

    asyncio.run(main())
