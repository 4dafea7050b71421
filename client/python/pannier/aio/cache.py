"""Cache: the entries of one cache, for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from pannier._types import Duration, Entries, Key
from pannier.aio import requests
from pannier.aio.lease import LeaseResult
from pannier.aio.leases import Leases
from pannier.aio.requests import body, pack, packed_key, packed_keys
from pannier.cache import Entry, dict_of
from pannier.info import CacheInfo, SyncResult, from_fields
from pannier.serializers import Codec

if TYPE_CHECKING:
    from pannier.aio.client import Client


class Cache:
    """One cache of a daemon; `Client.cache` makes it. Methods, arguments, results and errors are those of
    `pannier.Cache`, awaited. As bound to an event loop as the client."""

    def __init__(self, client: Client, name: str, codec: Codec):
        self.client = client
        self.name = name
        self._codec = codec
        self._packed_name = packed_key(name, "cache")
        self._leases = Leases(client._channel, self._packed_name, codec, client._timeout_s)

    async def get(self, key: Key, default: Any = None) -> Any:
        """The value, or `default` on a miss."""
        packed = await self.get_raw(key)
        return default if packed is None else self._codec.unpack(packed)

    async def get_raw(self, key: Key) -> bytes | None:
        """The value as the MessagePack object that is stored; None on a miss."""
        result = await self._ask("get", packed_key(key), is_repeatable=True)
        # The array with one item around the value takes one byte.
        return None if result[0] == requests.NIL else result[1:]

    async def get_entry(self, key: Key) -> Entry | None:
        """The value with its version and the time it has left; None on a miss."""
        result = await self._ask("get", packed_key(key), options={"meta": True}, is_repeatable=True)
        if result[0] == requests.NIL:
            return None
        packed, rest = requests.split_first(result)
        version, ttl_ms = rest
        return Entry(self._codec.unpack(packed), version, None if ttl_ms is None else ttl_ms / 1000)

    async def put(
        self,
        key: Key,
        value: Any,
        ttl: Duration | None = None,
        *,
        keep_ttl: bool = False,
        stale: Duration | None = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: int | None = None,
        sync: bool = False,
    ) -> int | None:
        """Stores the value, with its deadline anew; the entry's version. None: a condition did not hold."""
        return await self.put_raw(
            key,
            self._codec.pack(value),
            ttl,
            keep_ttl=keep_ttl,
            stale=stale,
            if_absent=if_absent,
            if_present=if_present,
            if_version=if_version,
            sync=sync,
        )

    async def put_raw(
        self,
        key: Key,
        packed: bytes,
        ttl: Duration | None = None,
        *,
        keep_ttl: bool = False,
        stale: Duration | None = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: int | None = None,
        sync: bool = False,
    ) -> int | None:
        """As `put`; `packed` is one MessagePack object, else `InvalidArgument`."""
        options = requests.put_options(ttl, stale, keep_ttl, if_absent, if_present, if_version, sync)
        requests.check_one_object(packed)
        return await self._answer("put", packed_key(key), packed, options=options, is_slow=sync)

    async def delete(self, key: Key, *, if_version: int | None = None, sync: bool = False) -> bool:
        """Removes the entry, or only that version of it. False: it was not there."""
        options: dict[str, Any] = {} if if_version is None else {"if": if_version}
        if sync:
            options["sync"] = True
        return await self._answer("delete", packed_key(key), options=options, is_slow=sync)

    async def touch(self, key: Key, ttl: Duration | None = None) -> bool:
        """Uses the entry and sets its deadline anew: `ttl`, else the cache's `max_age`, else it stays. False: a miss."""
        options: dict[str, Any] = {}
        requests.ttl_option(options, ttl)
        return await self._answer("touch", packed_key(key), options=options, is_repeatable=True)

    async def increment(self, key: Key, delta: int = 1, *, initial: int = 0, ttl: Duration | None = None) -> int:
        """Adds to an integer of 64 bits in one step for everybody; the sum. An absent entry counts as `initial`."""
        options: dict[str, Any] = {"initial": initial} if initial else {}
        requests.ttl_option(options, ttl)
        return await self._answer("increment", packed_key(key), pack(delta), options=options)

    async def get_many(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """The values of the keys that are there."""
        wanted = tuple(keys)
        result = await self._ask("get_many", packed_keys(wanted), is_repeatable=True)
        found = zip(wanted, requests.split_values(result))
        return {key: self._codec.unpack(packed) for key, packed in found if packed is not None}

    async def put_many(self, entries: Entries, ttl: Duration | None = None, *, sync: bool = False) -> dict[Key, int]:
        """Stores all entries, in one request; their versions. `entries`: a mapping, or an iterable of pairs."""
        given = dict_of(entries)
        pairs = [b"\x92" + packed_key(key, "a key") + self._codec.pack(value) for key, value in given.items()]
        options = requests.put_options(ttl, sync=sync)
        versions = await self._answer("put_many", requests.packed_array(pairs), options=options, is_slow=sync)
        return dict(zip(given, versions))

    async def delete_many(self, keys: Iterable[Key]) -> int:
        """How many of them were there and went."""
        return await self._answer("delete_many", packed_keys(keys))

    async def keys(self, prefix: Key = "") -> AsyncIterator[Key]:
        """All keys that begin with `prefix`, in no order; str where they are UTF-8, else bytes."""
        options: dict[str, Any] = {"prefix": prefix} if prefix else {}
        while True:
            cursor, page = await self._answer("keys", options=options, is_repeatable=True)
            for key in page:
                yield key
            if cursor is None:
                return
            options["cursor"] = cursor

    async def clear(self, prefix: Key = "") -> int:
        """Removes all entries, or those whose keys begin with `prefix`; how many there were."""
        return await self._answer("clear", options={"prefix": prefix} if prefix else {}, is_slow=True)

    async def info(self) -> CacheInfo:
        """Counters and settings."""
        return from_fields(CacheInfo, await self._answer("info", is_repeatable=True))

    async def sync(self) -> SyncResult:
        """Returns when everything that was acknowledged before is on disk. Raises `Unsupported` unless durable."""
        return requests.sync_result(await self._answer("sync", is_slow=True, is_repeatable=True))

    async def lease(
        self, key: Key, *, duration: Duration | None = None, wait: Duration | None = None
    ) -> LeaseResult:
        """The value if it is there; else one caller on the host gets a lease and computes it, the others wait.

        A wait that is canceled is over for the daemon too; a token that was on its way is released. Of the tasks of one
        client that wait for a key, one at a time waits at the daemon, over a connection of its own.
        """
        return await self._leases.lease(packed_key(key), duration, wait)

    async def drop(self) -> bool:
        """Removes the cache and all it holds. False: there was none."""
        return await self._answer("drop", is_slow=True)

    async def _ask(
        self,
        method: str,
        *packed: bytes,
        options: dict[str, Any] = requests.NO_OPTIONS,
        is_slow: bool = False,
        is_repeatable: bool = False,
    ) -> bytes:
        request = body(method, self._packed_name, *packed, options=options)
        return await self.client._ask(request, is_slow, is_repeatable)

    async def _answer(self, method: str, *packed: bytes, **how: Any) -> Any:
        return requests.unpack(await self._ask(method, *packed, **how))

    def __repr__(self) -> str:
        return f"<pannier.aio.Cache {self.name!r} of {self.client.path}>"
