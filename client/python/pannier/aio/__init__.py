"""The client for asyncio: the names of `pannier`, awaited.

    import pannier.aio

    async with pannier.aio.connect() as client:       # $PANNIER_SOCKET, or /run/pannier/pannier.sock
        cache = await client.cache("lru")
        await cache.put("user:7", {"name": "Ada"}, ttl=60)
        await cache.get("user:7")

Each call is a request over the socket; only `pannier.connect` reads entries out of the daemon's memory (`shared_reads`).
"""

from pannier.aio.cache import Cache
from pannier.aio.client import Client, connect
from pannier.aio.lease import Lease, LeaseResult

__all__ = ["Cache", "Client", "Lease", "LeaseResult", "connect"]
