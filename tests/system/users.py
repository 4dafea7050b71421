"""Other users and groups, as root can be them: connections that the kernel says are theirs.

Debian's own accounts stand for people: `games` is Alice, `man` is Carol, `bin` is Bob, the group `mail` is a team. Numbers
need no account."""

import contextlib
import os
from typing import NamedTuple

import pytest

from wire import Wire

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


class User(NamedTuple):
    uid: int
    gid: int
    groups: tuple = ()

    @contextlib.contextmanager
    def acting(self):
        """What is connected meanwhile is this user's for good."""
        groups = os.getgroups()
        os.setgroups(self.groups)
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)

    def connect(self, daemon, **settings):
        with self.acting():
            return Wire(daemon.socket_path, **settings)

    def process(self):
        """Arguments of subprocess that run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": list(self.groups)}


MAIL = 8
ROOT = User(0, 0)
ALICE = User(5, 60)
BOB = User(2, 2)
CAROL = User(6, 12, (100, MAIL))
MALLORY = User(54321, 54321)


def open_to_all(start_daemon, *arguments, **settings):
    """A daemon whose socket everybody can connect to."""
    daemon = start_daemon("--socket-mode", "0666", *arguments, **settings)
    os.chmod(daemon.directory, 0o711)
    return daemon
