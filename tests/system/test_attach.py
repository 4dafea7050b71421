"""`attach`: the daemon's memory for reading, and nothing else of it."""

import array
import contextlib
import errno
import fcntl
import mmap
import os
import socket
import struct
import subprocess
import sys

import msgpack
import pytest

from clock import eventually

F_ADD_SEALS = 1033
F_SEAL_WRITE = 8
PROT_READ, PROT_WRITE = mmap.PROT_READ, mmap.PROT_WRITE

# Run as another user: each way to the memory that must be closed, by name. Prints those that are open.
INTRUDER = """
import ctypes, mmap, os, sys
arena = int(sys.argv[1])
os.setgid(65534), os.setuid(65534)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
FAILED = ctypes.c_void_p(-1).value

def reopen(flags):
    os.close(os.open(f"/proc/self/fd/{arena}", flags))

def protect():
    place = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, arena, 0)
    assert place != FAILED
    if libc.mprotect(place, 4096, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")

def map_writable():
    if libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, arena, 0) == FAILED:
        raise OSError(ctypes.get_errno(), "mmap")

def punch():
    keep_size_and_punch = 1 | 2
    if libc.fallocate(arena, keep_size_and_punch, ctypes.c_long(0), ctypes.c_long(4096)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")

ways = {
    "write": lambda: os.pwrite(arena, b"x", 0),
    "truncate": lambda: os.ftruncate(arena, 0),
    "mmap": map_writable,
    "mprotect": protect,
    "chmod": lambda: os.fchmod(arena, 0o666),
    "reopen for writing": lambda: reopen(os.O_RDWR),
    "reopen for appending": lambda: reopen(os.O_WRONLY | os.O_APPEND),
    "reopen and truncate": lambda: reopen(os.O_WRONLY | os.O_TRUNC),
    "allocate": lambda: os.posix_fallocate(arena, 0, 4096),
    "punch a hole": punch,
}
for name, way in ways.items():
    try:
        way()
    except OSError:
        continue
    print(name)
"""


def attach(wire_socket, msgid=1):
    """The result, and the descriptors that came with it."""
    wire_socket.sendall(msgpack.packb([0, msgid, "attach", []]))
    data, ancillary, _, _ = wire_socket.recvmsg(65536, socket.CMSG_SPACE(64))
    descriptors = array.array("i")
    for level, kind, bytes_ in ancillary:
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        descriptors.frombytes(bytes_)
    kind, answered, error, result = msgpack.unpackb(data)
    assert (kind, answered) == (1, msgid)
    return error or result, list(descriptors)


@pytest.fixture
def attached(daemon):
    """(socket, result, arena, ring)"""
    client = socket.socket(socket.AF_UNIX)
    client.connect(daemon.socket_path)
    result, descriptors = attach(client)
    assert len(descriptors) == 2
    yield client, result, *descriptors
    for fd in descriptors:
        os.close(fd)
    client.close()


def readers(wire):
    return wire.call("info")["server"]["shared_readers"]


def test_the_memory_is_that_of_the_daemon(attached, wire, open_cache):
    _, result, arena, _ = attached
    assert result["bytes"] == os.fstat(arena).st_size == wire.call("info")["server"]["memory_limit"]
    marked = os.urandom(24)
    wire.call("put", open_cache(), "k", marked)
    with mmap.mmap(arena, 0, mmap.MAP_SHARED, PROT_READ) as memory:
        assert memory.find(marked) > 0
        assert struct.unpack_from("<I", memory, 8)[0] == result["format"]


def test_nothing_can_be_written_by_the_descriptor_that_was_given(attached):
    _, _, arena, _ = attached
    with pytest.raises(OSError) as caught:
        os.pwrite(arena, b"x", 0)
    assert caught.value.errno == errno.EBADF
    with pytest.raises(OSError) as caught:
        fcntl.fcntl(arena, F_ADD_SEALS, F_SEAL_WRITE)
    assert caught.value.errno == errno.EPERM
    with pytest.raises(PermissionError):
        mmap.mmap(arena, 4096, mmap.MAP_SHARED, PROT_READ | PROT_WRITE)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_finds_no_way_to_write_or_cut_off_the_memory(attached):
    _, _, arena, _ = attached
    command = [sys.executable, "-c", INTRUDER, str(arena)]
    ended = subprocess.run(command, pass_fds=[arena], capture_output=True, text=True, check=True)
    assert ended.stdout == ""


def test_the_ring_cannot_be_cut_off(attached, wire):
    _, _, _, ring = attached
    with pytest.raises(OSError) as caught:
        os.ftruncate(ring, 0)
    assert caught.value.errno == errno.EPERM
    assert wire.call("ping") == "pong"


def test_any_bytes_in_the_ring_do_no_harm(attached, wire, open_cache):
    cache = open_cache(max_entries=100)
    for i in range(200):
        wire.call("put", cache, str(i), "x" * i)
    _, _, _, ring = attached
    size = os.fstat(ring).st_size
    for _ in range(20):
        os.pwrite(ring, os.urandom(size), 0)
        wire.call("info")
    assert wire.call("info", cache)["currsize"] == 100
    for i in range(100, 200):
        assert wire.call("get", cache, str(i)) == ["x" * i]


def test_asked_again_it_is_the_same_memory_and_a_new_ring(attached, wire):
    client, result, arena, ring = attached
    before = readers(wire)
    again, descriptors = attach(client, msgid=2)
    assert again == result
    assert os.fstat(descriptors[0]).st_ino == os.fstat(arena).st_ino
    assert os.fstat(descriptors[1]).st_ino != os.fstat(ring).st_ino
    assert readers(wire) == before
    for fd in descriptors:
        os.close(fd)


def test_a_reader_takes_no_file_of_the_daemon_beside_its_connection(daemon, attached):
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(contextlib.closing(daemon.connect())) for _ in range(10)]
        assert {wire.call("ping") for wire in wires} == {"pong"}
        before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        for wire in wires:
            for fd in attach(wire.socket)[1]:
                os.close(fd)
        # One that was closed by an earlier test may go meanwhile.
        eventually(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before)


def test_readers_are_counted_and_bounded(start_daemon):
    daemon = start_daemon("--max-shared-readers", "2")
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in clients:
        client.connect(daemon.socket_path)
    for client in clients[:2]:
        _, descriptors = attach(client)
        assert len(descriptors) == 2
        for fd in descriptors:
            os.close(fd)
    error, descriptors = attach(clients[2])
    assert error == "overloaded: attach: there are 2 readers, as many as max_shared_readers allows"
    assert descriptors == []
    clients[0].close()
    with contextlib.closing(daemon.connect()) as wire:
        assert eventually(lambda: readers(wire) == 1)
    result, descriptors = attach(clients[2], msgid=2)
    assert set(result) == {"format", "bytes"}
    for fd in descriptors:
        os.close(fd)
    for client in clients[1:]:
        client.close()


def test_a_daemon_may_give_its_memory_to_nobody(start_daemon):
    daemon = start_daemon("--max-shared-readers", "0")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(daemon.socket_path)
        error, descriptors = attach(client)
    assert error == "unsupported: attach: max_shared_readers is 0: nobody reads but over the socket"
    assert descriptors == []


def test_an_arena_in_a_file_is_for_reading_too(start_daemon):
    path = f"/dev/shm/pannier-attach-{os.getpid()}"
    try:
        daemon = start_daemon("--arena-file", path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(daemon.socket_path)
            _, (arena, ring) = attach(client)
        with pytest.raises(OSError):
            os.pwrite(arena, b"x", 0)
        os.close(arena), os.close(ring)
    finally:
        if os.path.exists(path):
            os.unlink(path)
