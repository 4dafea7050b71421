"""Pannier: one cache for all processes of a host.

    import pannier

    client = pannier.connect()                  # $PANNIER_SOCKET, or /run/pannier/pannier.sock
    cache = client.cache("lru")
    cache.put("user:7", {"name": "Ada"}, ttl=60)
    cache.get("user:7")
"""

from pannier._types import NEVER
from pannier.cache import Cache, Entry, Lease, LeaseResult
from pannier.client import Client, connect
from pannier.config import configure, default_client
from pannier.errors import *  # noqa: F403
from pannier.errors import __all__ as _errors
from pannier.info import CacheInfo, Info, ServerHello, ServerInfo, SyncResult

__all__ = [
    "NEVER",
    "Cache",
    "CacheInfo",
    "Client",
    "Entry",
    "Info",
    "Lease",
    "LeaseResult",
    "ServerHello",
    "ServerInfo",
    "SyncResult",
    "configure",
    "connect",
    "default_client",
    *_errors,
]
