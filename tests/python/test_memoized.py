"""@pannier.memoized: one value for all processes where something identifies the object, else one on the object."""

import threading
import time

import pytest
from programs import Programs, forked

import pannier

PROGRAM = """
    import sys, time
    import pannier

    class User:
        def __init__(self, user_id):
            self.user_id = user_id

        def __cache_key__(self):
            return self.user_id

        @pannier.memoized
        def name(self):
            print("computing")
            time.sleep(float(sys.argv[1]))
            return f"user {self.user_id}"

    print(User(7).name)
    for _ in sys.argv[2:]:
        del User(7).name
"""


@pytest.fixture
def programs(process_daemon, tmp_path):
    return Programs(tmp_path)


class Base:
    """Objects with a number, and counts of what each has computed."""

    def __init__(self, number=None):
        self.number = number
        self.computed = 0

    def compute(self, value):
        self.computed += 1
        return value


class Keyed(Base):
    @property
    def __cache_key__(self):
        return self.number

    @pannier.memoized
    def square(self):
        """The square of the number."""
        return self.compute(self.number and self.number**2)

    @pannier.memoized
    def handle(self):
        return self.compute(threading.Lock())

    @pannier.memoized(ttl=1)
    def short(self):
        return self.compute("short")

    @pannier.memoized
    def failing(self):
        raise ValueError(f"number {self.compute(self.number)}")

    @pannier.memoized
    def through_a_twin(self):
        return self.compute(self.number if self.computed else self.twin().through_a_twin)

    def twin(self):
        twin = type(self)(self.number)
        twin.computed = 1
        return twin


class Derived(Keyed):
    pass


class ByKey(Base):
    @pannier.memoized(key=lambda self: self.number)
    def half(self):
        return self.compute(self.number / 2)


class Unkeyed(Base):
    @pannier.memoized
    def value(self):
        return self.compute([self.number])


class Slotted:
    __slots__ = ()

    @pannier.memoized
    def value(self):
        return 1


def test_processes_share_a_value_and_its_end(programs):
    program = programs.write("program.py", PROGRAM)
    assert programs.run(program, 0) == ["computing", "user 7"]
    assert programs.run(program, 0, "del") == ["user 7"]
    assert programs.run(program, 0) == ["computing", "user 7"]


def test_processes_that_ask_at_the_same_time_compute_once(programs):
    program = programs.write("program.py", PROGRAM)
    outputs = programs.run_together(program, 0.5, count=4)
    assert sorted(map(len, outputs)) == [1, 1, 1, 2]
    assert {output[-1] for output in outputs} == {"user 7"}


@pytest.mark.usefixtures("process_daemon")
def test_objects_with_one_key_share_and_others_do_not():
    first, second, other, derived = Keyed(3), Keyed(3), Keyed(4), Derived(3)
    assert [one.square for one in (first, second, other, derived)] == [9, 9, 16, 9]
    assert [one.computed for one in (first, second, other, derived)] == [1, 0, 1, 1]
    del second.square
    assert (first.square, first.computed) == (9, 2)
    assert forked(lambda: second.square) == 9


@pytest.mark.usefixtures("process_daemon")
def test_a_key_function_identifies_an_object():
    first, second = ByKey(8), ByKey(8)
    assert (first.half, second.half, first.computed + second.computed) == (4, 4, 1)


@pytest.mark.usefixtures("process_daemon")
def test_a_shared_value_is_not_assigned():
    one = Keyed(5)
    with pytest.raises(AttributeError, match="del makes"):
        one.square = 26
    assert one.square == 25


@pytest.mark.usefixtures("process_daemon")
@pytest.mark.parametrize("make", [Unkeyed, lambda: Keyed(None)])
def test_without_a_key_the_value_is_kept_on_the_object(make):
    first, second = make(), make()
    name = "value" if isinstance(first, Unkeyed) else "square"
    assert getattr(first, name) is getattr(first, name)
    assert getattr(second, name) == getattr(first, name)
    assert (first.computed, second.computed) == (1, 1)
    delattr(first, name)
    delattr(first, name)
    getattr(first, name), getattr(second, name)
    assert (first.computed, second.computed) == (2, 1)


def test_without_a_key_no_daemon_is_needed(let_find):
    let_find("/nonexistent/pannier.sock")
    pannier.configure(on_error="raise")
    one = Unkeyed(1)
    assert one.value is one.value
    one.value = 2
    assert one.value == 2


@pytest.mark.usefixtures("process_daemon")
def test_threads_that_ask_at_the_same_time_compute_once():
    class Slow(Keyed):
        @pannier.memoized(name="slow", key=lambda self: self.number)
        def value(self):
            computed.append(self)
            time.sleep(0.1)
            return self.number

    computed, found = [], []
    threads = [threading.Thread(target=lambda: found.append(Slow(1).value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(computed)) == ([1] * 8, 1)


@pytest.mark.usefixtures("process_daemon")
def test_an_exception_reaches_the_caller_and_is_not_kept():
    one = Keyed(6)
    for computed in (1, 2):
        started = time.monotonic()
        with pytest.raises(ValueError, match="number 6"):
            one.failing
        assert one.computed == computed
        assert time.monotonic() - started < 5, "nobody waits for the lease of who failed"


@pytest.mark.usefixtures("process_daemon")
def test_a_value_that_needs_itself_by_another_object_is_computed_without_waiting():
    one = Keyed(9)
    started = time.monotonic()
    assert one.through_a_twin == 9
    assert time.monotonic() - started < 5


@pytest.mark.usefixtures("process_daemon")
def test_a_shared_value_that_cannot_be_serialized_is_refused():
    one = Keyed(1)
    with pytest.raises(TypeError, match="lock"):
        one.handle
    one.number = None
    assert one.handle is one.handle, "without a key any value is kept"


@pytest.mark.usefixtures("process_daemon")
def test_a_key_that_other_processes_cannot_know_is_refused():
    with pytest.raises(pannier.Unidentified):
        Keyed(object()).square


@pytest.mark.usefixtures("process_daemon")
def test_a_value_ends_with_its_ttl():
    one = Keyed(1)
    assert (one.short, one.short, one.computed) == ("short", "short", 1)
    time.sleep(1.01)
    assert (one.short, one.computed) == ("short", 2)


def test_without_the_daemon_values_are_computed_or_the_error_is_raised(own_process_daemon):
    one = Keyed(2)
    assert (one.square, one.square, one.computed) == (4, 4, 1)
    own_process_daemon.stop()
    assert (one.square, one.square, one.computed) == (4, 4, 3)
    with pytest.raises(pannier.TransportError):
        del one.square
    pannier.configure(on_error="raise")
    with pytest.raises(pannier.TransportError):
        one.square
    own_process_daemon.start()
    assert (one.square, one.square, one.computed) == (4, 4, 4)


def test_the_class_shows_the_property():
    assert Keyed.square.__doc__ == "The square of the number."
    assert Keyed.square.__wrapped__(Keyed(3)) == 9


def test_an_object_that_can_neither_keep_nor_share_says_so():
    with pytest.raises(TypeError, match="Slotted has no __dict__"):
        Slotted().value
