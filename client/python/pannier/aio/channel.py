"""The connections of one asyncio client: one that all requests share, and one for each lease that may have to wait.

A request goes to a connection that is known to live. If that ends before a byte of it was accepted (the daemon was
restarted), the request goes over a new connection, whatever it is; if it ends later, only what may be repeated does.
Both happen once. A time-out is never repeated; the late reply is thrown away when it comes.

Belongs to the event loop of its first use. A loop that was closed (`asyncio.run` has ended) or that a forked process
inherited is forgotten with its connections, and the next use begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket

from pannier import errors
from pannier.aio import requests
from pannier.aio.connection import MSGID_COUNT, Connection, IfLate, Lost, Request

# Connections that leases gave back and that are kept for the next ones.
SPARE_MAX = 8
# A listener with a full backlog does not tell when there is room: it is asked again after this many seconds.
CONNECT_AGAIN_S = 0.005


class Channel:
    def __init__(self, path: str, connect_timeout_s: float, reply_bytes_max: int):
        self._path = path
        self._connect_timeout_s = connect_timeout_s
        self._reply_bytes_max = reply_bytes_max
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner_pid = 0
        self._shared: Connection | None = None
        self._spare: list[Connection] = []
        self._is_closed = False

    async def call(self, body: bytes, timeout_s: float, is_repeatable: bool = False) -> bytes:
        """The result of a request over the shared connection."""
        return (await self.call_shared(body, timeout_s, is_repeatable))[0]

    async def call_shared(
        self, body: bytes, timeout_s: float, is_repeatable: bool = False, if_late: IfLate | None = None
    ) -> tuple[bytes, Connection]:
        """The result, and the connection that it came over. `if_late`: see Request."""
        deadline = self._bind().time() + timeout_s
        for is_last in (False, True):
            connection = await self._connected(deadline)
            try:
                return await self.exchange(connection, body, deadline, if_late), connection
            except Lost as lost:
                if is_last or self._is_closed or not (lost.nothing_sent or is_repeatable):
                    raise lost.as_error() from None
        raise AssertionError("the second attempt returns or raises")

    async def call_alone(self, body: bytes, timeout_s: float) -> tuple[bytes, Connection]:
        """The same over a connection of its own, which the caller gives back. One that is canceled closes it."""
        deadline = self._bind().time() + timeout_s
        for is_last in (False, True):
            connection = self._take_spare() or await self._connect(deadline)
            try:
                return await self.exchange(connection, body, deadline), connection
            except Lost as lost:
                if is_last or self._is_closed or not lost.nothing_sent:
                    raise lost.as_error() from None
            except errors.ServerError:
                self.give_back(connection)
                raise
            except BaseException:
                connection.close()
                raise
        raise AssertionError("the second attempt returns or raises")

    async def exchange(
        self, connection: Connection, body: bytes, deadline: float, if_late: IfLate | None = None
    ) -> bytes:
        """Over this connection, once; `deadline` by the clock of the loop. Lost, TimeoutError, ServerError."""
        loop = asyncio.get_running_loop()
        msgid = next(self._numbers) % MSGID_COUNT
        request = Request(msgid, requests.frame(msgid, body), loop.create_future(), if_late)
        connection.send(request)
        timer = loop.call_at(deadline, _time_out, connection, request)
        try:
            return await request.reply
        except asyncio.CancelledError:
            connection.abandon(request)
            raise
        finally:
            timer.cancel()

    def give_back(self, connection: Connection) -> None:
        """A connection of `call_alone`, on which nothing goes on."""
        if connection.is_open and len(self._spare) < SPARE_MAX and self._is_bound() and not self._is_closed:
            self._spare.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        self._is_closed = True
        self._forget()

    def __del__(self) -> None:
        # The loop would keep them open. The collector may run in another thread than the loop.
        loop = self._loop
        if loop is not None and self._is_bound():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_close_all, [self._shared, *self._spare])

    def _forget(self) -> None:
        _close_all([self._shared, *self._spare])
        self._shared = None
        self._spare.clear()

    def _is_bound(self) -> bool:
        return self._loop is not None and not self._loop.is_closed() and self._owner_pid == os.getpid()

    def _bind(self) -> asyncio.AbstractEventLoop:
        if self._is_closed:
            raise errors.InvalidArgument("the client is closed")
        loop = asyncio.get_running_loop()
        if loop is self._loop and self._owner_pid == os.getpid():
            return loop
        if self._is_bound():
            raise RuntimeError("this client is in use by another event loop; a client belongs to one")
        self._forget()
        self._loop = loop
        self._owner_pid = os.getpid()
        return loop

    async def _connected(self, deadline: float) -> Connection:
        if self._shared is None or not self._shared.is_open:
            connection = await self._connect(deadline)
            if self._shared is None or not self._shared.is_open:
                self._shared = connection
            else:
                connection.close()
        return self._shared

    def _take_spare(self) -> Connection | None:
        while self._spare:
            connection = self._spare.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self, deadline: float) -> Connection:
        loop = self._bind()
        deadline = min(deadline, loop.time() + self._connect_timeout_s)
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            fresh.setblocking(False)
            while not _try_to_connect(fresh, self._path):
                if loop.time() >= deadline:
                    raise errors.TimeoutError(
                        f"cannot connect to {self._path}: too many others wait for the daemon", False
                    )
                await asyncio.sleep(CONNECT_AGAIN_S)
            return Connection(fresh, loop, self._reply_bytes_max)
        except BaseException:
            fresh.close()
            raise


def _try_to_connect(fresh: socket.socket, path: str) -> bool:
    """False: the listener's backlog is full. ConnectionError."""
    try:
        fresh.connect(path)
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise errors.ConnectionError(f"cannot connect to {path}: {reason}", False, error.errno or 0) from None


def _close_all(connections: list[Connection | None]) -> None:
    for connection in connections:
        if connection is not None:
            connection.close()


def _time_out(connection: Connection, request: Request) -> None:
    if request.reply.done():
        return
    connection.abandon(request)
    request.reply.set_exception(errors.TimeoutError("the daemon did not answer in time", request.is_begun))
