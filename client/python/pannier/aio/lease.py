"""The lease of one key: the right, and the duty, to compute it while everybody else who asks for it waits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NamedTuple

from pannier import errors
from pannier._types import Duration
from pannier.aio import requests
from pannier.aio.channel import Channel
from pannier.aio.connection import Connection, Lost
from pannier.serializers import Codec


class Place(NamedTuple):
    """What a lease is for, and the connection it was granted on."""

    channel: Channel
    connection: Connection
    is_shared: bool
    cache: bytes
    key: bytes

    def release_body(self, token: int) -> bytes:
        return requests.body("release", self.cache, self.key, requests.pack(token))

    def end(self, token: int) -> None:
        """Releases without waiting for an answer."""
        self.connection.notify(requests.notification(self.release_body(token)))
        self.leave()

    def leave(self) -> None:
        if not self.is_shared:
            self.channel.give_back(self.connection)


class Lease:
    """Ends by `put`, by `release`, by `close` (which the end of `async with` calls), by time, and with its connection.

    For one task at a time. One that is forgotten is released when it is collected; in a forked child it is void.
    """

    def __init__(self, place: Place, token: int, codec: Codec, timeout_s: float):
        self._place: Place | None = place
        self._token = token
        self._codec = codec
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()

    @property
    def token(self) -> int:
        """Names the lease."""
        return self._token

    async def put(self, value: Any, ttl: Duration | None = None, *, stale: Duration | None = None) -> int | None:
        """Stores the value and ends the lease; the version. None: the lease was over, nothing was written."""
        place = self._held()
        options = requests.put_options(ttl, stale)
        options["lease"] = self._token
        packed = self._codec.pack(value)
        version = await self._ask(place, requests.body("put", place.cache, place.key, packed, options=options))
        if version is not None:
            self._leave()
        return version

    async def release(self) -> bool:
        """Ends the lease without a value: the next one who waits gets it. False: it was over."""
        place = self._held()
        was_held = await self._ask(place, place.release_body(self._token))
        self._leave()
        return was_held

    def close(self) -> None:
        """Releases the lease without waiting for an answer; does nothing if it has ended."""
        if self._place is not None:
            place, self._place = self._place, None
            place.end(self._token)

    async def __aenter__(self) -> Lease:
        return self

    async def __aexit__(self, *unused: object) -> None:
        self.close()

    def __del__(self) -> None:
        place = self._place
        if place is None or self._loop.is_closed() or not place.connection.is_ours():
            return
        # The collector may run in another thread than the loop.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(place.end, self._token)

    def _held(self) -> Place:
        if self._place is None:
            raise errors.InvalidArgument("the lease was put or released before, or its connection had ended")
        return self._place

    def _leave(self) -> None:
        # Another task may have closed it meanwhile.
        if self._place is not None:
            place, self._place = self._place, None
            place.leave()

    async def _ask(self, place: Place, body: bytes) -> Any:
        deadline = self._loop.time() + self._timeout_s
        try:
            return requests.unpack(await place.channel.exchange(place.connection, body, deadline))
        except Lost as lost:
            self._place = None
            raise lost.as_error() from None
        except (errors.TransportError, asyncio.CancelledError):
            # Whether it was executed is not known; released the key is in any case.
            self.close()
            raise


class LeaseResult(NamedTuple):
    """What `Cache.lease` found. Neither value nor lease: somebody else computes, and the wait is over."""

    #: The value; None also if there is none: see `found`.
    value: Any
    #: Whether there is a value.
    found: bool
    #: The value is past its deadline, within its stale window. With a lease, this caller is to refresh it.
    stale: bool
    #: This caller is to compute the value.
    lease: Lease | None
