"""The objects that lru_cache and memoize keep of results in the daemon's memory: never stale, and not kept too long."""

import gc
import sys
import threading
import weakref

import pytest
from clock import pass_deadline
from programs import Programs, forked
from shared_reads import Decorated, requests, settled, shared_hits, talking

import pannier

COPIES_MAX = 1024


@pytest.fixture(params=[pannier.lru_cache, pannier.memoize], ids=["lru_cache", "memoize"])
def decorated(request, sharing, client, new_name):
    """decorated(give, settings...): a function of one of the decorators that give the same objects again."""
    return lambda *give, **settings: Decorated(request.param, client, new_name(), *give, **settings)


def test_configure_decides_for_decorators(process_daemon, client, new_name):
    pannier.configure(shared_reads="never")
    cached = Decorated(pannier.lru_cache, client, new_name())
    assert all(cached.call(1) == [1] for _ in range(100))
    assert cached.call(1) is not cached.call(1)
    assert shared_hits(client, cached.cache.name) == 0


def test_what_another_process_puts_is_given_at_the_next_call(decorated, tmp_path):
    programs = Programs(tmp_path)
    cached = decorated()
    cached.settle()
    with talking(programs, cached.cache.name, cached.key) as put:
        for number in range(1000):
            put(number)
            assert cached.call(1) == [number]
    assert cached.computed == 1


def test_an_unchanged_result_is_the_same_object(decorated, client):
    cached = decorated()
    first = cached.settle()
    before = requests(client)
    hits, shared = cached.call.cache_info().hits, shared_hits(client, cached.cache.name)
    assert all(cached.call(1) is first for _ in range(100))
    assert shared_hits(client, cached.cache.name) == shared + 100
    assert cached.call.cache_info().hits == hits + 100
    assert requests(client) == before + 5
    assert cached.computed == 1


def test_what_happens_to_other_entries_leaves_the_object(decorated):
    cached = decorated(maxsize=10_000)
    first = cached.settle()
    kept = 0
    for number in range(2000):
        cached.cache.put(f"other {number}", number)
        again = cached.call(1)
        assert again == [1]
        kept += again is first
    assert kept > 1800
    assert cached.settle() is first


def test_a_change_gives_a_fresh_object(decorated):
    cached = decorated()
    first = cached.settle()
    first.append("spoiled")
    cached.cache.put(cached.key, [1])
    assert cached.call(1) == [1]
    assert cached.call(1) is not first


@pytest.mark.parametrize("remove", ["delete", "clear", "drop", "cache_clear", "drop and reopen"])
def test_what_was_removed_is_computed_anew(decorated, remove):
    cached = decorated()
    cached.settle()
    ways = {
        "delete": lambda: cached.cache.delete(cached.key),
        "clear": cached.cache.clear,
        "drop": cached.cache.drop,
        "cache_clear": cached.call.cache_clear,
        "drop and reopen": lambda: cached.cache.drop() and cached.cache.client.open(cached.cache.name, "lru"),
    }
    for times in range(1, 50):
        ways[remove]()
        assert cached.call(1) == [1]
        assert cached.computed == 1 + times
        cached.settle()


def test_an_expired_result_is_computed_anew(decorated):
    cached = decorated()
    cached.settle()
    for times in range(1, 6):
        cached.cache.touch(cached.key, 0.03)
        pass_deadline(30)
        assert cached.call(1) == [1]
        assert cached.computed == 1 + times
        cached.settle()


def test_an_evicted_result_is_computed_anew(decorated):
    cached = decorated(maxsize=64)
    cached.settle()
    for number in range(1000):
        cached.cache.put(f"other {number}", number)
    assert cached.cache.get(cached.key) is None
    assert cached.call(1) == [1]
    assert cached.computed == 2


def test_calls_that_are_the_same_give_the_same_object(decorated):
    cached = decorated(lambda *args, **kwargs: [*map(repr, args)])
    for one, same in ((1, 1.0), (1, True), (0.0, -0.0), ((1, (2, 3)), (1.0, (2, 3)))):
        assert settled(lambda: cached.call(one)) is settled(lambda: cached.call(same))
    different = [(1,), ("1",), (b"1",), (None,), ((1,),), (1, None), ("a",), (b"a",), ()]
    objects = [settled(lambda: cached.call(*args)) for args in different]
    objects.append(settled(lambda: cached.call(1, x=2)))
    assert len(set(map(id, objects))) == len(objects)


def test_the_order_of_few_results_is_the_exact_one(decorated):
    cached = decorated(maxsize=4)
    for number in range(300):
        assert cached.call(1) == [1]
        cached.call(f"other {number}")
    assert cached.computed == 301


def test_typed_calls_are_told_apart(decorated):
    cached = decorated(lambda x: [repr(x)], typed=True)
    for x in (1, 1.0, True):
        assert cached.call(x) == [repr(x)]
        assert cached.call(x) == [repr(x)]


class Changing:
    """Equal to itself whatever it is."""

    def __init__(self):
        self.state = 1

    @property
    def __cache_key__(self):
        return self.state


def test_an_argument_that_has_changed_makes_another_call(decorated):
    cached = decorated(lambda x: [x.state])
    argument = Changing()
    for state in (1, 1, 2, 2, 1, 1):
        argument.state = state
        assert cached.call(argument) == [state]


def test_a_key_function_is_asked_at_each_call(sharing, client, new_name):
    tenant = ["a"]
    cached = pannier.memoize(name=new_name(), key=lambda x: (tenant[0], x))(lambda x: [tenant[0], x])
    for name in ("a", "a", "b", "b", "a"):
        tenant[0] = name
        assert cached(1) == [name, 1]


def test_no_more_objects_are_kept_than_said(decorated):
    cached = decorated(maxsize=None)
    kept = {}
    for number in range(COPIES_MAX + 10):
        kept[number] = settled(lambda: cached.call(number))
    assert [number for number in kept if cached.call(number) is not kept[number]][:10] == list(range(10))


def test_objects_are_kept_up_to_a_size(decorated):
    cached = decorated(lambda x: bytes([x]) * 3_000_000)
    kept = {}
    for number in range(8):
        kept[number] = settled(lambda: cached.call(number))
    # Each that is not kept takes the place of another.
    same = [number for number in reversed(kept) if cached.call(number) is kept[number]]
    assert same[:4] == [7, 6, 5, 4] and len(same) < 8
    assert all(cached.call(number) == bytes([number]) * 3_000_000 for number in kept)


class Node:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("end", ["function", "client", "cache_clear"])
def test_objects_go_with_what_they_belong_to(sharing, client, new_name, end):
    nodes = pannier.lru_cache(name=new_name(), serializer="pickle")(Node)
    node = settled(lambda: nodes(1))
    # A cycle through the objects that are kept.
    node.function = nodes
    gone = weakref.ref(node)
    del node
    if end == "cache_clear":
        nodes.cache_clear()
    elif end == "client":
        pannier.config.default_client().close()
        pannier.configure(shared_reads="always")
        settled(lambda: nodes(2))
    else:
        del nodes
    gc.collect()
    assert gone() is None


def test_another_default_daemon_is_another_cache(sharing, start_daemon, decorated):
    cached = decorated()
    cached.settle()
    other = start_daemon()
    pannier.configure(path=other.socket_path)
    assert cached.call(1) == [1]
    assert cached.computed == 2


def test_a_closed_client_gives_nothing_more(decorated):
    cached = decorated()
    cached.settle()
    pannier.config.default_client().close()
    with pytest.raises(pannier.InvalidArgument):
        cached.call(1)


def test_a_forked_child_reads_on_and_sees_what_is_new(decorated):
    cached = decorated()
    first = cached.settle()

    def in_child():
        is_same = cached.settle() is first
        cached.cache.put(cached.key, ["of the child"])
        return is_same, cached.call(1)

    assert forked(in_child) == (True, ["of the child"])
    assert cached.call(1) == ["of the child"]


def test_threads_get_what_is_there(decorated):
    cached = decorated(lambda x: [x] * 10)
    wrong = []

    def call():
        for number in range(3000):
            if cached.call(number % 50) != [number % 50] * 10:
                wrong.append(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(200):
            cached.cache.delete(pannier.arguments.call_key((number % 50,), {}))
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_the_interpreter_ends_well_with_objects_kept(sharing, tmp_path):
    programs = Programs(tmp_path)
    path = programs.write(
        "ending.py",
        """
        import pannier
        pannier.configure(shared_reads="always")

        @pannier.memoize(serializer="pickle")
        def noisy(x):
            return Noisy()

        class Noisy:
            def __del__(self):
                print("gone", flush=True)

        print(any(noisy(1) is noisy(1) for _ in range(100)))
        """,
    )
    assert "True" in programs.run(path)
