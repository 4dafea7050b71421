"""Cache: the entries of one cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator, NamedTuple, Optional

from pannier import _core
from pannier._types import Duration, Entries, Key
from pannier.errors import InvalidArgument
from pannier.info import CacheInfo, SyncResult, from_fields
from pannier.serializers import Codec

if TYPE_CHECKING:
    from pannier.client import Client

_MISSING = object()

__all__ = ["Cache", "Entry", "Lease", "LeaseResult"]


def dict_of(entries: Entries) -> dict[Any, Any]:
    """The argument of `put_many`, as it is at this moment."""
    try:
        return dict(entries)
    except (TypeError, ValueError) as error:
        raise TypeError(f"entries is a mapping, or an iterable of pairs of a key and a value: {error}") from error


class Entry(NamedTuple):
    """A live entry with what the daemon knows about it."""

    value: Any
    version: int
    #: Seconds until its deadline; None: it has none.
    ttl: Optional[float]


class Lease:
    """The right, and the duty, to compute the value of one key while all others who ask for it wait.

    Ends with `put`, `release`, `close` (which the end of a `with` block calls), its time, or this object. One thread at a
    time: calls of a second one raise `InvalidArgument`. In a forked child it is void: calls raise `ConnectionError`.
    """

    def __init__(self, core: _core.Lease, codec: Codec) -> None:
        self._core: Optional[_core.Lease] = core
        self._codec = codec
        self._token = core.token

    @property
    def token(self) -> int:
        """Names the lease."""
        return self._token

    def put(self, value: Any, ttl: Optional[Duration] = None, *, stale: Optional[Duration] = None) -> Optional[int]:
        """Stores the value and ends the lease; the version. None: the lease was over, nothing was written."""
        return self._held().put(value, self._codec, ttl, stale)

    def release(self) -> bool:
        """Ends the lease without a value: the next one who waits gets it. False: it was over."""
        return self._held().release()

    def close(self) -> None:
        """Releases the lease without waiting for an answer; does nothing if it has ended."""
        # The end of the core's object does it.
        self._core = None

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _held(self) -> _core.Lease:
        if self._core is None:
            raise InvalidArgument("the lease was released before")
        return self._core


class LeaseResult(NamedTuple):
    """What `Cache.lease` found. Neither value nor lease: somebody else computes, and the wait is over."""

    #: The value; None also if there is none: see `found`.
    value: Any
    #: Whether there is a value.
    found: bool
    #: The value is past its deadline, within its stale window. With a lease, this caller is to refresh it.
    stale: bool
    #: This caller is to compute the value.
    lease: Optional[Lease]


class Cache:
    """One cache of a daemon; `Client.cache` makes it. As thread-safe and fork-safe as the client.

    Keys are str or bytes of 1 to 65,535 bytes; the str "k" and the bytes b"k" are one key. Durations are seconds or
    timedeltas, from 0 to 2**53 milliseconds. A `ttl` of None leaves the deadline to the cache's `max_age`,
    `pannier.NEVER` (`math.inf`) means no deadline. All methods raise `ServerError` and `TransportError`.
    """

    def __init__(self, client: Client, name: str, codec: Codec) -> None:
        self.client = client
        self.name = name
        self._codec = codec
        self._core = client._core

    def get(self, key: Key, default: Any = None) -> Any:
        """The value, or `default` on a miss."""
        return self._core.get(self.name, key, self._codec, default)

    def get_raw(self, key: Key) -> Optional[bytes]:
        """The value as the MessagePack object that is stored; None on a miss."""
        return self._core.get(self.name, key, None, None)

    def get_entry(self, key: Key) -> Optional[Entry]:
        """The value with its version and the time it has left; None on a miss."""
        entry = self._core.get_entry(self.name, key, self._codec)
        return None if entry is None else Entry(*entry)

    def put(
        self,
        key: Key,
        value: Any,
        ttl: Optional[Duration] = None,
        *,
        keep_ttl: bool = False,
        stale: Optional[Duration] = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: Optional[int] = None,
        sync: bool = False,
    ) -> Optional[int]:
        """Stores the value, with its deadline anew; the entry's version. None: a condition did not hold.

        `keep_ttl` leaves the deadline of a live entry. `stale` is how long after the deadline `lease` still answers the
        value. At most one of `if_absent`, `if_present` and `if_version` makes the write conditional. `sync` waits until
        it is on disk (durable caches alone).
        """
        return self._core.put(
            self.name, key, value, self._codec, ttl, keep_ttl, stale, if_absent, if_present, if_version, sync
        )

    def put_raw(
        self,
        key: Key,
        packed: bytes,
        ttl: Optional[Duration] = None,
        *,
        keep_ttl: bool = False,
        stale: Optional[Duration] = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: Optional[int] = None,
        sync: bool = False,
    ) -> Optional[int]:
        """As `put`; `packed` is one MessagePack object, else `InvalidArgument`."""
        return self._core.put(
            self.name, key, packed, None, ttl, keep_ttl, stale, if_absent, if_present, if_version, sync
        )

    def delete(self, key: Key, *, if_version: Optional[int] = None, sync: bool = False) -> bool:
        """Removes the entry, or only that version of it. False: it was not there."""
        return self._core.delete(self.name, key, if_version, sync)

    def touch(self, key: Key, ttl: Optional[Duration] = None) -> bool:
        """Uses the entry and sets its deadline anew: `ttl`, else the cache's `max_age`, else it stays. False: a miss."""
        return self._core.touch(self.name, key, ttl)

    def increment(self, key: Key, delta: int = 1, *, initial: int = 0, ttl: Optional[Duration] = None) -> int:
        """Adds to an integer of 64 bits in one step for everybody; the sum. An absent entry counts as `initial`.

        Needs a serializer that stores plain integers, as the default does. Raises `NotANumber`.
        """
        return self._core.increment(self.name, key, delta, initial, ttl)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """The values of the keys that are there."""
        return self._core.get_many(self.name, tuple(keys), self._codec)

    def put_many(self, entries: Entries, ttl: Optional[Duration] = None, *, sync: bool = False) -> dict[Key, int]:
        """Stores all entries, in one request; their versions. `entries`: a mapping, or an iterable of pairs of a key
        and a value; keys are str or bytes."""
        given = dict_of(entries)
        keys = tuple(given)
        values = tuple(given.values())
        return dict(zip(keys, self._core.put_many(self.name, keys, values, self._codec, ttl, sync)))

    def delete_many(self, keys: Iterable[Key]) -> int:
        """How many of them were there and went."""
        return self._core.delete_many(self.name, tuple(keys))

    def keys(self, prefix: Key = "") -> Iterator[Key]:
        """All keys that begin with `prefix`, in no order; str where they are UTF-8, else bytes.

        One that is there throughout is told at least once. Requests are made as the iterator goes on.
        """
        cursor: Optional[bytes] = None
        while True:
            cursor, page = self._core.keys(self.name, cursor, prefix)
            yield from page
            if cursor is None:
                return

    def clear(self, prefix: Key = "") -> int:
        """Removes all entries, or those whose keys begin with `prefix`; how many there were."""
        return self._core.clear(self.name, prefix)

    def info(self) -> CacheInfo:
        """Counters and settings."""
        return from_fields(CacheInfo, self.client.call("info", self.name))

    def sync(self) -> SyncResult:
        """Returns when everything that was acknowledged before is on disk. Raises `Unsupported` unless durable."""
        return SyncResult(*self._core.sync(self.name))

    def lease(
        self, key: Key, *, duration: Optional[Duration] = None, wait: Optional[Duration] = None
    ) -> LeaseResult:
        """The value if it is there; else one caller on the host gets a lease and computes it, the others wait.

        `duration` is how long a lease lasts if it is granted (10 s), `wait` how long to wait for somebody else's (as
        long as `duration`; 0: not at all).
        """
        value, found, stale, held = self._core.lease(self.name, key, self._codec, duration, wait)
        return LeaseResult(value, found, stale, None if held is None else Lease(held, self._codec))

    def drop(self) -> bool:
        """Removes the cache and all it holds. False: there was none."""
        return self._core.drop(self.name)

    def __getitem__(self, key: Key) -> Any:
        value = self._core.get(self.name, key, self._codec, _MISSING)
        if value is _MISSING:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Key, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: Key) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        return self.keys()

    def __contains__(self, key: Key) -> bool:
        return self._core.get(self.name, key, None, None) is not None

    def __reduce__(self) -> Any:
        return Cache, (self.client, self.name, self._codec)

    def __repr__(self) -> str:
        return f"<pannier.Cache {self.name!r} of {self.client.path}>"
