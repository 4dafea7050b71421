"""The system has no memory for an arena, or for two at once: full file systems, and files that may not be as large."""

import os
import resource
import shutil
import subprocess
import tempfile

import pytest

MEBIBYTE = 1 << 20


def may_mount():
    if shutil.which("mount") is None:
        return False
    directory = tempfile.mkdtemp(prefix="pannier-")
    is_mounted = subprocess.run(["mount", "-t", "tmpfs", "none", directory], capture_output=True).returncode == 0
    if is_mounted:
        subprocess.run(["umount", directory], check=True)
    os.rmdir(directory)
    return is_mounted


class FullFileSystem:
    """A small tmpfs in which so many bytes are left beside an arena."""

    def __init__(self, left_bytes):
        self.left_bytes = left_bytes
        self.directory = tempfile.mkdtemp(prefix="pannier-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M,mode=0700", "none", self.directory], check=True)
        self.arena = f"{self.directory}/arena"
        self.ballast = f"{self.directory}/ballast"

    def refuse(self):
        status = os.statvfs(self.directory)
        with open(self.ballast, "wb") as file:
            file.write(bytes(status.f_bavail * status.f_frsize - self.left_bytes))

    def give(self):
        os.remove(self.ballast)

    def end(self):
        subprocess.run(["umount", self.directory], check=True)
        os.rmdir(self.directory)


class SmallFiles:
    """No file may become as large as a new arena."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="pannier-", dir="/dev/shm")
        self.arena = f"{self.directory}/arena"
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def refuse(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MEBIBYTE, self.before[1]))

    def give(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)

    def end(self):
        self.give()
        shutil.rmtree(self.directory)


REFUSALS = {"small files": SmallFiles}
if may_mount():
    REFUSALS["no room"] = lambda: FullFileSystem(0)
    REFUSALS["some room"] = lambda: FullFileSystem(MEBIBYTE)


@pytest.fixture(params=REFUSALS)
def scarce(request):
    """Memory that can be refused to a new arena."""
    memory = REFUSALS[request.param]()
    yield memory
    memory.end()


@pytest.mark.parametrize("limit", ["64M", "8M"])
def test_a_limit_waits_while_the_system_has_no_memory_for_both(scarce, start_daemon, limit):
    daemon = start_daemon("--arena-file", scarce.arena, "--memory-limit", "16M", "--checkpoint-interval", "1h")
    wire = daemon.connect()
    keys = [f"k{number}" for number in range(1_000)]
    wire.call("put_many", "lru", [[key, b"x" * 5_000] for key in keys])
    wire.call("put_many", "durable", [[key, b"y" * 1_000] for key in keys])
    daemon.kill9()
    scarce.refuse()
    daemon.arguments[3] = limit
    daemon.start()
    limit_bytes = int(limit[:-1]) * MEBIBYTE
    assert f"the memory limit is {limit_bytes} bytes now, but no arena for it can be made" in daemon.log()
    assert "memory stays at 16777216 bytes until a start that can" in daemon.log()
    assert "Bad address" not in daemon.log()
    assert f"{scarce.arena}.new" not in [entry.path for entry in os.scandir(scarce.directory)]
    wire = daemon.connect()
    assert None not in wire.call("get_many", "lru", keys) + wire.call("get_many", "durable", keys)
    scarce.give()
    daemon.restart()
    assert os.path.getsize(scarce.arena) == limit_bytes
    wire = daemon.connect()
    assert None not in wire.call("get_many", "lru", keys) + wire.call("get_many", "durable", keys)


@pytest.mark.parametrize("scarce", [name for name in REFUSALS if name != "some room"], indirect=True)
def test_without_memory_for_a_first_arena_the_start_fails_with_the_reason(scarce, start_daemon):
    daemon = start_daemon()
    daemon.stop()
    scarce.refuse()
    daemon.arguments = ["--arena-file", scarce.arena, "--memory-limit", "16M"]
    text = daemon.fails_to_start()
    assert "there is no memory for the caches: the file " in text
    assert "No space left on device" in text or "File too large" in text
    assert not os.path.exists(f"{scarce.arena}.new")
