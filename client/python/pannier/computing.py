"""What is being computed at the moment, as seen from inside: a computation that asks for its own result would wait for itself.

Known by context variables, so tasks and threads that a computation starts with a copy of its context (asyncio's tasks,
`asyncio.to_thread`) count as its inside, as long as it runs; a thread that was started without does not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

#: Name of the cache, and key.
Place = tuple[str, bytes]


class _Computation:
    __slots__ = ("place", "is_over")

    def __init__(self, place: Place) -> None:
        self.place = place
        # Seen by tasks that outlive it, whose context still has it.
        self.is_over = False


_around: ContextVar[tuple[_Computation, ...]] = ContextVar("pannier_computations", default=())


def is_inside(place: Place) -> bool:
    """Whether who asks belongs to a computation of this place."""
    return any(each.place == place and not each.is_over for each in _around.get())


@contextlib.contextmanager
def computing(place: Place) -> Iterator[None]:
    computation = _Computation(place)
    token = _around.set((*_around.get(), computation))
    try:
        yield
    finally:
        computation.is_over = True
        _around.reset(token)
