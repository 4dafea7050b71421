"""The compiled core: libpannier's client. Used by the modules around it; what they say of arguments, errors and threads is
true here too. Where a codec is None, a value is bytes that are exactly one MessagePack object."""

from typing import Any, Callable

from pannier._types import Duration, Key
from pannier.serializers import Codec

#: The release, as the sources have it.
__version__: str

class MessagePack:
    def __init__(
        self, to_ext: Callable[[Any], tuple[int, bytes]], from_ext: Callable[[int, bytes], Any]
    ) -> None: ...
    def pack(self, value: Any) -> bytes: ...
    def unpack(self, packed: bytes) -> Any: ...

class Client:
    def __init__(
        self,
        path: str,
        connect_timeout: Duration | None,
        timeout: Duration | None,
        slow_timeout: Duration | None,
        pool_size: int,
        spin: Duration,
    ) -> None: ...
    def close(self) -> None: ...
    def ping(self) -> None: ...
    def call(self, method: Key, params: bytes) -> bytes: ...
    def open(
        self,
        cache: Key,
        tier: str,
        policy: str | None,
        max_entries: int | None,
        max_bytes: int | None,
        max_age: Duration | None,
        stale: Duration | None,
        reserved_bytes: int | None,
        alter: bool,
    ) -> bool: ...
    def sync(self, cache: Key | None) -> tuple[int, int, float]: ...
    def drop(self, cache: Key) -> bool: ...
    def clear(self, cache: Key, prefix: Key) -> int: ...
    def get(self, cache: Key, key: Key, codec: Codec | None, missing: Any) -> Any: ...
    def get_entry(self, cache: Key, key: Key, codec: Codec | None) -> tuple[Any, int, float | None] | None: ...
    def put(
        self,
        cache: Key,
        key: Key,
        value: Any,
        codec: Codec | None,
        ttl: Duration | None,
        keep_ttl: bool,
        stale: Duration | None,
        if_absent: bool,
        if_present: bool,
        if_version: int | None,
        sync: bool,
    ) -> int | None: ...
    def delete(self, cache: Key, key: Key, if_version: int | None, sync: bool) -> bool: ...
    def touch(self, cache: Key, key: Key, ttl: Duration | None) -> bool: ...
    def increment(self, cache: Key, key: Key, delta: int, initial: int, ttl: Duration | None) -> int: ...
    def get_many(self, cache: Key, keys: tuple[Key, ...], codec: Codec | None) -> dict[Key, Any]: ...
    def put_many(
        self,
        cache: Key,
        keys: tuple[Key, ...],
        values: tuple[Any, ...],
        codec: Codec | None,
        ttl: Duration | None,
        sync: bool,
    ) -> list[int]: ...
    def delete_many(self, cache: Key, keys: tuple[Key, ...]) -> int: ...
    def keys(self, cache: Key, cursor: bytes | None, prefix: Key) -> tuple[bytes | None, list[Key]]: ...
    def lease(
        self, cache: Key, key: Key, codec: Codec | None, duration: Duration | None, wait: Duration | None
    ) -> tuple[Any, bool, bool, Lease | None]: ...

class Lease:
    @property
    def token(self) -> int: ...
    def put(
        self, value: Any, codec: Codec | None, ttl: Duration | None, stale: Duration | None
    ) -> int | None: ...
    def release(self) -> bool: ...
