"""@pannier.lru_cache beyond what CPython's own tests of lru_cache show: sharing, names, and life without the daemon."""

import dataclasses
import functools
import random
import threading
import time
import warnings

import pytest
from programs import Programs, forked

import pannier
from pannier.absence import PAUSE_MIN_S

PROGRAM = """
    import sys
    import pannier

    @pannier.lru_cache(maxsize=100)
    def double(x):
        print("computing", x)
        return 2 * x

    match sys.argv[1:]:
        case ["call", *numbers]:
            print(*(double(int(number)) for number in numbers))
        case ["clear"]:
            double.cache_clear()
    print(*double.cache_info())
"""


@pytest.fixture
def programs(process_daemon, tmp_path):
    return Programs(tmp_path)


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", pannier.UnsharedWarning)
        yield


class Counted:
    """A function that counts its calls; it gives what it is told to."""

    def __init__(self, give=lambda x: x):
        self.calls = 0
        self._give = give

    def __call__(self, x):
        self.calls += 1
        return self._give(x)


@pytest.fixture
def name(process_daemon, new_name):
    return f"lru-{new_name()}"


class Account:
    """Objects that are the same for all processes where their numbers are."""

    def __init__(self, number):
        self.number = number
        self.calls = 0

    @property
    def __cache_key__(self):
        return self.number

    @pannier.lru_cache
    def balance(self, day):
        self.calls += 1
        return self.number * 1000 + day

    @classmethod
    @pannier.lru_cache
    def kind(cls, day):
        return f"{cls.__name__} of {day}"

    @staticmethod
    @pannier.lru_cache
    def fee(day):
        return day / 2


class SavingsAccount(Account):
    pass


class Plain:
    def __init__(self):
        self.calls = 0

    @pannier.lru_cache(maxsize=2)
    def number(self, x):
        self.calls += 1
        return x


def test_processes_share_results_counts_and_clears(programs):
    program = programs.write("program.py", PROGRAM)
    assert programs.run(program, "call", 1, 2) == ["computing 1", "computing 2", "2 4", "0 2 100 2"]
    assert programs.run(program, "call", 2, 3) == ["computing 3", "4 6", "1 3 100 3"]
    assert programs.run(program, "clear") == ["0 0 100 0"]
    assert programs.run(program, "call", 2) == ["computing 2", "4", "0 1 100 1"]


def test_a_function_that_calls_itself_goes_as_deep_as_the_guide_says(programs):
    program = programs.write(
        "deep.py",
        """
        import pannier

        for decorator, depth in [(pannier.lru_cache, 320), (pannier.memoize, 240)]:
            @decorator(name=f"deep-{depth}")
            def count_down(n):
                return n if n == 0 else count_down(n - 1)
            print(count_down(depth))
        """,
    )
    assert programs.run(program) == ["0", "0"]


def test_the_same_function_in_another_file_or_with_another_size_does_not_share(programs):
    programs.run(programs.write("program.py", PROGRAM), "call", 1)
    other = programs.write("other/program.py", PROGRAM)
    smaller = programs.write("program.py", PROGRAM.replace("100", "99"))
    for program in (other, smaller):
        assert programs.run(program, "call", 1)[0] == "computing 1"


@pytest.mark.parametrize(("maxsize", "typed"), [(1, False), (3, True), (7, False), (None, False)])
def test_any_calls_have_the_results_and_counts_of_functools(name, maxsize, typed):
    dice = random.Random(maxsize)
    ours = pannier.lru_cache(maxsize, typed, name=name)(lambda x, y=0: [x, y])
    model = functools.lru_cache(maxsize, typed)(lambda x, y=0: [x, y])
    for _ in range(400):
        if dice.random() < 0.01:
            ours.cache_clear()
            model.cache_clear()
        # functools takes a lone argument 1 for another one than 1.0, which it does nowhere else.
        value = dice.choice([0, 1, 2, 3, "a", b"a", ("a",), None])
        args, kwargs = ((value,), {}) if dice.random() < 0.7 else ((), {"x": value, "y": dice.choice([1, 1.0, True])})
        assert ours(*args, **kwargs) == model(*args, **kwargs)
        assert ours.cache_info() == model.cache_info()


def test_a_forked_child_shares(name):
    calls = Counted()
    cached = pannier.lru_cache(name=name)(calls)
    assert cached(1) == forked(lambda: cached(1)) == 1
    assert forked(lambda: (cached(2), calls.calls)) == (2, 2)
    assert (cached(2), calls.calls) == (2, 1)
    assert cached.cache_info() == (2, 2, 128, 2)


def test_who_opens_a_named_cache_last_decides_on_its_size(name):
    small = pannier.lru_cache(1, name=name)(Counted())
    large = pannier.lru_cache(100, name=name)(Counted())
    assert (small(1), large(2), large(3)) == (1, 2, 3)
    assert large.cache_info().currsize == small.cache_info().currsize == 3


@pytest.mark.usefixtures("process_daemon", "no_warnings")
def test_methods_of_objects_that_are_identified_share():
    first, second, other = Account(7), Account(7), Account(8)
    assert (first.balance(1), second.balance(1), other.balance(1)) == (7001, 7001, 8001)
    assert (first.calls, second.calls, other.calls) == (1, 0, 1)
    assert Account.kind(1) == "Account of 1" and SavingsAccount.kind(1) == "SavingsAccount of 1"
    assert Account.fee(3) == first.fee(3) == 1.5
    assert Account.fee.cache_info()[:2] == (1, 1)


@pytest.mark.usefixtures("process_daemon")
def test_calls_with_an_object_that_nothing_identifies_stay_in_the_process_and_warn_once():
    first, second = Plain(), Plain()
    with pytest.warns(pannier.UnsharedWarning, match=r"calls of test_lru_cache.Plain.number .* __cache_key__") as told:
        assert [one.number(1) for one in (first, first, second)] == [1, 1, 1]
    assert len(told) == 1 and told[0].filename == __file__
    assert (first.calls, second.calls) == (1, 1)
    assert Plain.number.cache_info() == (1, 2, 2, 2)
    first.number(2)
    assert Plain.number.cache_info().currsize == 2, "the size bounds what stays in the process, too"
    first.number(1)
    assert first.calls == 3, "the least recently used one went"


def test_a_result_that_cannot_be_serialized_stays_in_the_process(name):
    results = Counted(lambda x: threading.Lock() if x else "plain")
    cached = pannier.lru_cache(name=name)(results)
    with pytest.warns(pannier.UnsharedWarning, match="results of"):
        assert cached(1) is cached(1)
    assert cached(0) == cached(0) == "plain"
    assert results.calls == 2
    assert cached.cache_info() == (2, 2, 128, 2)
    cached.cache_clear()
    assert cached.cache_info() == (0, 0, 128, 0)


def test_a_result_that_is_larger_than_the_daemon_takes_stays_in_the_process(start_daemon, let_find, tmp_path):
    config = tmp_path / "pannierd.toml"
    config.write_text('[limits]\nmax_value = "64K"\n')
    let_find(start_daemon("--config", str(config)).socket_path)
    results = Counted(lambda x: b"x" * x)
    cached = pannier.lru_cache(name="large", on_error="raise")(results)
    with pytest.warns(pannier.UnsharedWarning, match="too_large"):
        assert cached(100_000) is cached(100_000)
    assert cached(1000) == cached(1000)
    assert results.calls == 2


@dataclasses.dataclass
class Forgotten:
    x: int


def test_a_result_of_a_class_that_this_process_does_not_know_is_computed_anew(name, monkeypatch):
    results = Counted(lambda x: Forgotten(x) if "Forgotten" in globals() else x)
    cached = pannier.lru_cache(name=name)(results)
    assert cached(1) == cached(1) == Forgotten(1)
    monkeypatch.delitem(globals(), "Forgotten")
    assert cached(1) == cached(1) == 1
    assert results.calls == 2


def test_a_pickling_cache_gives_equal_copies(name):
    cached = pannier.lru_cache(name=name, serializer="pickle")(Counted(lambda x: {x: Point(x)}))
    first, second = cached(1), cached(1)
    assert first[1].x == second[1].x == 1 and first[1] is not second[1]


class Point:
    def __init__(self, x):
        self.x = x


@pytest.mark.usefixtures("process_daemon")
def test_a_function_that_closes_over_an_object_of_this_process_stays_in_it():
    lock = threading.Lock()

    @pannier.lru_cache
    def locked(x):
        with lock:
            return x

    with pytest.warns(pannier.UnsharedWarning, match="all values of"):
        assert locked(1) == locked(1) == 1
    assert locked.cache_info() == (1, 1, 128, 1)


@pytest.mark.usefixtures("process_daemon")
def test_a_warning_that_is_an_error_reaches_the_caller(no_warnings):
    with pytest.raises(pannier.UnsharedWarning):
        pannier.lru_cache(lambda x: x)(object())


class Knot:
    """Objects whose identity is asked of a function that is called with them."""

    cached = None

    @property
    def __cache_key__(self):
        return Knot.cached(1)


def test_a_call_that_is_made_while_a_key_is_is_not_cached(name):
    calls = Counted(lambda x: x if isinstance(x, int) else "knot")
    Knot.cached = staticmethod(pannier.lru_cache(name=name)(calls))
    assert Knot.cached(Knot()) == Knot.cached(Knot()) == "knot"
    assert calls.calls == 3


def test_a_size_of_zero_asks_nobody(let_find):
    let_find("/nonexistent/pannier.sock")
    cached = pannier.lru_cache(0, on_error="raise")(lambda x: x)
    assert [cached(1), cached(1)] == [1, 1]
    assert cached.cache_info() == (0, 2, 0, 0)
    cached.cache_clear()
    assert cached.cache_info() == (0, 0, 0, 0)


def test_without_the_daemon_calls_compute_or_raise_and_go_on_when_it_is_back(own_process_daemon):
    calls = Counted()
    computing = pannier.lru_cache(name="computing")(calls)
    raising = pannier.lru_cache(name="raising", on_error="raise")(calls)
    assert (computing(1), raising(1), calls.calls) == (1, 1, 2)
    own_process_daemon.stop()
    assert (computing(1), computing(1), calls.calls) == (1, 1, 4)
    for ask in (lambda: raising(1), raising.cache_info, computing.cache_clear, raising.cache_clear):
        with pytest.raises(pannier.TransportError):
            ask()
    pannier.configure(on_error="raise")
    with pytest.raises(pannier.ConnectionError):
        computing(1)
    own_process_daemon.start()
    time.sleep(PAUSE_MIN_S)
    assert (computing(1), computing(1), raising(1), raising(1), calls.calls) == (1, 1, 1, 1, 6)
    assert computing.cache_info() == (1, 1, 128, 1), "its cache was opened again"


def test_where_there_is_no_room_for_a_cache_older_versions_of_the_function_go(start_daemon, tmp_path, let_find):
    config = tmp_path / "pannierd.toml"
    config.write_text("[limits]\nmax_caches = 6\n")
    daemon = start_daemon("--config", str(config))
    let_find(daemon.socket_path)

    def version(number):
        return pannier.lru_cache(on_error="raise")(lambda x: x + number)

    assert [version(number)(1) for number in range(10)] == list(range(1, 11))
    other = pannier.lru_cache(on_error="raise", name="other#1")(lambda x: x)
    caches = pannier.default_client().info().caches
    assert len(caches) <= 6
    assert version(9)(1) == 10 and other(1) == 1


def test_a_refusal_of_the_daemon_is_logged_once_and_calls_compute(start_daemon, tmp_path, let_find, caplog):
    config = tmp_path / "pannierd.toml"
    config.write_text("[limits]\nmax_caches = 3\n")
    let_find(start_daemon("--config", str(config)).socket_path)
    results = Counted()
    cached = pannier.lru_cache(name="one too many")(results)
    assert (cached(1), cached(1), results.calls) == (1, 1, 2)
    assert [record.getMessage().partition(": overloaded")[0] for record in caplog.records] == [
        f"the daemon refuses to cache for {results}"
    ]


@pytest.mark.parametrize("wrong", [{"maxsize": "1"}, {"maxsize": 1.5}])
def test_a_size_that_is_no_integer_is_refused(wrong):
    with pytest.raises(TypeError, match="maxsize"):
        pannier.lru_cache(**wrong)


def test_an_empty_name_is_refused_as_every_other_that_is_none(process_daemon):
    with pytest.raises(pannier.BadRequest, match="name"):
        pannier.lru_cache(name="")(len)("text")


def test_an_unknown_on_error_is_refused():
    with pytest.raises(pannier.InvalidArgument, match="on_error"):
        pannier.lru_cache(on_error="ignore")(len)
