"""memoize by threads: which calls are one, what is kept, who computes and who waits."""

import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import pannier

pytestmark = pytest.mark.usefixtures("process_daemon")


class Counted:
    """Makes functions that count their calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        return len(self.calls)


@pytest.fixture
def counted():
    return Counted()


def test_a_result_is_computed_once_and_found_by_every_later_call(counted, new_name):
    @pannier.memoize(name=new_name())
    def double(n):
        counted()
        return n * 2

    assert [double(2), double(2), double(3), double(2)] == [4, 4, 6, 4]
    assert len(counted.calls) == 2
    info = double.cache_info()
    assert (info.hits, info.misses, info.currsize, info.maxsize) == (2, 2, 2, None)


def test_it_looks_like_the_function_that_it_decorates():
    def double(n: int) -> int:
        """Twice n."""
        return n * 2

    cached = pannier.memoize(double)
    assert cached.__wrapped__ is double
    assert (cached.__name__, cached.__doc__, cached.__annotations__) == (
        double.__name__, double.__doc__, double.__annotations__
    )
    assert cached.__wrapped__(4) == cached(4) == 8
    assert pannier.memoize(ttl=5)(double)(4) == 8


def test_two_functions_share_nothing_and_one_name_shares_all(counted, new_name):
    def first(n):
        return ("first", n)

    def second(n):
        return ("second", n)

    assert pannier.memoize(first)(1)[0] == "first" and pannier.memoize(second)(1)[0] == "second"
    name = new_name()
    assert pannier.memoize(name=name)(first)(1)[0] == "first"
    assert pannier.memoize(name=name)(second)(1)[0] == "first"


def test_calls_are_told_apart_as_in_functools(counted, new_name):
    function = pannier.memoize(name=new_name())(counted)
    assert function(1) == function(1.0) == function(True) == 1
    assert function(x=1) == 2
    assert function(1, 2) == 3 and function((1, 2)) == 4
    typed = pannier.memoize(name=new_name(), typed=True)(counted)
    assert typed(1) == 5 and typed(1.0) == 6 and typed(1) == 5


def test_a_key_says_what_identifies_a_call(counted, new_name):
    function = pannier.memoize(name=new_name(), key=lambda user, verbose=False: user["id"])(counted)
    assert function({"id": 7}) == function({"id": 7, "seen": True}, verbose=True) == 1
    assert function({"id": 8}) == 2
    assert function.invalidate({"id": 7}) and function({"id": 7}) == 3


def test_what_other_processes_could_not_know_is_a_type_error(new_name):
    with pytest.raises(pannier.Unidentified):
        pannier.memoize(name=new_name())(lambda value: 1)(object())
    with pytest.raises(TypeError):
        pannier.memoize(name=new_name())(lambda value: 1)([])
    thing = object()
    with pytest.raises(pannier.Unidentified):
        pannier.memoize(lambda: thing)()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": -1},
        {"stale": "1"},
        {"lease": 0},
        {"lease": 3600.001},
        {"key": "id"},
        {"maxsize": 0},
        {"maxsize": 1.5},
        {"on_error": "ignore"},
        {"serializer": 5},
    ],
)
def test_wrong_settings_are_told_when_the_function_is_decorated(wrong):
    with pytest.raises((TypeError, ValueError)):
        pannier.memoize(**wrong)(len)


def test_generators_are_not_memoized():
    def generator():
        yield 1

    with pytest.raises(TypeError, match="generator"):
        pannier.memoize(generator)


def test_a_result_counts_until_its_ttl(client, counted, new_name):
    name = new_name()
    pannier.memoize(name=name, ttl=60)(counted)()
    (key,) = client.cache(name).keys()
    assert 50 < client.cache(name).get_entry(key).ttl <= 60
    function = pannier.memoize(name=new_name(), ttl=0.05)(counted)
    assert function() == 2
    time.sleep(0.06)
    assert function() == 3


def test_maxsize_lets_the_least_recently_used_result_go(counted, new_name):
    function = pannier.memoize(name=new_name(), maxsize=2)(counted)
    assert [function(1), function(2), function(1), function(3), function(1), function(2)] == [1, 2, 1, 3, 1, 4]
    assert function.cache_info().maxsize == 2


def test_invalidate_forgets_one_result_and_cache_clear_all(counted, new_name):
    function = pannier.memoize(name=new_name())(counted)
    assert [function(1), function(2)] == [1, 2]
    assert function.invalidate(1) and not function.invalidate(1)
    assert [function(2), function(1)] == [2, 3]
    function.cache_clear()
    assert [function(2), function(1)] == [4, 5]


def test_what_is_invalidated_while_it_is_computed_is_not_kept(new_name):
    @pannier.memoize(name=new_name())
    def changing(n):
        if not changing.seen:
            changing.seen.append(n)
            changing.invalidate(n)
            return "old"
        return "new"

    changing.seen = []
    assert [changing(1), changing(1), changing(1)] == ["old", "new", "new"]


def test_after_invalidate_nobody_gets_what_was_computed_before(new_name):
    version = invalidated = 0

    @pannier.memoize(name=new_name())
    def current():
        found = version
        time.sleep(0.001)
        return found

    def read(_):
        while invalidated < 100:
            least = invalidated
            assert current() >= least

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, reader) for reader in range(4)]
        for _ in range(100):
            version += 1
            current.invalidate()
            invalidated = version
            time.sleep(0.002)
        for reader in readers:
            reader.result()
    assert current() == 100


def test_threads_that_miss_at_once_compute_once_and_get_the_same(counted, new_name):
    barrier = threading.Barrier(8)

    @pannier.memoize(name=new_name())
    def slow():
        time.sleep(0.1)
        return counted()

    def call(_):
        barrier.wait()
        return slow()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(8))) == {1}
    assert len(counted.calls) == 1


def test_an_exception_reaches_its_caller_and_those_who_wait_compute_one_after_the_other(counted, new_name):
    lock = threading.Lock()

    @pannier.memoize(name=new_name())
    def failing():
        assert lock.acquire(blocking=False), "two compute at once"
        time.sleep(0.02)
        number = counted()
        lock.release()
        raise LookupError(number)

    def call(_):
        try:
            failing()
        except LookupError as error:
            return error.args[0]

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(call, range(5))) == [1, 2, 3, 4, 5]


def test_one_who_is_told_to_stop_gives_its_lease_to_the_next(new_name):
    @pannier.memoize(name=new_name(), lease=60, key=lambda stops: None)
    def interrupted(stops):
        if stops:
            raise KeyboardInterrupt
        return "done"

    with pytest.raises(KeyboardInterrupt):
        interrupted(True)
    start = time.monotonic()
    assert interrupted(False) == "done" and time.monotonic() - start < 10


def test_a_function_that_asks_for_its_own_result_computes_it(counted, new_name):
    @pannier.memoize(name=new_name(), lease=60)
    def own(n):
        return own(n) + 1 if counted() < 5 else 0

    @pannier.memoize(name=new_name(), lease=60)
    def there(n):
        return back(n) if counted() < 8 else "at last"

    @pannier.memoize(name=new_name(), lease=60)
    def back(n):
        return there(n)

    start = time.monotonic()
    assert own(1) == 4
    assert there(1) == "at last"
    assert time.monotonic() - start < 10


def test_recursion_over_other_arguments_is_cached(counted, new_name):
    @pannier.memoize(name=new_name())
    def fibonacci(n):
        counted()
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(30) == 832040
    assert len(counted.calls) == 31


def test_while_one_refreshes_a_stale_result_the_others_get_it_at_once(new_name):
    refreshing, go_on = threading.Event(), threading.Event()
    values = iter(["old", "new"])

    @pannier.memoize(name=new_name(), ttl=0.05, stale=60)
    def value():
        found = next(values)
        if found == "new":
            refreshing.set()
            assert go_on.wait(20)
        return found

    assert value() == "old"
    time.sleep(0.06)
    with ThreadPoolExecutor(1) as pool:
        refreshed = pool.submit(value)
        assert refreshing.wait(20)
        assert [value(), value()] == ["old", "old"]
        go_on.set()
        assert refreshed.result() == "new"


def test_what_takes_longer_than_its_lease_is_returned_but_not_kept_and_told(counted, new_name, caplog):
    @pannier.memoize(name=new_name(), lease=0.05)
    def slow():
        time.sleep(0.1)
        return counted()

    with caplog.at_level(logging.WARNING, logger="pannier"):
        assert [slow(), slow()] == [1, 2]
    assert [record.message for record in caplog.records if "longer than its lease" in record.message]
    assert slow.cache_info().currsize == 0


def test_who_waits_for_a_slow_one_waits_no_longer_than_the_lease(new_name):
    computing, go_on = threading.Event(), threading.Event()

    @pannier.memoize(name=new_name(), lease=0.3, key=lambda is_slow: None)
    def value(is_slow):
        if is_slow:
            computing.set()
            assert go_on.wait(20)
        return is_slow

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(value, True)
        assert computing.wait(20)
        start = time.monotonic()
        assert value(False) is False
        assert time.monotonic() - start < 5
        go_on.set()
        assert slow.result() is True
    assert value(False) is False


def test_a_result_that_cannot_be_serialized_raises_and_lets_the_next_one_compute(new_name):
    @pannier.memoize(name=new_name(), lease=60)
    def unserializable():
        return object()

    for _ in range(2):
        with pytest.raises(TypeError):
            unserializable()


def test_a_result_that_is_too_large_is_returned_but_not_kept(start_daemon, counted, new_name):
    pannier.configure(path=start_daemon("--max-value", "1K").socket_path)

    @pannier.memoize(name=new_name(), lease=60)
    def large():
        counted()
        return b"x" * 2000

    assert len(large()) == len(large()) == 2000
    assert len(counted.calls) == 2


def test_what_cannot_be_read_is_computed_anew(client, counted, new_name):
    name = new_name()
    function = pannier.memoize(name=name, serializer="json")(counted)
    assert function(1) == 1
    stored = client.cache(name)
    (key,) = stored.keys()
    stored.put(key, b"{")
    assert [function(1), function(1), function(1)] == [2, 3, 3]


def test_a_cache_that_was_dropped_is_opened_again(client, counted, new_name):
    name = new_name()

    @pannier.memoize(name=name)
    def function(n):
        if n == "drops":
            client.drop(name)
        return counted()

    assert function(1) == 1
    client.drop(name)
    assert [function(1), function(1)] == [2, 2]
    assert function("drops") == 3


def test_a_child_that_is_forked_off_in_a_computation_leaves_the_lease_alone(new_name):
    parent = os.getpid()
    other = pannier.memoize(name=new_name())(lambda n: "other")

    @pannier.memoize(name=new_name(), lease=60)
    def forking(n):
        if os.getpid() != parent:
            return "child"
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                # Its parent waits for it: it must not wait for its parent.
                status = 0 if (forking(n), other(n)) == ("child", "other") else 1
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        return "parent"

    assert forking(1) == "parent"
    assert forking.cache_info().currsize == 1


AT_EXIT = """
import atexit, logging, sys, threading, time
import pannier

# A daemon that is slow on a busy machine is none of the matter.
logging.disable()

@pannier.memoize(name=sys.argv[1], lease=5)
def value(n):
    if n == "slow":
        time.sleep(60)
    return n

def at_exit():
    print(value("at exit"))

atexit.register(at_exit)
threading.Thread(target=value, args=("slow",), daemon=True).start()
threading.Thread(target=value, args=("slow",), daemon=True).start()
for number in range(4):
    threading.Thread(target=lambda: [value(n) for n in iter(int, 1)], daemon=True).start()
time.sleep(0.2)
print(value("main"))
"""


def test_the_end_of_the_interpreter_is_quiet_whatever_threads_do(process_daemon, new_name):
    environment = {**os.environ, "PANNIER_SOCKET": process_daemon.socket_path}
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, new_name()], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "main\nat exit\n", "")
