"""connect() and Client: one daemon, as a whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from pannier import _core
from pannier._types import Duration, Key
from pannier.durations import time_out
from pannier.errors import InvalidArgument
from pannier.extensions import message_pack
from pannier.info import Info, ServerHello, SyncResult, from_fields, info_from_fields
from pannier.serializers import Codec, SerializerLike, codec

if TYPE_CHECKING:
    from pannier.cache import Cache

__all__ = ["Client", "connect"]


def connect(
    path: "str | os.PathLike[str] | None" = None,
    *,
    timeout: Duration = 5.0,
    connect_timeout: Duration = 1.0,
    slow_timeout: Duration = 60.0,
    pool_size: int = 4,
    spin: Duration = 50e-6,
    shared_reads: str = "auto",
    serializer: SerializerLike = "msgpack",
) -> Client:
    """A client of the daemon whose socket is at `path`; without one, that of `pannier.configure`, of
    `$PANNIER_SOCKET`, or `/run/pannier/pannier.sock`. Does not connect yet: the first request does.

    Durations are seconds or timedeltas, those of the three time-outs longer than 0. `timeout` bounds a request as a whole, `slow_timeout` one that waits for the
    disk or goes through a whole cache (`sync`, `drop`, `clear`, writes with `sync=True`), `connect_timeout` one attempt
    to connect. `pool_size` connections, at least 1, are shared by all threads; a lease holds one more.
    `spin`: for how long a request looks for its answer again and again before it sleeps (0: not at all), while answers
    come that fast; being woken takes longer than all else. `serializer`: see `pannier.serializers`.

    `shared_reads`: whether entries are read out of the daemon's memory without a request, which makes a hit many times
    faster and changes nothing else: "auto" (from the seventeenth get on), "always" (from the first) or "never". It
    maps that memory read-only, which counts as virtual size of this process, and has one connection more. What is not
    found there, and what the daemon does not share, is asked for as ever.
    """
    if path is None:
        from pannier.config import default_path

        path = default_path()
    return Client(
        os.fspath(path),
        timeout=timeout,
        connect_timeout=connect_timeout,
        slow_timeout=slow_timeout,
        pool_size=pool_size,
        spin=spin,
        shared_reads=shared_reads,
        serializer=serializer,
    )


class Client:
    """Access to one daemon; `connect` makes it.

    Thread-safe, and safe after `fork`: the child makes connections of its own and leaves its parent's alone. Requests
    raise `ServerError` and `TransportError` (see `pannier.errors`). One that changes nothing is repeated once over a
    new connection if the daemon closes the old one.
    """

    def __init__(
        self,
        path: str,
        *,
        timeout: Duration,
        connect_timeout: Duration,
        slow_timeout: Duration,
        pool_size: int,
        spin: Duration,
        shared_reads: str,
        serializer: SerializerLike,
    ) -> None:
        if not isinstance(pool_size, int):
            raise TypeError(f"pool_size is an int, not {type(pool_size).__name__}")
        if pool_size < 1:
            raise InvalidArgument("pool_size is 1 or more")
        self.path = path
        self._codec = codec(serializer)
        self._core = _core.Client(
            path,
            time_out(connect_timeout, "connect_timeout"),
            time_out(timeout, "timeout"),
            time_out(slow_timeout, "slow_timeout"),
            pool_size,
            spin,
            shared_reads,
        )
        self._options = {
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "slow_timeout": slow_timeout,
            "pool_size": pool_size,
            "spin": spin,
            "shared_reads": shared_reads,
            "serializer": serializer,
        }

    def cache(
        self,
        name: str,
        tier: Optional[str] = None,
        *,
        serializer: Optional[SerializerLike] = None,
        **settings: Any,
    ) -> Cache:
        """The cache of that name. With a `tier` ("lru", "ttl" or "durable") it is opened with the settings that `open`
        takes; without, no request is made.

        Raises `Conflict` if it is there with other settings; with `alter=True` bounds and ages are set to these.
        """
        from pannier.cache import Cache

        if tier is not None:
            self.open(name, tier, **settings)
        elif settings:
            raise TypeError("settings of a cache need its tier")
        return Cache(self, name, codec(serializer) if serializer is not None else self._codec)

    def open(
        self,
        name: str,
        tier: str,
        *,
        max_entries: Optional[int] = None,
        max_bytes: Optional[int] = None,
        max_age: Optional[Duration] = None,
        stale: Optional[Duration] = None,
        reserved_bytes: Optional[int] = None,
        policy: Optional[str] = None,
        alter: bool = False,
    ) -> bool:
        """Opens a cache with these settings, as PROTOCOL.md has them. True: it is new. False: it was there with these."""
        return self._core.open(name, tier, policy, max_entries, max_bytes, max_age, stale, reserved_bytes, alter)

    def drop(self, name: str) -> bool:
        """Removes a cache and all it holds, from disk too. False: there was none."""
        return self._core.drop(name)

    def ping(self) -> None:
        """Returns if the daemon answers."""
        self._core.ping()

    def hello(self) -> ServerHello:
        """Which daemon answers, and its limits."""
        return from_fields(ServerHello, self.call("hello", {"name": "python"}))

    def info(self) -> Info:
        """The daemon and its caches."""
        return info_from_fields(self.call("info"))

    def sync(self) -> SyncResult:
        """Returns when everything that was acknowledged before is on disk, of all durable caches."""
        return SyncResult(*self._core.sync(None))

    def call(self, method: str, *params: Any) -> Any:
        """Any method of the protocol by its name, with plain MessagePack values as parameters. Never repeated."""
        return message_pack.unpack(self._core.call(method, message_pack.pack(list(params))))

    def close(self) -> None:
        """Closes the connections that are not in use. Requests raise `InvalidArgument` from now on."""
        self._core.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """A copy, here or in another process, is a client of its own that connects anew."""
        return _reconnect, (self.path, self._options)

    def __repr__(self) -> str:
        return f"<pannier.Client of {self.path}>"


def _reconnect(path: str, options: dict[str, Any]) -> Client:
    return Client(path, **options)
