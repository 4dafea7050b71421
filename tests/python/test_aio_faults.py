"""pannier.aio when the daemon is away, hangs, restarts or talks nonsense."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
import time

import msgpack
import pytest

import pannier
import pannier.aio


@pytest.fixture
def path():
    with tempfile.TemporaryDirectory(prefix="pannier-") as directory:
        yield os.path.join(directory, "s")


def test_without_a_daemon_requests_say_so_at_once(path):
    async def main():
        cache = await pannier.aio.connect(path).cache("lru")
        with pytest.raises(pannier.ConnectionError) as raised:
            await cache.get("k")
        assert path in str(raised.value) and not raised.value.may_have_run
        assert isinstance(raised.value, ConnectionError) and raised.value.errno == 2

    asyncio.run(main())


def test_a_restart_of_the_daemon_between_two_requests_is_not_noticed(own_daemon):
    async def main():
        async with pannier.aio.connect(own_daemon.socket_path) as client:
            cache = await client.cache("durable")
            await cache.put("n", 1, sync=True)
            own_daemon.restart()
            # The loop has had no time to see that the connection ended.
            assert await cache.increment("n") == 2
            await asyncio.sleep(0.05)
            own_daemon.restart()
            await asyncio.sleep(0.05)
            assert await cache.increment("n") == 3

    asyncio.run(main())


def test_writes_behind_a_request_that_was_too_large_are_not_lost(own_daemon):
    async def main():
        async with pannier.aio.connect(own_daemon.socket_path) as client:
            cache = await client.cache("lru")
            for number in range(5):
                with pytest.raises(pannier.TooLarge):
                    await cache.put("large", bytes(65 << 20))
                assert await cache.put("k", number)
            refused, version = await asyncio.gather(
                cache.put("large", bytes(200 << 20)), cache.put("k", 5), return_exceptions=True)
            assert isinstance(refused, pannier.TooLarge) and isinstance(version, int)

    asyncio.run(main())


def test_a_lease_outlives_a_small_request_that_is_refused(own_daemon):
    async def main():
        async with pannier.aio.connect(own_daemon.socket_path) as client:
            cache = await client.cache("lru")
            held = (await cache.lease("k")).lease
            with pytest.raises(pannier.TooLarge):
                await cache.get("k" * 65536)
            assert await held.put(1)

    asyncio.run(main())


def test_a_late_reply_is_not_taken_for_another(own_daemon):
    async def main():
        async with pannier.aio.connect(own_daemon.socket_path, timeout=1) as client:
            cache = await client.cache("lru")
            await cache.put_many({"a": 1, "b": 2})
            own_daemon.send_signal(signal.SIGSTOP)
            start = time.monotonic()
            with pytest.raises(pannier.TimeoutError) as raised:
                await cache.get("a")
            assert raised.value.may_have_run and isinstance(raised.value, TimeoutError)
            assert 0.99 < time.monotonic() - start < 20
            own_daemon.send_signal(signal.SIGCONT)
            assert [await cache.get("b"), await cache.get("a")] == [2, 1]

    asyncio.run(main())


def test_a_full_backlog_is_a_time_out_of_the_connection(path):
    async def main():
        with pytest.raises(pannier.TimeoutError) as raised:
            await pannier.aio.connect(path, connect_timeout=0.1).ping()
        assert not raised.value.may_have_run

    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = sockets.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(path)
        asyncio.run(main())


class Peer:
    """A daemon that does with each connection what the next of its scripts says."""

    def __init__(self, path, *scripts):
        self.path = path
        self.scripts = list(scripts)
        self.requests = []

    async def __aenter__(self):
        self.server = await asyncio.start_unix_server(self.serve, self.path)
        return self

    async def __aexit__(self, *unused):
        self.server.close()

    async def serve(self, reader, writer):
        script = self.scripts.pop(0)
        unpacker = msgpack.Unpacker()
        while data := await reader.read(1 << 16):
            unpacker.feed(data)
            for request in unpacker:
                self.requests.append(request[2])
                answer = script(request)
                writer.write(b"" if answer is None else answer)
                if answer is None:
                    writer.close()
                    return
        writer.close()


def closes(request):
    return None


def answers(request):
    return msgpack.packb([1, request[1], None, [7]])


async def ask(path, peer_scripts, method):
    """What `method(cache)` returned or raised, and what the peer was asked."""
    async with Peer(path, *peer_scripts) as peer:
        async with pannier.aio.connect(path, timeout=5) as client:
            try:
                outcome = await method(await client.cache("c"))
            except pannier.PannierError as error:
                outcome = error
        return outcome, peer.requests


def test_what_changes_nothing_is_repeated_once(path):
    outcome, asked = asyncio.run(ask(path, [closes, answers], lambda cache: cache.get("k")))
    assert (outcome, asked) == (7, ["get", "get"])


def test_what_changes_nothing_is_not_repeated_twice(path):
    outcome, asked = asyncio.run(ask(path, [closes, closes, answers], lambda cache: cache.get("k")))
    assert isinstance(outcome, pannier.ConnectionError) and outcome.may_have_run
    assert asked == ["get", "get"]


@pytest.mark.parametrize("method", ["put", "increment", "delete", "lease"])
def test_what_may_have_been_done_is_not_repeated(path, method):
    calls = {
        "put": lambda cache: cache.put("k", 1),
        "increment": lambda cache: cache.increment("k"),
        "delete": lambda cache: cache.delete("k"),
        "lease": lambda cache: cache.lease("k"),
    }
    outcome, asked = asyncio.run(ask(path, [closes, answers], calls[method]))
    assert isinstance(outcome, pannier.ConnectionError) and outcome.may_have_run
    assert asked == [method]


@pytest.mark.parametrize("nonsense", [b"\xc1", b"\x05", b"\x92\x01\x02", b"\x94\x03\x01\xc0\xc0"])
def test_nonsense_is_told_from_an_answer(path, nonsense):
    outcome, asked = asyncio.run(ask(path, [lambda request: nonsense], lambda cache: cache.get("k")))
    assert isinstance(outcome, pannier.ProtocolError) and outcome.may_have_run


def test_an_error_without_a_request_ends_all_that_wait(path):
    error = msgpack.packb([1, None, "overloaded: too many connections", None])
    outcome, asked = asyncio.run(ask(path, [lambda request: error], lambda cache: cache.get("k")))
    assert isinstance(outcome, pannier.Overloaded)


def test_a_reply_that_comes_byte_by_byte_is_put_together(path):
    async def main():
        async def trickle(reader, writer):
            await reader.read(1 << 16)
            for byte in answers([0, 1]):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.001)
            # Until the client closes.
            await reader.read(1)
            writer.close()

        server = await asyncio.start_unix_server(trickle, path)
        async with pannier.aio.connect(path) as client:
            assert await (await client.cache("c")).get("k") == 7
        server.close()

    asyncio.run(main())
