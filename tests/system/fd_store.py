"""A stand-in for the service manager: it keeps what the daemon hands to it, and passes it on to the next process, as
systemd does (sd_notify(3), FDSTORE=1; sd_listen_fds(3))."""

import array
import os
import socket
import subprocess
import sys
import threading

from daemon_process import Daemon

# Puts the descriptors where sd_listen_fds(3) says, and becomes the daemon, whose process id has to be in LISTEN_PID.
LAUNCHER = """
import fcntl, os, sys
count = int(sys.argv[1])
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[2 : 2 + count]]
for place, number in enumerate(high):
    os.dup2(number, 3 + place, inheritable=True)
    os.close(number)
if count:
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2 + count], sys.argv[2 + count :])
"""
MESSAGE_BYTES = 65_536
FDS_MAX = 16


class FdStore:
    """What the daemon has asked to keep: pairs of a name and a descriptor of our own."""

    def __init__(self, path):
        self.path = path
        self.kept = []
        self.messages = []
        self.is_ready = threading.Event()
        self._has_caught_up = threading.Event()
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(MESSAGE_BYTES, socket.CMSG_SPACE(FDS_MAX * 4))
            if data == b"end":
                return
            if data == b"caught up":
                self._has_caught_up.set()
                continue
            fds = array.array("i")
            for level, kind, payload in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
            lines = dict(line.split("=", 1) for line in data.decode().splitlines())
            with self._lock:
                self.messages.append(lines)
                self._apply(lines, list(fds))
            if lines.get("READY") == "1":
                self.is_ready.set()

    def _apply(self, lines, fds):
        name = lines.get("FDNAME", "stored")
        if lines.get("FDSTOREREMOVE") == "1":
            for kept_name, fd in self.kept:
                if kept_name == name:
                    os.close(fd)
            self.kept = [pair for pair in self.kept if pair[0] != name]
        for fd in fds:
            is_known = any(os.path.sameopenfile(fd, other) for _, other in self.kept)
            if lines.get("FDSTORE") == "1" and not is_known:
                self.kept.append((name, fd))
            else:
                os.close(fd)

    def content(self):
        with self._lock:
            return list(self.kept)

    def told(self):
        """All messages so far, each a dictionary."""
        with self._lock:
            return list(self.messages)

    def catch_up(self):
        """After this, told() has all that was sent before."""
        self._has_caught_up.clear()
        self._send(b"caught up")
        assert self._has_caught_up.wait(60)

    def _send(self, message):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, self.path)

    def close(self):
        self._send(b"end")
        self._thread.join()
        self._socket.close()
        for _, fd in self.kept:
            os.close(fd)
        self.kept = []


class SupervisedDaemon(Daemon):
    """A daemon whose arena the store keeps."""

    def __init__(self, directory, *arguments, **settings):
        super().__init__(directory, *arguments, **settings)
        self.store = FdStore(os.path.join(self.directory, "notify"))

    def passed(self):
        """What the next process gets: pairs of a name and a descriptor."""
        return self.store.content()

    def start(self):
        assert self.process is None, "still running"
        passed = self.passed()
        self.store.is_ready.clear()
        environment = {**os.environ, **(self.environment or {}), "NOTIFY_SOCKET": self.store.path}
        if passed:
            environment["LISTEN_FDS"] = str(len(passed))
            environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in passed)
        fds = [fd for _, fd in passed]
        launcher = [sys.executable, "-c", LAUNCHER, str(len(fds)), *map(str, fds)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*launcher, *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.directory,
                pass_fds=fds,
            )
        self._wait_for_ping()
        assert self.store.is_ready.wait(10), "READY=1 never came"
        return self

    def arena_path(self):
        """Where the arena that is kept can be opened."""
        kept = self.store.content()
        assert len(kept) == 1 and kept[0][0] in ("pannier-arena", "pannier-arena-next"), kept
        return f"/proc/{os.getpid()}/fd/{kept[0][1]}"

    def discard(self):
        try:
            super().discard()
        finally:
            self.store.close()


class ActivatedDaemon(SupervisedDaemon):
    """One whose socket is listened on whether it runs or not, and passed to it under a name."""

    def __init__(self, directory, *arguments, socket_name="pannier-socket", **settings):
        super().__init__(directory, *arguments, **settings)
        self.socket_name = socket_name
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket_path)
        self.listener.listen(64)

    def passed(self):
        return [(self.socket_name, self.listener.fileno()), *super().passed()]

    def discard(self):
        try:
            super().discard()
        finally:
            self.listener.close()
