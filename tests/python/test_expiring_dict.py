"""pannier.ExpiringDict. What the package expiringdict promises is asked of that, too: it is the judge of these tests."""

import math
import pickle
import random
import threading
import time
import weakref

import expiringdict
import pytest
from programs import Programs, forked

import pannier

# Long enough for a busy machine to look at an entry before it is gone.
# Long beside what a busy machine takes for a few calls: half of it, for some.
AGE_S = 1.2


@pytest.fixture(params=["expiringdict", "private", "named"])
def make(request, process_daemon, new_name):
    """make(max_len, max_age_seconds, items=...): a new dictionary of one kind."""
    if request.param == "expiringdict":
        return expiringdict.ExpiringDict
    if request.param == "private":
        return pannier.ExpiringDict
    return lambda *arguments, **options: pannier.ExpiringDict(*arguments, **options, name=new_name())


@pytest.fixture(params=["private", "named"])
def make_ours(request, process_daemon, new_name):
    """The same, for what newer versions of the package have than Debian's."""
    if request.param == "private":
        return pannier.ExpiringDict
    return lambda *arguments, **options: pannier.ExpiringDict(*arguments, **options, name=new_name())


@pytest.fixture
def name(process_daemon, new_name):
    return f"dict-{new_name()}"


# ---- As the package has it -------------------------------------------------------------------------------


@pytest.mark.parametrize(("max_len", "max_age"), [(1, -1), (0, 1)])
def test_a_length_or_an_age_out_of_range_is_refused(make, max_len, max_age):
    with pytest.raises(AssertionError):
        make(max_len, max_age)


def test_an_entry_is_there_until_its_age_and_can_be_set_again(make):
    d = make(3, AGE_S)
    assert d.get("a") is None and "a" not in d and len(d) == 0
    d["a"] = "x"
    assert d["a"] == d.get("a") == "x" and "a" in d and len(d) == 1
    time.sleep(AGE_S)
    assert d.get("a") is None and "a" not in d
    with pytest.raises(KeyError):
        d["a"]
    d["a"] = "y"
    assert d["a"] == "y"


def test_a_full_dictionary_drops_what_was_inserted_first(make):
    d = make(3, 10)
    for key in "abcd":
        d[key] = key
    assert list(d) == list(d.keys()) == ["b", "c", "d"] and "a" not in d and len(d) == 3
    del d["d"]
    assert "d" not in d
    with pytest.raises(KeyError):
        del d["d"]


def test_items_and_values_are_lists_in_order_of_what_is_not_too_old(make):
    d = make(10, AGE_S)
    for key, value in zip("abc", "xyz"):
        d[key] = value
    assert d.items() == [("a", "x"), ("b", "y"), ("c", "z")]
    assert d.values() == ["x", "y", "z"]
    time.sleep(AGE_S)
    assert str(d) == "ExpiringDict([])"
    assert d.items() == d.values() == []


def test_it_prints_its_items(make):
    d = make(2, 10)
    d["a"] = "x"
    assert str(d) == repr(d) == "ExpiringDict([('a', 'x')])"


def test_pop_removes_and_never_raises(make):
    d = make(3, AGE_S)
    d["a"] = "x"
    assert (d.pop("a"), d.pop("a"), d.pop("a", "default")) == ("x", None, "default")
    assert "a" not in d


def test_an_age_is_told_beside_the_value(make):
    d = make(10, 10)
    d["a"] = "x"
    value, age = d.get("a", with_age=True)
    assert value == "x" and 0 < age < 5
    assert d.get("b", "default", with_age=True) == ("default", None)
    assert 5 < d.ttl("a") < 10
    assert d.ttl("b") is None


def test_setdefault_gives_what_is_there_until_it_is_too_old(make):
    d = make(10, AGE_S)
    assert (d.setdefault("a", "x"), d.setdefault("a", "y")) == ("x", "x")
    time.sleep(AGE_S)
    assert d.setdefault("a", "y") == "y"


def test_clear_and_update_are_those_of_a_dict(make):
    d = make(10, 10)
    d.update({"a": 1}, b=2)
    d |= {"c": 3}
    assert dict(d) == {"a": 1, "b": 2, "c": 3} and d == dict(d.items()) if not isinstance(d, dict) else len(d) == 3
    d.clear()
    assert len(d) == 0 and not d


def test_values_may_be_none(make):
    d = make(10, 10)
    d["a"] = None
    assert "a" in d and d["a"] is None and d.pop("a", 1) is None


def test_old_methods_are_refused(make):
    d = make(10, 10)
    for method in ("fromkeys", "iteritems", "itervalues", "viewitems", "viewkeys", "viewvalues"):
        with pytest.raises(NotImplementedError):
            getattr(d, method)()


def test_all_of_the_packages_interface_is_there_but_what_is_listed():
    # The order of a cache is the daemon's; `|` raises a TypeError for the package's own.
    not_there = {"move_to_end", "__or__", "__ror__"}
    judge = expiringdict.ExpiringDict(1, 1)
    public = {name for name in dir(judge) if not name.startswith("_")}
    operators = {"getitem", "setitem", "delitem", "contains", "len", "iter", "reversed", "or", "ror", "ior", "reduce"}
    ours = set(dir(pannier.ExpiringDict(1, 1)))
    assert (public | {f"__{name}__" for name in operators}) - ours == not_there


# ---- As newer versions of the package have it ------------------------------------------------------------


def test_popitem_takes_the_youngest_or_the_oldest(make_ours):
    d = make_ours(10, 10)
    # The package gives the value together with its time here, and here alone.
    for key in "abc":
        d[key] = key.upper()
    assert d.popitem() == ("c", "C")
    assert d.popitem(last=False) == ("a", "A")
    assert d.popitem() == ("b", "B")
    with pytest.raises(KeyError):
        d.popitem()


def test_setting_a_key_anew_drops_no_other(make_ours):
    d = make_ours(2, 10)
    d["a"] = d["b"] = d["b"] = 1
    assert "a" in d and "b" in d


def test_it_is_made_from_a_dict_or_another_one_whose_ages_it_keeps(make_ours):
    assert dict(make_ours(10, 10, items={"a": 1})) == {"a": 1}
    d = make_ours(10, 10)
    d.__setitem__("a", 1, set_time=time.time() - 6)
    d.__setitem__("b", 2, set_time=time.time() - 20)
    for copied in (make_ours(None, None, items=d), d.copy()):
        assert (copied.max_len, copied.max_age, dict(copied)) == (10, 10, {"a": 1})
        assert 3 < copied.ttl("a") < 4.1
    assert dict(make_ours(10, 5, items=d)) == {}
    with pytest.raises(ValueError, match="items"):
        make_ours(10, 10, items=[1])


def test_items_with_timestamp_tell_when_they_were_set(make_ours):
    d = make_ours(10, 10)
    d["a"] = 1
    ((key, (value, set_time)),) = d.items_with_timestamp()
    assert (key, value) == ("a", 1) and abs(time.time() - set_time) < 5


def test_an_age_of_zero_keeps_nothing(make_ours):
    d = make_ours(10, 0)
    d["a"] = 1
    assert "a" not in d and len(d) == 0 and d.items() == []


@pytest.mark.parametrize("max_age", [math.inf, 1e300])
def test_an_age_beyond_all_times_keeps_for_ever(make_ours, max_age):
    d = make_ours(10, max_age)
    d["a"] = 1
    assert d.items() == [("a", 1)] and 0 < d.get("a", with_age=True)[1] < 5
    assert d.max_age == max_age


def test_expired_entries_are_not_counted_or_told(make_ours):
    d = make_ours(10, AGE_S)
    d["a"] = d["b"] = 1
    time.sleep(AGE_S)
    d["c"] = 1
    assert (len(d), list(d), list(reversed(d))) == (1, ["c"], ["c"])


def test_an_expired_key_that_is_set_anew_is_inserted_last(make_ours):
    d = make_ours(3, AGE_S)
    d["a"] = d["b"] = d["c"] = 1
    time.sleep(AGE_S / 2)
    d["a"] = d["c"] = 2
    time.sleep(AGE_S / 2)
    d["b"] = 3
    d["d"] = d["e"] = 4
    assert set(d) == {"b", "d", "e"}


def test_what_has_expired_takes_no_room_from_what_has_not(make_ours):
    d = make_ours(2, AGE_S)
    d["first"] = d["second"] = 1
    time.sleep(AGE_S / 2)
    d["first"] = 2
    time.sleep(AGE_S / 2)
    d["third"] = 3
    assert set(d) == {"first", "third"}


# ---- Private ---------------------------------------------------------------------------------------------


def test_a_private_one_needs_no_daemon_and_keeps_any_object(let_find):
    let_find("/nonexistent/pannier.sock")
    d, other = pannier.ExpiringDict(2, 10), pannier.ExpiringDict(2, 10)
    key, value = object(), threading.Lock()
    d[key] = value
    assert d[key] is value and key not in other


def test_a_private_one_frees_what_has_expired_behind_a_key_that_is_set_again_and_again():
    class Value:
        pass

    d = pannier.ExpiringDict(100, AGE_S)
    d["heartbeat"] = 0
    value = d["value"] = Value()
    is_there = weakref.ref(value)
    del value
    time.sleep(AGE_S / 2)
    d["heartbeat"] = 1
    assert is_there() is not None
    time.sleep(AGE_S / 2)
    d["heartbeat"] = 2
    assert is_there() is None


def test_a_private_one_leaves_nothing_in_the_daemon(process_daemon, client):
    before = client.info()
    d = pannier.ExpiringDict(2, 10)
    d["a"] = 1
    assert dict(d) == {"a": 1}
    after = client.info()
    assert after.caches.keys() == before.caches.keys()
    assert after.server.requests == before.server.requests + 1, "that of `info` alone"


def test_a_private_one_is_copied_by_a_fork_with_a_lock_that_is_free():
    d = pannier.ExpiringDict(2, 10)
    d["a"] = 1

    def change():
        d["a"] = 2
        d["b"] = 3
        return dict(d)

    holds, done = threading.Event(), threading.Event()

    def hold():
        with d.lock:
            holds.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait()
    try:
        assert forked(change) == {"a": 2, "b": 3}
    finally:
        done.set()
        holder.join()
    assert dict(d) == {"a": 1}


def test_a_private_one_is_pickled_with_its_entries():
    d = pannier.ExpiringDict(2, 10)
    d.__setitem__("a", 1, set_time=time.time() - 6)
    copied = pickle.loads(pickle.dumps(d))
    d["a"] = 2
    assert dict(copied) == {"a": 1} and 3 < copied.ttl("a") < 4.1


# ---- With a name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_len", [1, 5, 100])
def test_any_calls_have_the_results_of_a_private_one(name, max_len):
    dice = random.Random(max_len)
    ours, model = pannier.ExpiringDict(max_len, 60, name=name), pannier.ExpiringDict(max_len, 60)

    def both(call):
        outcomes = []
        for d in (ours, model):
            try:
                outcomes.append(call(d))
            except KeyError as error:
                outcomes.append(repr(error))
        assert outcomes[0] == outcomes[1]

    for number in range(300):
        key = dice.choice([*range(10), 1.0, None, "a", (1, 2)])
        both(
            dice.choice(
                [
                    lambda d: d.__setitem__(key, number),
                    lambda d: d.__setitem__(key, number),
                    lambda d: d[key],
                    lambda d: d.get(key, "none"),
                    lambda d: d.setdefault(key, number),
                    lambda d: d.pop(key),
                    lambda d: d.__delitem__(key),
                    lambda d: key in d,
                ]
            )
        )
        both(lambda d: (len(d), set(d), sorted(d.values())))


def test_processes_share_one_with_a_name(process_daemon, tmp_path):
    programs = Programs(tmp_path)
    source = """
        import sys
        import pannier

        d = pannier.ExpiringDict(max_len=10, max_age_seconds=60, name="shared by programs")
        print(sorted(d.items()))
        d[sys.argv[1]] = len(d)
        d.pop("b")
    """
    program = programs.write("program.py", source)
    assert [programs.run(program, key)[0] for key in "abc"] == ["[]", "[('a', 0)]", "[('a', 0)]"]


def test_a_forked_child_shares_one_with_a_name(name):
    d = pannier.ExpiringDict(10, 60, name=name)
    d["a"] = 1
    assert forked(lambda: d.pop("a")) == 1
    assert "a" not in d


def test_one_with_a_name_is_pickled_by_it(name):
    d = pannier.ExpiringDict(10, 60, name=name)
    copied = pickle.loads(pickle.dumps(d))
    d["a"] = 1
    assert (copied["a"], copied.max_len, copied.max_age) == (1, 10, 60)


def test_who_opens_it_last_decides_on_length_and_age(name):
    first = pannier.ExpiringDict(1, 60, name=name)
    first["a"] = 1
    second = pannier.ExpiringDict(2, 60, name=name)
    second["b"] = 2
    first["c"] = 3
    assert list(first) == ["b", "c"]


KEYS = ["a", "", "\udc80", b"a", b"", b"\xc1", None, 0, 1, -1, 2**70, 0.5, float("inf")]
KEYS += [(), ("a",), (1, ("b", b"c", None))]


def test_keys_are_what_they_were(name):
    d = pannier.ExpiringDict(100, 60, name=name)
    for key in KEYS:
        d[key] = 1
    assert list(d) == KEYS
    assert d.setdefault(1.0, 2) == d[True] == 1, "equal keys are one key"


def test_keys_that_others_have_put_are_read_if_they_are_text(name, client):
    d = pannier.ExpiringDict(100, 60, name=name)
    d["a"] = 1
    cache = client.cache(name)
    cache.put("b", 2)
    cache.put(b"\xff", 3)
    assert dict(d) == {"a": 1, "b": 2} and cache.get("a") == 1


@pytest.mark.parametrize("key", [object(), frozenset(), (object(),), 1j])
def test_a_key_that_could_not_be_read_back_is_refused(name, key):
    with pytest.raises(TypeError, match="a key of a shared ExpiringDict"):
        pannier.ExpiringDict(1, 60, name=name)[key] = 1


def test_an_unhashable_key_is_refused_as_by_a_dict(make):
    with pytest.raises(TypeError, match="unhashable"):
        make(1, 60)[[]] = 1


def test_a_value_that_cannot_be_serialized_is_refused_and_changes_nothing(name):
    d = pannier.ExpiringDict(10, 60, name=name)
    d["a"] = 1
    with pytest.raises(TypeError):
        d["a"] = threading.Lock()
    assert d["a"] == 1


@pytest.mark.parametrize("method", ["pop", "setdefault"])
def test_of_threads_that_take_or_add_one_entry_one_succeeds(name, method):
    d = pannier.ExpiringDict(10, 60, name=name)
    start, found = threading.Barrier(8), []

    def ask(number):
        start.wait()
        found.append(getattr(d, method)("a", number))

    if method == "pop":
        d["a"] = "taken"
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("taken") == 1 if method == "pop" else len(set(found)) == 1


def test_without_the_daemon_the_error_is_raised_and_it_goes_on_when_that_is_back(own_process_daemon):
    d = pannier.ExpiringDict(10, 60, name="d")
    d["a"] = 1
    own_process_daemon.stop()
    for ask in (lambda: d.get("a"), lambda: d.pop("a"), d.clear, lambda: d.update(a=2)):
        with pytest.raises(pannier.TransportError):
            ask()
    own_process_daemon.start()
    assert dict(d) == {}
    d["a"] = 2
    assert d["a"] == 2
