"""The results of a function that this process has read and keeps as objects, while the cache has them unchanged."""

from __future__ import annotations

from typing import Optional

from pannier import _core
from pannier.unshared import MISSING

#: Of results of which the cache may hold any number.
COPIES_MAX = 1024


def copies_of(maxsize: Optional[int]) -> _core.Copies:
    """At most `maxsize` of them. MISSING is what it finds where there is none, or the result is another since."""
    return _core.Copies(COPIES_MAX if maxsize is None else maxsize, MISSING)
