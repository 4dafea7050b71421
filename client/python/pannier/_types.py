"""Names for the types that methods share."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Iterable, Mapping, Tuple, Union

#: A key: 1 to 65,535 bytes, or a str, which is its UTF-8 bytes.
Key = Union[str, bytes]
#: Seconds as int or float, or a timedelta; fractions of a millisecond count as a whole one.
Duration = Union[int, float, timedelta]
#: Entries to put, as dict() takes them.
Entries = Union[Mapping[Any, Any], Iterable[Tuple[Any, Any]]]
#: As `ttl`: no deadline.
NEVER = math.inf
