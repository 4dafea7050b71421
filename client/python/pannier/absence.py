"""Whether a daemon is away, so that those who can do without it do not wait for it again and again.

After an attempt that failed nobody asks for a while; then one does, and the others when that went well. The while is short
where the failure was quick (nobody listens: 50 ms), and ten times as long as the attempt where it was a time-out, up to a
minute: a daemon that hangs costs a tenth of one caller's time at most.
"""

from __future__ import annotations

import logging
import time

from pannier.errors import PannierError, TimeoutError

PAUSE_MIN_S = 0.05
PAUSE_MAX_S = 60.0
PAUSE_PER_ATTEMPT = 10

logger = logging.getLogger("pannier")


class Absence:
    """Of one daemon, as this process sees it. Any thread may use it: what races costs is one attempt more."""

    def __init__(self, path: str) -> None:
        self._path = path
        # By time.monotonic(); 0: the daemon is there.
        self._asked_again_at = 0.0
        self._pause_s = PAUSE_MIN_S

    def lets_ask(self) -> bool:
        """Whether this caller is to ask the daemon; while it is away that is one caller a pause."""
        if self._asked_again_at == 0.0:
            return True
        now = time.monotonic()
        if now < self._asked_again_at:
            return False
        self._asked_again_at = now + self._pause_s
        return True

    def begin(self, error: PannierError, attempt_s: float) -> None:
        """An attempt has failed after that time."""
        if self._asked_again_at == 0.0:
            logger.warning("the daemon at %s is away; what is memoized is computed: %s", self._path, error)
        pause_s = attempt_s * PAUSE_PER_ATTEMPT if isinstance(error, TimeoutError) else PAUSE_MIN_S
        self._pause_s = min(max(pause_s, PAUSE_MIN_S), PAUSE_MAX_S)
        self._asked_again_at = time.monotonic() + self._pause_s

    def end(self) -> None:
        """The daemon has answered."""
        if self._asked_again_at != 0.0:
            self._asked_again_at = 0.0
            logger.info("the daemon at %s is back", self._path)


_absences: dict[str, Absence] = {}


def absence_of(path: str) -> Absence:
    """That of the daemon with this socket."""
    absence = _absences.get(path)
    return _absences.setdefault(path, Absence(path)) if absence is None else absence
