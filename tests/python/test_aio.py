"""pannier.aio against the daemon: the methods, many requests at once, cancellation, leases, loops and forks."""

import asyncio
import gc
import inspect
import os
import threading
import time

import pytest

import pannier
import pannier.aio


@pytest.fixture
def run(daemon, new_name):
    """run(test): runs `test(client, cache)` in a loop of its own, with a new cache."""

    def run_test(test, **settings):
        async def main():
            async with pannier.aio.connect(daemon.socket_path, **settings) as client:
                await test(client, await client.cache(new_name(), "lru"))

        asyncio.run(main())
        daemon.check()

    return run_test


async def settle(condition):
    """Waits until `await condition()`, which has to be soon."""
    deadline = time.monotonic() + 20
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", ["Client", "Cache", "Lease"])
def test_the_twins_have_the_same_methods_with_the_same_parameters(name):
    def methods(cls):
        members = inspect.getmembers(cls, inspect.isfunction)
        return {name: parameters(member) for name, member in members if not name.startswith("_")}

    def parameters(method):
        return [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]

    twins, awaited = (methods(getattr(module, name)) for module in (pannier, pannier.aio))
    assert awaited == twins


async def has_waiters(client, count):
    return (await client.info()).server.lease_waiters == count


def test_the_methods_of_a_cache_answer_as_those_of_the_other_client(run):
    async def test(client, cache):
        first = await cache.put("a", {"x": [1, None]}, ttl=50)
        assert await cache.get("a") == {"x": [1, None]}
        assert await cache.get("b", "none") == "none"
        entry = await cache.get_entry(b"a")
        assert (entry.value, entry.version) == ({"x": [1, None]}, first) and 0 < entry.ttl <= 50
        assert await cache.get_entry("b") is None
        assert await cache.put("a", 1, if_absent=True) is None
        assert await cache.put("a", 1, if_version=first, ttl=pannier.NEVER) > first
        assert (await cache.get_entry("a")).ttl is None
        assert await cache.increment("a", 4) == 5
        assert await cache.increment("n", 2, initial=10) == 12
        assert set(await cache.put_many({"m": None, b"\xff": 2})) == {"m", b"\xff"}
        with pytest.raises(TypeError, match="entries is a mapping, or an iterable of pairs"):
            await cache.put_many(["m"])
        assert list(await cache.put_many([("m", None)])) == ["m"]
        assert await cache.get_many(["m", b"\xff", "gone"]) == {"m": None, b"\xff": 2}
        assert {key async for key in cache.keys()} == {"a", "n", "m", b"\xff"}
        assert [key async for key in cache.keys("m")] == ["m"]
        assert await cache.touch("m", ttl=5) and not await cache.touch("gone")
        assert await cache.delete_many(["m", "gone"]) == 1
        assert await cache.delete("a") and not await cache.delete("a")
        assert await cache.get_raw("n") == b"\x0c"
        assert await cache.put_raw("r", b"\xa1r") and await cache.get("r") == "r"
        assert await cache.clear("r") == 1 and await cache.clear() == 2
        info = await cache.info()
        assert (info.tier, info.currsize, info.hits) == ("lru", 0, 7)
        assert await cache.drop() and not await cache.drop()

    run(test)


def test_the_methods_of_a_client_answer_as_those_of_the_other_client(run, daemon):
    async def test(client, cache):
        await client.ping()
        assert (await client.hello()).pid == daemon.pid
        assert cache.name in (await client.info()).caches
        assert await client.call("get", cache.name, "k") is None
        assert not await client.open(cache.name, "lru")
        with pytest.raises(pannier.Conflict):
            await client.cache(cache.name, "lru", max_entries=5)
        assert (await client.sync()).duration >= 0
        assert await client.drop(cache.name)
        with pytest.raises(pannier.UnknownCache):
            await cache.get("k")

    run(test)


def test_durations_are_seconds_or_timedeltas_and_wrong_arguments_are_told(run):
    async def test(client, cache):
        for wrong in (-1, float("nan"), 1e300):
            with pytest.raises(pannier.InvalidArgument, match="ttl"):
                await cache.put("k", 1, ttl=wrong)
        with pytest.raises(TypeError, match="ttl"):
            await cache.put("k", 1, ttl="1")
        with pytest.raises(TypeError, match="key is str or bytes, not int"):
            await cache.get(1)
        with pytest.raises(pannier.InvalidArgument, match="exclude"):
            await cache.put("k", 1, if_absent=True, if_present=True)
        for packed in (b"", b"\x01\x01", b"\x92\x01", b"\xc1"):
            with pytest.raises(pannier.InvalidArgument):
                await cache.put_raw("k", packed)
        with pytest.raises(pannier.BadRequest):
            await cache.get("")

    run(test)


def test_a_serializer_of_ones_own_makes_the_values(run):
    async def test(client, cache):
        as_json = await client.cache(cache.name, serializer="json")
        await as_json.put("k", {"a": 1})
        assert await as_json.get("k") == {"a": 1}
        assert await cache.get("k") == b'{"a":1}'

    run(test)


def test_a_thousand_requests_at_once_share_one_connection_and_get_their_own_replies(run, daemon):
    async def test(client, cache):
        before = (await client.info()).server.connections
        await cache.put_many({f"k{i}": i for i in range(1000)})
        values = await asyncio.gather(*(cache.get(f"k{i}") for i in range(1000)))
        assert values == list(range(1000))
        assert (await client.info()).server.connections == before

    run(test)


def test_large_values_and_small_ones_do_not_disturb_each_other(run):
    async def test(client, cache):
        large = [bytes([i]) * (1 << 20) for i in range(4)]
        await asyncio.gather(*(cache.put(f"l{i}", value) for i, value in enumerate(large)), cache.put("s", 1))
        got = await asyncio.gather(*(cache.get(f"l{i}") for i in range(4)), *(cache.get("s") for _ in range(50)))
        assert got[:4] == large and got[4:] == [1] * 50

    run(test)


def test_a_canceled_request_leaves_the_connection_to_the_others(run):
    async def test(client, cache):
        await cache.put_many({f"k{i}": i for i in range(200)})
        before = (await client.info()).server.connections
        tasks = [asyncio.create_task(cache.get(f"k{i}")) for i in range(200)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
        assert results[1::2] == list(range(1, 200, 2))
        assert (await client.info()).server.connections == before

    run(test)


def test_a_canceled_put_that_was_begun_is_sent_whole(run):
    async def test(client, cache):
        large = b"x" * (2 << 20)
        task = asyncio.create_task(cache.put("large", large))
        await asyncio.sleep(0)
        task.cancel()
        assert await cache.put("small", 1)
        assert await cache.get("small") == 1
        assert await cache.get("large") in (None, large)

    run(test)


def test_one_computes_and_the_others_wait_for_its_value(run):
    async def test(client, cache):
        granted = await cache.lease("k")
        assert granted.lease and not granted.found
        others = [asyncio.create_task(cache.lease("k")) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert await granted.lease.put("v", ttl=60) is not None
        assert {(other.value, other.found) for other in await asyncio.gather(*others)} == {("v", True)}
        with pytest.raises(pannier.InvalidArgument):
            await granted.lease.put("again")

    run(test)


def test_a_hundred_tasks_that_wait_for_one_key_hold_one_more_connection(run):
    async def test(client, cache):
        before = (await client.info()).server.connections
        granted = await cache.lease("k")
        others = [asyncio.create_task(cache.lease("k")) for _ in range(100)]
        await settle(lambda: has_waiters(client, 1))
        await asyncio.sleep(0.05)
        server = (await client.info()).server
        assert (server.connections, server.lease_waiters) == (before + 1, 1)
        await granted.lease.put(1)
        await asyncio.gather(*others)

    run(test)


def test_a_wait_is_over_in_time_wherever_it_waits(run):
    async def test(client, cache):
        async with (await cache.lease("k")).lease:
            start = time.monotonic()
            waits = [cache.lease("k", wait=0.2) for _ in range(3)]
            for result in await asyncio.gather(cache.lease("k", wait=0), *waits):
                assert not result.found and result.lease is None
            assert 0.19 <= time.monotonic() - start < 5

    run(test)


def test_a_holder_that_is_canceled_gives_the_lease_to_the_next(run):
    async def test(client, cache):
        computing = asyncio.Event()

        async def compute():
            async with (await cache.lease("k", duration=3600)).lease:
                computing.set()
                await asyncio.sleep(3600)

        holder = asyncio.create_task(compute())
        await computing.wait()
        other = asyncio.create_task(cache.lease("k", wait=60))
        await asyncio.sleep(0.02)
        holder.cancel()
        async with asyncio.timeout(20):
            assert (await other).lease is not None

    run(test)


def test_a_canceled_wait_is_over_for_the_daemon_too(run):
    async def test(client, cache):
        async with (await cache.lease("k")).lease:
            waiting = asyncio.create_task(cache.lease("k", wait=3600))
            await settle(lambda: has_waiters(client, 1))
            waiting.cancel()
            await settle(lambda: has_waiters(client, 0))

    run(test)


@pytest.mark.parametrize("passes", range(6))
def test_a_token_that_nobody_waits_for_any_more_is_released(run, passes):
    async def test(client, cache):
        asking = asyncio.create_task(cache.lease("k", duration=3600))
        for _ in range(passes):
            await asyncio.sleep(0)
        time.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        # It may have come in time; then it is forgotten here.
        del asking
        gc.collect()
        async with asyncio.timeout(20):
            assert (await cache.lease("k", wait=3600)).lease is not None

    run(test)


def test_a_value_that_cannot_be_read_holds_neither_lease_nor_connection(run):
    async def test(client, cache):
        before = (await client.info()).server.connections
        as_json = await client.cache(cache.name, serializer="json")
        await cache.put("stale", "text", ttl=0, stale=60)
        canceled = asyncio.create_task(as_json.lease("stale", duration=3600))
        await asyncio.sleep(0)
        canceled.cancel()
        with pytest.raises(pannier.UnpackError):
            await as_json.lease("stale", duration=3600)
        gc.collect()
        await client.ping()
        stale = await cache.lease("stale")
        assert (stale.value, stale.stale) == ("text", True) and await stale.lease.release()

        async with (await cache.lease("k")).lease as lease:
            waiting = asyncio.create_task(as_json.lease("k"))
            await asyncio.sleep(0.05)
            await lease.put("text")
        with pytest.raises(pannier.UnpackError):
            await waiting
        assert await cache.lease("k") == pannier.aio.LeaseResult("text", True, False, None)
        assert (await client.info()).server.connections <= before + 1

    run(test)


def test_a_lease_that_is_forgotten_is_released(run):
    async def test(client, cache):
        await cache.lease("k", duration=3600)
        gc.collect()
        async with asyncio.timeout(20):
            assert (await cache.lease("k", wait=3600)).lease is not None

    run(test)


def test_a_client_that_is_forgotten_closes_its_connections(run, daemon):
    async def test(client, cache):
        before = (await client.info()).server.connections
        other = pannier.aio.connect(daemon.socket_path)
        async with (await (await other.cache(cache.name)).lease("k")).lease:
            await (await other.cache(cache.name)).lease("k", wait=0.01)
            assert (await client.info()).server.connections == before + 2
        del other
        gc.collect()
        await settle(lambda: is_back_at(client, before))

    async def is_back_at(client, count):
        return (await client.info()).server.connections == count

    run(test)


def test_a_client_that_is_closed_says_so(daemon):
    async def main():
        async with pannier.aio.connect(daemon.socket_path) as client:
            cache = await client.cache("lru")
            reading, writing = asyncio.create_task(cache.get("k")), asyncio.create_task(cache.put("k", 1))
            await asyncio.sleep(0)
        for waiting in (reading, writing):
            with pytest.raises(pannier.ConnectionError):
                await waiting
        with pytest.raises(pannier.InvalidArgument, match="closed"):
            await cache.get("k")

    asyncio.run(main())


def test_a_stale_value_comes_with_a_token_for_one_and_without_for_the_others(run):
    async def test(client, cache):
        await cache.put("k", "old", ttl=0, stale=60)
        first, second = await cache.lease("k"), await cache.lease("k")
        assert (first.value, first.stale, second.value, second.stale) == ("old", True, "old", True)
        assert second.lease is None
        assert await first.lease.put("new") is not None
        assert await cache.lease("k") == pannier.aio.LeaseResult("new", True, False, None)

    run(test)


def test_a_client_belongs_to_one_loop_until_that_is_closed(daemon):
    client = pannier.aio.connect(daemon.socket_path)
    for _ in range(2):
        asyncio.run(client.ping())

    async def use_from_two_loops():
        await client.ping()
        raised = []

        def other():
            try:
                asyncio.run(client.ping())
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(raised) == 1
        await client.ping()

    asyncio.run(use_from_two_loops())


def test_a_forked_child_begins_anew_and_leaves_the_connections_of_its_parent_alone(daemon, new_name):
    name = new_name()

    async def child(client):
        assert await (await client.cache(name)).get("k") == "v"

    async def parent():
        async with pannier.aio.connect(daemon.socket_path) as client:
            cache = await client.cache(name, "lru")
            await cache.put("k", "v")
            held = await cache.lease("held")
            on_its_way = asyncio.create_task(cache.get("k"))
            await asyncio.sleep(0)
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    held.lease.close()
                    asyncio.run(child(client))
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(pid, 0)[1] == 0
            assert await on_its_way == "v"
            assert await held.lease.put(1) is not None

    asyncio.run(parent())
    daemon.check()
