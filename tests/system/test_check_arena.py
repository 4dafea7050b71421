"""pannierd --check-arena: whether memory that a daemon works in, or has left behind, is sound."""

import os

import pytest

from check_arena import check, report

ENTRIES = 500


@pytest.fixture
def filled(start_daemon, arena):
    """A daemon with an arena file that holds some entries, some of them dirty."""
    daemon = start_daemon("--arena-file", arena, "--memory-limit", "16M", "--checkpoint-interval", "1h")
    wire = daemon.connect()
    wire.results(wire.pipeline(*[("put", "lru", f"k{i}", "v" * (i * 10)) for i in range(ENTRIES)]))
    wire.results(wire.pipeline(*[("put", "durable", f"k{i}", i) for i in range(7)]))
    return daemon


def test_an_arena_that_was_closed_cleanly_is_sound(filled, arena):
    filled.stop()
    found = report(arena)
    assert found["sound"] and found["fault"] is None and not found["in_use"]
    assert found["closed_cleanly"] and found["rolled_back_words"] == 0
    assert found["entries"] == ENTRIES + 7 and found["dirty_entries"] == 0
    assert found["caches"] == 3 and found["bytes"] == 16 << 20
    assert 0 < found["pages_used"] < found["pages"]


def test_an_arena_of_a_killed_daemon_is_sound_and_checking_it_changes_nothing(filled, arena):
    filled.kill9()
    with open(arena, "rb") as file:
        before = file.read()
    found = report(arena)
    assert found["sound"] and not found["closed_cleanly"]
    assert found["entries"] == ENTRIES + 7 and found["dirty_entries"] == 7
    with open(arena, "rb") as file:
        assert file.read() == before


def test_the_arena_of_a_running_daemon_is_checked_and_said_to_be_in_use(filled, arena):
    found = report(arena)
    assert found["sound"] and found["in_use"] and found["dirty_entries"] == 7
    assert filled.connect().call("get", "durable", "k3") == [3]


def test_the_memory_of_a_running_daemon_is_checked_through_its_descriptor(own_daemon):
    wire = own_daemon.connect()
    wire.call("put", "lru", "k", 1)
    directory = f"/proc/{own_daemon.pid}/fd"
    (number,) = [fd for fd in os.listdir(directory) if "pannier-arena" in os.readlink(f"{directory}/{fd}")]
    found = report(f"{directory}/{number}")
    assert found["sound"] and found["entries"] == 1
    assert wire.call("get", "lru", "k") == [1]


def test_people_are_told_the_same_in_words(filled, arena):
    filled.stop()
    code, output, error = check(arena)
    assert (code, error) == (0, "")
    assert output.splitlines()[0] == f"{arena} is sound"
    assert f"entries: {ENTRIES + 7}" in output


def test_a_damaged_arena_is_not_sound(filled, arena):
    filled.stop()
    size = os.stat(arena).st_size
    with open(arena, "r+b") as file:
        # All that may be zero is, behind the head: the index leads nowhere any more.
        file.seek(size // 16)
        file.write(bytes(size // 2))
    found = report(arena)
    assert not found["sound"] and found["fault"]
    code, output, _ = check(arena)
    assert code == 1 and f"{arena} is not sound: " in output


@pytest.mark.parametrize("content", [b"", b"x", b"x" * (2 << 20)], ids=["empty", "short", "long"])
def test_what_is_no_arena_is_told_so(arena, content):
    with open(arena, "wb") as file:
        file.write(content)
    found = report(arena)
    assert not found["sound"] and "no arena" in found["fault"]


def test_what_cannot_be_opened_is_told_with_the_reason(arena):
    found = report(arena)
    assert not found["sound"] and "No such file" in found["fault"]


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["a", "--jsn"]], ids=str)
def test_a_wrong_command_line_is_told(arguments):
    code, output, error = check(*arguments)
    assert (code, output) == (2, "")
    assert error.startswith("pannierd: ")
