"""How leases are asked for.

First without waiting, over the shared connection: most keys are there, or nobody computes them. Only who has to wait
does so over a connection of its own, which ends the wait when it is closed, and keeps the daemon from holding back
everything else that this client asks. Of the tasks that wait for one key one at a time waits at the daemon, the others
for it: what they find then is mostly the value.

A wait that is canceled closes its connection. A token that was granted to a request for which nobody waits any more is
released when it comes.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, NamedTuple

from pannier._types import Duration
from pannier.aio import requests
from pannier.aio.channel import Channel
from pannier.aio.connection import Connection
from pannier.aio.lease import Lease, LeaseResult, Place
from pannier.durations import milliseconds, seconds
from pannier.serializers import Codec

# How long a lease lasts, and with it the wait, when the caller does not say.
DURATION_DEFAULT_S = 10.0
ARRAY_OF_ONE, ARRAY_OF_TWO = 0x91, 0x92
NOTHING = LeaseResult(None, False, False, None)


class Leases:
    """Of one cache."""

    def __init__(self, channel: Channel, cache: bytes, codec: Codec, timeout_s: float):
        self._channel = channel
        self._cache = cache
        self._codec = codec
        self._timeout_s = timeout_s
        self._turns: weakref.WeakValueDictionary[bytes, asyncio.Lock] = weakref.WeakValueDictionary()

    async def lease(self, key: bytes, duration: Duration | None, wait: Duration | None) -> LeaseResult:
        """`key` is packed."""
        options = {} if duration is None else {"lease_ms": milliseconds(duration, "duration")}
        if wait is None:
            wait = DURATION_DEFAULT_S if duration is None else duration
        wait_s = seconds(wait, "wait")
        result = await self._ask(key, options)
        if wait_s == 0 or result is not NOTHING:
            return result
        return await self._wait(key, options, asyncio.get_running_loop().time() + wait_s)

    async def _ask(self, key: bytes, options: dict[str, Any]) -> LeaseResult:
        def release(connection: Connection, late: bytes) -> None:
            token = _Answer.read(late).token
            if token is not None:
                Place(self._channel, connection, True, self._cache, key).end(token)

        body = self._body(key, options, wait_ms=0)
        answer, connection = await self._channel.call_shared(body, self._timeout_s, if_late=release)
        return self._result(_Answer.read(answer), Place(self._channel, connection, True, self._cache, key))

    async def _wait(self, key: bytes, options: dict[str, Any], deadline: float) -> LeaseResult:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        if not await _acquire(turn, deadline):
            return NOTHING
        try:
            left_s = max(deadline - asyncio.get_running_loop().time(), 0.0)
            body = self._body(key, options, wait_ms=milliseconds(left_s, "wait"))
            found, connection = await self._channel.call_alone(body, left_s + self._timeout_s)
        finally:
            turn.release()
        answer, place = _Answer.read(found), Place(self._channel, connection, False, self._cache, key)
        if answer.token is None:
            place.leave()
        return self._result(answer, place)

    def _body(self, key: bytes, options: dict[str, Any], wait_ms: int) -> bytes:
        return requests.body("lease", self._cache, key, options={**options, "wait_ms": wait_ms})

    def _result(self, answer: _Answer, place: Place) -> LeaseResult:
        packed, is_stale, token = answer
        if packed is None and token is None:
            return NOTHING
        # First, so that it is released if the value cannot be read.
        lease = None if token is None else Lease(place, token, self._codec, self._timeout_s)
        value = None if packed is None else self._codec.unpack(packed)
        return LeaseResult(value, packed is not None, is_stale, lease)


class _Answer(NamedTuple):
    """What the daemon answers: nil, a token, [value] or [value, token or nil]."""

    packed: bytes | None
    is_stale: bool
    token: int | None

    @classmethod
    def read(cls, answer: bytes) -> _Answer:
        if answer[0] == requests.NIL:
            return cls(None, False, None)
        if answer[0] == ARRAY_OF_ONE:
            return cls(answer[1:], False, None)
        if answer[0] == ARRAY_OF_TWO:
            packed, (token,) = requests.split_first(answer)
            return cls(packed, True, token)
        return cls(None, False, requests.unpack(answer))


async def _acquire(turn: asyncio.Lock, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            return await turn.acquire()
    except TimeoutError:
        return False
