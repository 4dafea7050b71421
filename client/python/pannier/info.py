"""What the daemon tells about itself and its caches. Counters count since the daemon started or the cache was opened."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Optional, TypeVar

T = TypeVar("T")


class SyncResult(NamedTuple):
    """What a sync has written."""

    entries: int
    bytes: int
    #: Seconds it took.
    duration: float


@dataclasses.dataclass(frozen=True)
class CacheInfo:
    """A cache. The first four are those of `functools.lru_cache`'s `cache_info()`; times are milliseconds."""

    hits: int
    misses: int
    maxsize: Optional[int]
    currsize: int
    name: str
    tier: str
    policy: str = ""
    max_bytes: Optional[int] = None
    max_age_ms: Optional[int] = None
    stale_ms: int = 0
    reserved_bytes: int = 0
    used_bytes: int = 0
    #: Those of ``hits`` that clients have read out of the daemon's memory themselves.
    shared_hits: int = 0
    puts: int = 0
    deletes: int = 0
    cleared: int = 0
    evictions: int = 0
    expirations: int = 0
    #: These are told of durable caches alone.
    dirty_entries: int = 0
    dirty_bytes: int = 0
    last_sync_ms: Optional[int] = None
    oldest_dirty_ms: Optional[int] = None
    last_sync_duration_ms: Optional[int] = None
    sync_errors: int = 0
    last_error: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class ServerInfo:
    """The daemon as a whole."""

    version: str
    pid: int
    uptime_ms: int
    connections: int
    requests: int
    memory_limit: int
    memory_used: int
    buffer_bytes: int = 0
    expiry_lag_ms: int = 0
    leases: int = 0
    lease_waiters: int = 0
    subscriptions: int = 0
    shared_readers: int = 0
    waiting_for_disk: int = 0
    dirty_entries: int = 0
    dirty_bytes: int = 0
    disk_failing: bool = False


@dataclasses.dataclass(frozen=True)
class Info:
    """The daemon, and its caches by name."""

    server: ServerInfo
    caches: dict[str, CacheInfo]


@dataclasses.dataclass(frozen=True)
class ServerHello:
    """Which daemon answers, and its limits by name: bytes, milliseconds, or numbers, as PROTOCOL.md lists them."""

    server: str
    version: str
    protocol: int
    pid: int
    limits: dict[str, int]


def from_fields(kind: type[T], fields: dict[str, Any]) -> T:
    """A dataclass of the fields that it knows; a newer daemon may tell more."""
    known = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in fields.items() if name in known})


def info_from_fields(fields: dict[str, Any]) -> Info:
    caches = {name: from_fields(CacheInfo, cache) for name, cache in fields["caches"].items()}
    return Info(from_fields(ServerInfo, fields["server"]), caches)
