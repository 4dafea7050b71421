"""Pannier: one cache for all processes of a host.

    import pannier

    client = pannier.connect()                  # $PANNIER_SOCKET, or /run/pannier/pannier.sock
    cache = client.cache("lru")
    cache.put("user:7", {"name": "Ada"}, ttl=60)
    cache.get("user:7")
"""

import importlib
from typing import TYPE_CHECKING, Any

from pannier._core import __version__
from pannier._types import NEVER
from pannier.atoms import Unidentified
from pannier.cache import Cache, Entry, Lease, LeaseResult
from pannier.client import Client, connect
from pannier.config import configure, default_client
from pannier.errors import *  # noqa: F403
from pannier.errors import __all__ as _errors
from pannier.expiring_dict import ExpiringDict
from pannier.info import CacheInfo, Info, ServerHello, ServerInfo, SyncResult
from pannier.lru import lru_cache
from pannier.memoize import memoize
from pannier.memoized import memoized
from pannier.shelf import DurableCache
from pannier.unshared import UnsharedWarning

if TYPE_CHECKING:
    from pannier import aio as aio

__all__ = [
    "NEVER",
    "Cache",
    "CacheInfo",
    "Client",
    "DurableCache",
    "Entry",
    "ExpiringDict",
    "Info",
    "Lease",
    "LeaseResult",
    "ServerHello",
    "ServerInfo",
    "SyncResult",
    "Unidentified",
    "UnsharedWarning",
    "__version__",
    "configure",
    "connect",
    "default_client",
    "lru_cache",
    "memoize",
    "memoized",
    *_errors,
]


def __getattr__(name: str) -> Any:
    """`pannier.aio` without an import of its own; asyncio is loaded by those alone who use it."""
    if name == "aio":
        return importlib.import_module("pannier.aio")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
