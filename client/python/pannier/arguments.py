"""The arguments of a call as the key of an entry.

Calls have the same key where functools.lru_cache would take them for the same: 1, 1.0 and True are one, unless `typed`;
a positional argument is another than the same one by keyword; the order of keywords counts. See `pannier.identity` for
the values that can be arguments.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pannier.atoms import ATOMS, pack, type_name
from pannier.identity import form_of

# A longer key becomes a digest: keys lie in memory beside their values.
KEY_BYTES_MAX = 256
DIGEST_BYTES = 32
# First bytes that no array of positional arguments has.
WITH_KEYWORDS = b"="
DIGEST = b"#"


def call_key(args: tuple[Any, ...], kwargs: dict[str, Any], typed: bool = False) -> bytes:
    """At most 256 bytes. TypeError: an argument is unhashable; `Unidentified` (a TypeError too): none can tell which it
    is.

    `typed` tells arguments of different types apart, not what is inside of them.
    """
    parts = [_of(value) for value in args]
    if kwargs or typed:
        types = [_type(value) for value in (*args, *kwargs.values())] if typed else None
        parts = [parts, [(name, _of(value)) for name, value in kwargs.items()], types]
        return shortened(WITH_KEYWORDS + pack(parts))
    return shortened(pack(parts))


def shortened(key: bytes) -> bytes:
    """`key`, or a digest of it if it is long."""
    if key[KEY_BYTES_MAX:]:
        return DIGEST + hashlib.blake2b(key, digest_size=DIGEST_BYTES).digest()
    return key


def _of(value: Any) -> Any:
    known = ATOMS.get(type(value))
    return known(value) if known is not None else form_of(value)


def _type(value: Any) -> list[str]:
    return type_name(type(value))
