"""Shared reads and access: the memory of all caches is for those who may read all of them; others ask over the socket, and
memory that somebody has mapped is left behind when access gets narrower."""

import array
import mmap
import os
import socket

import msgpack
import pytest

from clock import eventually
from users import ALICE, BOB, CAROL, as_root, open_to_all

pytestmark = as_root

NARROW = '[cache.secret]\ntier = "lru"\nreaders = ["games"]\n'


def attach(daemon, user):
    """(error, descriptor of the memory, the connection)"""
    with user.acting():
        client = socket.socket(socket.AF_UNIX)
        client.connect(daemon.socket_path)
    client.sendall(msgpack.packb([0, 1, "attach", []]))
    data, ancillary, _, _ = client.recvmsg(65536, socket.CMSG_SPACE(64))
    descriptors = array.array("i")
    for _, _, bytes_ in ancillary:
        descriptors.frombytes(bytes_)
    for ring in descriptors[1:]:
        os.close(ring)
    return msgpack.unpackb(data)[2], descriptors[0] if descriptors else None, client


def holds(descriptor, needle):
    with mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ) as memory:
        return memory.find(needle) >= 0


@pytest.fixture
def guarded(start_daemon, directory):
    """guarded(text, arguments...): (daemon, write); write(text) writes its configuration anew."""

    def start(text, *arguments):
        path = f"{directory}/pannierd.toml"

        def write(anew):
            with open(path, "w", encoding="utf-8") as file:
                file.write(anew)

        write(text)
        return open_to_all(start_daemon, "--config", path, *arguments), write

    return start


def server(daemon):
    return daemon.connect().call("info")["server"]


def test_the_memory_is_given_to_those_who_read_every_cache(guarded):
    daemon, _ = guarded(NARROW)
    for user, is_given in [(ALICE, True), (BOB, False), (CAROL, False)]:
        error, descriptor, client = attach(daemon, user)
        assert (descriptor is not None) == is_given
        if not is_given:
            assert error.startswith("denied: attach: the user with uid ")
        else:
            os.close(descriptor)
        client.close()


def test_an_administrator_who_does_not_read_is_not_given_it_either(guarded):
    daemon, _ = guarded('[access]\nadmins = ["bin"]\nreaders = ["games"]\n')
    assert attach(daemon, BOB)[0].startswith("denied")


def test_a_reload_turns_readers_out_and_says_that_a_mapping_takes_a_restart(guarded):
    daemon, write = guarded("")
    _, descriptor, client = attach(daemon, BOB)
    assert server(daemon)["access_needs_restart"] is False
    write(NARROW)
    answer = daemon.connect().call("reload")
    assert [one["key"] for one in answer["needs_restart"]] == ["access"]
    assert server(daemon)["access_needs_restart"] is True
    assert "access is" in daemon.log()
    assert attach(daemon, BOB)[0].startswith("denied")
    write("")
    assert daemon.connect().call("reload")["needs_restart"] == []
    assert server(daemon)["access_needs_restart"] is False
    os.close(descriptor)
    client.close()


def test_a_reload_that_nobody_has_mapped_before_needs_no_restart(guarded):
    daemon, write = guarded("")
    write(NARROW)
    assert daemon.connect().call("reload")["needs_restart"] == []


def test_a_narrower_access_leaves_the_mapped_memory_behind_at_the_next_start(guarded, arena):
    daemon, write = guarded("", "--arena-file", arena)
    wire = daemon.connect()
    wire.call("put", "lru", "k", b"before" * 10)
    _, descriptor, client = attach(daemon, BOB)
    file = os.stat(arena).st_ino
    write(NARROW)
    daemon.restart()
    assert os.stat(arena).st_ino != file
    assert "was given to readers who may not read all of it any more" in daemon.log()
    wire = daemon.connect()
    assert wire.call("get", "lru", "k") == [b"before" * 10]
    secret = os.urandom(40)
    wire.call("put", "secret", "k", secret)
    assert not holds(descriptor, secret)
    assert server(daemon)["access_needs_restart"] is False
    file = os.stat(arena).st_ino
    daemon.restart()
    assert os.stat(arena).st_ino == file
    os.close(descriptor)
    client.close()


def test_the_same_after_a_crash_and_after_a_reload(guarded, arena):
    daemon, write = guarded("", "--arena-file", arena)
    daemon.connect().call("put", "lru", "k", 1)
    _, descriptor, _ = attach(daemon, BOB)
    write(NARROW)
    daemon.connect().call("reload")
    daemon.kill9()
    daemon.start()
    wire = daemon.connect()
    assert wire.call("get", "lru", "k") == [1]
    secret = os.urandom(40)
    wire.call("put", "secret", "k", secret)
    assert not holds(descriptor, secret)
    os.close(descriptor)


def test_memory_stays_where_access_is_the_same_or_wider(guarded, arena):
    daemon, write = guarded(NARROW, "--arena-file", arena)
    _, descriptor, _ = attach(daemon, ALICE)
    file = os.stat(arena).st_ino
    daemon.restart()
    assert os.stat(arena).st_ino == file
    write("")
    daemon.restart()
    assert os.stat(arena).st_ino == file
    os.close(descriptor)


def test_memory_that_root_alone_has_mapped_stays(guarded, arena):
    daemon, write = guarded("", "--arena-file", arena)
    eventually(lambda: daemon.connect().call("ping") == "pong")
    client = socket.socket(socket.AF_UNIX)
    client.connect(daemon.socket_path)
    client.sendall(msgpack.packb([0, 1, "attach", []]))
    client.recv(65536)
    file = os.stat(arena).st_ino
    write(NARROW)
    daemon.restart()
    assert os.stat(arena).st_ino == file
    client.close()
