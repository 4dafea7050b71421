"""Caches that the coroutines of a process find by their names: of one client for each event loop, opened when they are needed,
and again when the daemon has lost them. The twin of `pannier.shared`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from pannier.aio.cache import Cache
from pannier.aio.client import Client, connect
from pannier.config import default_path
from pannier.errors import Conflict, Overloaded, UnknownCache
from pannier.serializers import Codec
from pannier.shared import DROPS_MAX, older_versions

T = TypeVar("T")


class _OfLoop(NamedTuple):
    """What the coroutines of one event loop share."""

    client: Client
    opened: dict[str, Cache]


_of_loops: dict[asyncio.AbstractEventLoop, _OfLoop] = {}

# A child has none of its parent's loops.
os.register_at_fork(after_in_child=_of_loops.clear)


def default_client() -> Client:
    """The client that all coroutines of the running loop share, of the daemon that `pannier.default_client` is of.

    Its connections end with the loop.
    """
    return _of_this_loop().client


def _of_this_loop() -> _OfLoop:
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None or found.client.path != default_path():
        for other in [each for each in list(_of_loops) if each.is_closed()]:
            _of_loops.pop(other, None)
        found = _of_loops[loop] = _OfLoop(connect(default_path()), {})
    return found


class SharedCache:
    """One cache of the default client. Makes no request by itself."""

    def __init__(self, name: str, tier: str, codec: Codec, **settings: Any):
        self.name = name
        self._codec = codec
        self._tier = tier
        self._settings = settings

    async def do(self, work: Callable[[Cache], Awaitable[T]]) -> T:
        """What `work` does with the cache; again if the cache was gone. Raises what the cache's methods raise."""
        cache = _of_this_loop().opened.get(self.name) or await self._open()
        for _ in range(DROPS_MAX):
            try:
                return await work(cache)
            except UnknownCache:
                cache = await self._open()
        return await work(cache)

    async def _open(self) -> Cache:
        client, opened = _of_this_loop()
        try:
            await self._ask_to_open(client)
        except Overloaded:
            older = older_versions(self.name, (await client.info()).caches)
            for name in older:
                await client.drop(name)
            if not older:
                raise
            await self._ask_to_open(client)
        # Of many who opened it at once all get the same one: it is there that they wait for one another.
        return opened.setdefault(self.name, Cache(client, self.name, self._codec))

    async def _ask_to_open(self, client: Client) -> None:
        if self._settings:
            await client.open(self.name, self._tier, alter=True, **self._settings)
            return
        try:
            await client.open(self.name, self._tier)
        except Conflict:
            if (await (await client.cache(self.name)).info()).tier != self._tier:
                raise
