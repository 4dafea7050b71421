"""Disks of a test's own, which fail when they are told to. They are the kernel's: only root can make them, and not
everywhere; a test that cannot have one is skipped and says why."""

import contextlib
import errno
import os
import subprocess

import pytest

from clock import eventually

ZRAM = "/sys/class/zram-control"


def need_root(what):
    if os.geteuid() != 0:
        pytest.skip(f"only root can {what}: run the tests as root to see this")


def need(*command):
    """Runs a command; its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


class Mount:
    def __init__(self, device, directory, *options):
        self.directory = directory
        self._command = ["mount", *options, device, directory]

    def __enter__(self):
        need_root("mount a disk")
        need(*self._command)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.directory], check=True)

    def remount(self, how):
        """A directory that is bound to itself: "ro" or "rw"."""
        need("mount", "-o", f"remount,bind,{how}", self.directory)

    def turn_read_only(self, disk):
        """As the kernel does it when it finds the file system of the disk damaged: until it is mounted again."""
        try:
            write(f"/sys/fs/ext4/{os.path.basename(disk.path)}/trigger_fs_error", "1")
        except OSError as error:
            pytest.skip(f"ext4 cannot be made to fail here: {error}")

    def again(self):
        """Nothing of it stays in the kernel's memory. Nobody may have a file of it open."""
        subprocess.run(["umount", self.directory], check=True)
        subprocess.run(self._command, check=True)


def remove_zram(number):
    """False while somebody else, such as udev, looks at the device."""
    try:
        write(f"/sys/block/zram{number}/reset", "1")
        write(f"{ZRAM}/hot_remove", str(number))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class ZramDisk:
    """A block device of which every write fails between fail() and recover()."""

    def __init__(self, number):
        self.path = f"/dev/zram{number}"
        self._settings = f"/sys/block/zram{number}"

    def fail(self):
        write(f"{self._settings}/mem_limit", "1")

    def recover(self):
        write(f"{self._settings}/mem_limit", "0")


@contextlib.contextmanager
def zram_disk(size):
    """With a file system. Without a journal: with one, the kernel would give it up at the first failure."""
    need_root("make a block device")
    try:
        with open(f"{ZRAM}/hot_add", encoding="ascii") as file:
            number = int(file.read())
    except OSError as error:
        pytest.skip(f"there is no zram here, the disk that can be made to fail: {error}")
    try:
        write(f"/sys/block/zram{number}/disksize", str(size))
        need("mkfs.ext4", "-q", "-O", "^has_journal", f"/dev/zram{number}")
        yield ZramDisk(number)
    finally:
        eventually(lambda: remove_zram(number))


class LoopDisk:
    """A block device in a file, of which a part cannot be read between fail_behind() and recover()."""

    def __init__(self, path, image):
        self.path = path
        self._image = image
        self._content = None

    def fail_behind(self, value):
        """From the middle of where the bytes `value` lie."""
        with open(self._image, "rb") as file:
            self._content = file.read()
        at = self._content.find(value[len(value) // 2 :][:500])
        assert at > 0
        os.truncate(self._image, at & -4096)

    def recover(self):
        if self._content is not None:
            with open(self._image, "r+b") as file:
                file.write(self._content)
            self._content = None


@contextlib.contextmanager
def loop_disk(image, size):
    """With a file system, in the file `image`, which it reads past the kernel's memory."""
    need_root("make a block device")
    with open(image, "wb") as file:
        file.truncate(size)
    need("mkfs.ext4", "-q", "-O", "^has_journal", image)
    device = need("losetup", "--find", "--show", "--direct-io=on", image)
    try:
        yield LoopDisk(device, image)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
