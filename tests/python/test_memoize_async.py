"""memoize by tasks, where it differs from threads: cancellation, loops, and who counts as inside of a computation."""

import asyncio
import inspect
import os
import threading
import time

import pytest

import pannier

pytestmark = pytest.mark.usefixtures("process_daemon")


def test_an_async_function_stays_one_and_is_computed_once_however_many_ask(client, new_name):
    calls, go_on = [], asyncio.Event()

    @pannier.memoize(name=new_name())
    async def slow(n):
        calls.append(n)
        await go_on.wait()
        return n

    async def main():
        before = client.info().server.connections
        results = asyncio.gather(*(slow(n % 2) for n in range(300)))
        while client.info().server.lease_waiters < 2:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        # One for requests, and one for each key that somebody waits for.
        assert client.info().server.connections - before <= 3
        go_on.set()
        assert await results == [n % 2 for n in range(300)]
        assert calls == [0, 1]
        assert (await slow.cache_info()).currsize == 2
        assert await slow.invalidate(0) and not await slow.invalidate(0)
        await slow.cache_clear()
        assert await slow(1) == 1 and calls == [0, 1, 1]

    assert inspect.iscoroutinefunction(slow) and inspect.iscoroutinefunction(slow.__wrapped__)
    asyncio.run(main())


def test_an_exception_reaches_its_caller_and_those_who_wait_compute_one_after_the_other(new_name):
    running = []

    @pannier.memoize(name=new_name())
    async def failing():
        running.append(1)
        assert len(running) == 1, "two compute at once"
        await asyncio.sleep(0.01)
        running.pop()
        raise LookupError

    async def main():
        results = await asyncio.gather(*(failing() for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [LookupError] * 5

    asyncio.run(main())


def test_a_task_that_is_canceled_gives_its_computation_to_the_next(new_name):
    computing = []

    @pannier.memoize(name=new_name(), lease=60)
    async def value():
        computing.append(1)
        await asyncio.sleep(3600 if len(computing) == 1 else 0)
        return len(computing)

    async def main():
        first = asyncio.create_task(value())
        while not computing:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(value()) for _ in range(3)]
        await asyncio.sleep(0.02)
        others[0].cancel()
        first.cancel()
        async with asyncio.timeout(20):
            assert await asyncio.gather(*others[1:]) == [2, 2]
            assert await value() == 2

    asyncio.run(main())


def test_tasks_and_threads_that_a_computation_starts_are_inside_of_it(new_name):
    @pannier.memoize(name=new_name(), lease=60, key=lambda depth: None)
    async def by_tasks(depth):
        if depth == 0:
            return 1
        return sum(await asyncio.gather(by_tasks(depth - 1), by_tasks(depth - 1)))

    @pannier.memoize(name=new_name(), lease=60, key=lambda depth: None)
    def by_threads(depth):
        return 1 if depth == 0 else asyncio.run(asyncio.to_thread(by_threads, depth - 1))

    start = time.monotonic()
    assert asyncio.run(by_tasks(3)) == 8
    assert by_threads(3) == 1
    assert time.monotonic() - start < 10


def test_a_task_that_outlives_the_computation_that_started_it_uses_the_cache(new_name):
    calls = []

    @pannier.memoize(name=new_name(), lease=60)
    async def value():
        calls.append(1)
        if len(calls) == 1:
            value.later = asyncio.create_task(ask_later())
        return len(calls)

    async def ask_later():
        await asyncio.sleep(0.05)
        return await value()

    async def main():
        assert await value() == 1
        assert await value.later == 1

    asyncio.run(main())


def test_loops_in_several_threads_and_one_after_the_other_share_the_results(new_name):
    calls = []

    @pannier.memoize(name=new_name())
    async def value(n):
        calls.append(n)
        await asyncio.sleep(0.05)
        return n

    threads = [threading.Thread(target=lambda: asyncio.run(value(1))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(value(1)) == 1
    assert calls == [1]


def test_a_forked_child_has_a_client_of_its_own(new_name):
    @pannier.memoize(name=new_name())
    async def value(n):
        return n

    async def parent():
        await value(1)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if asyncio.run(value(2)) == 2 else 1
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        assert (await value.cache_info()).currsize == 2

    asyncio.run(parent())


def test_while_one_refreshes_a_stale_result_the_others_get_it_at_once(new_name):
    async def main():
        values = iter(["old", "new"])
        refreshing, go_on = asyncio.Event(), asyncio.Event()

        @pannier.memoize(name=new_name(), ttl=0.05, stale=60)
        async def value():
            found = next(values)
            if found == "new":
                refreshing.set()
                await go_on.wait()
            return found

        assert await value() == "old"
        await asyncio.sleep(0.06)
        refreshed = asyncio.create_task(value())
        await refreshing.wait()
        assert [await value(), await value()] == ["old", "old"]
        go_on.set()
        assert await refreshed == "new"

    asyncio.run(main())


def test_without_a_daemon_calls_compute_and_hardly_wait(let_find, tmp_path):
    let_find(str(tmp_path / "none"))

    @pannier.memoize(name="f")
    async def function(n):
        return n

    @pannier.memoize(name="f", on_error="raise")
    async def raising(n):
        return n

    async def main():
        start = time.monotonic()
        assert [await function(n) for n in range(500)] == list(range(500))
        assert time.monotonic() - start < 2
        with pytest.raises(pannier.ConnectionError):
            await raising(1)
        with pytest.raises(pannier.ConnectionError):
            await function.invalidate(1)

    asyncio.run(main())
