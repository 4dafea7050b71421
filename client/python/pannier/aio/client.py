"""connect() and Client: one daemon, as a whole, for asyncio."""

from __future__ import annotations

import os
from typing import Any

from pannier._types import Duration
from pannier.aio import requests
from pannier.aio.cache import Cache
from pannier.aio.channel import Channel
from pannier.aio.requests import body, pack, packed_key
from pannier.config import default_path
from pannier.durations import milliseconds, time_out
from pannier.info import Info, ServerHello, SyncResult, from_fields, info_from_fields
from pannier.serializers import SerializerLike, codec

# A reply of more bytes is a ProtocolError: bounds what a call can allocate.
REPLY_BYTES_MAX = 1 << 30
# What waits for the disk or goes through a whole cache.
SLOW_METHODS = {"backup", "backup_next", "clear", "drop", "reload", "sync"}


def connect(
    path: str | os.PathLike[str] | None = None,
    *,
    timeout: Duration = 5.0,
    connect_timeout: Duration = 1.0,
    slow_timeout: Duration = 60.0,
    serializer: SerializerLike = "msgpack",
) -> Client:
    """A client of the daemon; arguments as `pannier.connect` has them. Does not connect yet: the first request does.

    Needs no `await`; `async with` closes it at the end.
    """
    return Client(
        default_path() if path is None else os.fspath(path),
        timeout=timeout,
        connect_timeout=connect_timeout,
        slow_timeout=slow_timeout,
        serializer=serializer,
    )


class Client:
    """Access to one daemon; `connect` makes it. Methods, results and errors are those of `pannier.Client`, awaited.

    Belongs to the event loop of its first use, and to a later one if that was closed; in a forked child it begins anew.
    Any number of tasks may use it at once: their requests share one connection. A task that is canceled, or whose
    time is over, disturbs no other.
    """

    def __init__(
        self,
        path: str,
        *,
        timeout: Duration,
        connect_timeout: Duration,
        slow_timeout: Duration,
        serializer: SerializerLike,
    ):
        self.path = path
        self._codec = codec(serializer)
        self._timeout_s = time_out(timeout, "timeout")
        self._slow_timeout_s = time_out(slow_timeout, "slow_timeout")
        connect_timeout_s = time_out(connect_timeout, "connect_timeout")
        self._channel = Channel(path, connect_timeout_s, REPLY_BYTES_MAX)

    async def cache(
        self, name: str, tier: str | None = None, *, serializer: SerializerLike | None = None, **settings: Any
    ) -> Cache:
        """The cache of that name. With a `tier` it is opened with the settings that `open` takes; without, no request is
        made."""
        if tier is not None:
            await self.open(name, tier, **settings)
        elif settings:
            raise TypeError("settings of a cache need its tier")
        return Cache(self, name, codec(serializer) if serializer is not None else self._codec)

    async def open(
        self,
        name: str,
        tier: str,
        *,
        max_entries: int | None = None,
        max_bytes: int | None = None,
        max_age: Duration | None = None,
        stale: Duration | None = None,
        reserved_bytes: int | None = None,
        policy: str | None = None,
        alter: bool = False,
    ) -> bool:
        """Opens a cache with these settings. True: it is new. False: it was there with these."""
        settings = {
            "tier": tier,
            "max_entries": max_entries,
            "max_bytes": max_bytes,
            "max_age_ms": None if max_age is None else milliseconds(max_age, "max_age"),
            "stale_ms": None if stale is None else milliseconds(stale, "stale"),
            "reserved_bytes": reserved_bytes,
            "policy": policy,
            "alter": alter or None,
        }
        options = {name: value for name, value in settings.items() if value is not None}
        request = body("open", packed_key(name, "cache"), options=options)
        opened: bool = requests.unpack(await self._ask(request, is_slow=tier == "durable"))
        return opened

    async def drop(self, name: str) -> bool:
        """Removes a cache and all it holds, from disk too. False: there was none."""
        return requests.unpack(await self._ask(body("drop", packed_key(name, "cache")), is_slow=True))

    async def ping(self) -> None:
        """Returns if the daemon answers."""
        await self._ask(body("ping"), is_repeatable=True)

    async def hello(self) -> ServerHello:
        """Which daemon answers, and its limits."""
        result = await self._ask(body("hello", options={"name": "python-asyncio"}), is_repeatable=True)
        return from_fields(ServerHello, requests.unpack(result))

    async def info(self) -> Info:
        """The daemon and its caches."""
        return info_from_fields(requests.unpack(await self._ask(body("info"), is_repeatable=True)))

    async def sync(self) -> SyncResult:
        """Returns when everything that was acknowledged before is on disk, of all durable caches."""
        result = await self._ask(body("sync"), is_slow=True, is_repeatable=True)
        return requests.sync_result(requests.unpack(result))

    async def call(self, method: str, *params: Any) -> Any:
        """Any method of the protocol by its name, with plain MessagePack values as parameters. Never repeated."""
        request = body(method, *map(pack, params))
        return requests.unpack(await self._ask(request, is_slow=method in SLOW_METHODS))

    async def close(self) -> None:
        """Closes the connections. Requests that wait raise `ConnectionError`, later ones `InvalidArgument`."""
        self._channel.close()

    async def _ask(self, request: bytes, is_slow: bool = False, is_repeatable: bool = False) -> bytes:
        timeout_s = self._slow_timeout_s if is_slow else self._timeout_s
        return await self._channel.call(request, timeout_s, is_repeatable)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<pannier.aio.Client of {self.path}>"
