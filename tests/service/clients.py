"""Clients that connect again and again, and know what they may find: each writes ever higher numbers under a key of its own,
in a cache that is in memory alone and in one that is on disk too, and reads them back."""

import asyncio
import itertools
import random
import threading
import time

import msgpack

CACHES = ("lru", "durable")
PAUSE_S = 2.0
WAIT_S = 60


class Interrupted(Exception):
    """The daemon ended before it answered: whether it did what it was asked is not known."""


class Connection:
    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._replies = msgpack.Unpacker()
        self._ids = itertools.count(1)

    async def call(self, *request):
        msgid = next(self._ids)
        try:
            self._writer.write(msgpack.packb([0, msgid, request[0], list(request[1:])]))
            while True:
                for _, replied, error, result in self._replies:
                    if error is not None and error.startswith("shutting_down:"):
                        raise Interrupted()
                    assert error is None and replied == msgid, (request, error)
                    return result
                data = await self._reader.read(65_536)
                if not data:
                    raise Interrupted()
                self._replies.feed(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Interrupted() from error

    def close(self):
        self._writer.close()


class Client:
    def __init__(self, load, number):
        self._load = load
        self._key = f"client {number}"
        self._pause = random.Random(number)
        self._sent = dict.fromkeys(CACHES, 0)
        self._acknowledged = dict.fromkeys(CACHES, 0)

    async def run(self):
        while not self._load.is_over.is_set():
            await asyncio.sleep(self._pause.uniform(0, PAUSE_S))
            await self._visit()
        # Once more, when nothing is restarted any more.
        await self._visit()

    async def _visit(self):
        try:
            connection = Connection(*await asyncio.open_unix_connection(self._load.path))
        except OSError as error:
            self._load.refused.append(repr(error))
            return
        self._load.connected += 1
        try:
            for cache in CACHES:
                await self._use(connection, cache)
        except Interrupted:
            self._load.interrupted += 1
        finally:
            connection.close()

    async def _use(self, connection, cache):
        found = await connection.call("get", cache, self._key)
        value = 0 if found is None else found[0]
        if not self._acknowledged[cache] <= value <= self._sent[cache]:
            self._load.lost.append((cache, self._key, value, self._acknowledged[cache], self._sent[cache]))
        self._sent[cache] = value + 1
        await connection.call("put", cache, self._key, value + 1)
        self._acknowledged[cache] = value + 1


class Load:
    """So many clients at once, in a thread of their own, while the `with` block runs."""

    def __init__(self, path, clients):
        self.path = path
        self.connected = 0
        self.interrupted = 0
        self.refused = []
        self.lost = []
        self.is_over = threading.Event()
        self._clients = [Client(self, number) for number in range(clients)]
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        async def all_of_them():
            await asyncio.gather(*(client.run() for client in self._clients))

        try:
            asyncio.run(all_of_them())
        except BaseException as error:  # told by __exit__, in the thread of the test
            self._failure = error

    def __enter__(self):
        self._thread.start()
        # All of them, once.
        deadline = time.monotonic() + WAIT_S
        while self.connected < len(self._clients) and self._failure is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "a client waits for an answer without end"
        if self._failure is not None:
            raise self._failure

    def check(self):
        """After the end: nobody was turned away, and nothing that was acknowledged is gone."""
        assert not self.refused, self.refused[:5]
        assert not self.lost, self.lost[:5]
