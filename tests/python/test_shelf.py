"""pannier.DurableCache and pannier.shelf.open beyond what CPython's own tests of shelve show."""

import gc
import pickle
import random
import shelve
import threading
from io import UnsupportedOperation

import pytest
from programs import Programs, forked

import pannier
from pannier import shelf_entries


@pytest.fixture(scope="module")
def daemon(daemon_in_memory):
    """Every shelf waits for the disk when it is opened and closed."""
    return daemon_in_memory


@pytest.fixture
def name(process_daemon, new_name):
    return f"shelf-{new_name()}"


@pytest.fixture
def info(client, name):
    """info(): what the daemon tells of the shelf of this test."""
    return lambda: client.cache(name).info()


class Item:
    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self.number == other.number


# ---- Sharing and names -----------------------------------------------------------------------------------


def test_processes_share_a_shelf(process_daemon, tmp_path):
    programs = Programs(tmp_path)
    source = """
        import sys
        import pannier

        with pannier.DurableCache("shared by programs") as shelf:
            print(shelf.setdefault("numbers", []))
            shelf["numbers"].append(int(sys.argv[1]))
    """
    program = programs.write("program.py", source)
    assert [programs.run(program, number) for number in (1, 2, 3)] == [["[]"], ["[1]"], ["[1, 2]"]]


def test_a_path_is_one_shelf_however_it_is_given(process_daemon, tmp_path, monkeypatch, client):
    monkeypatch.chdir(tmp_path)
    with pannier.shelf.open("./box") as shelf:
        shelf["a"] = 1
    for path in (tmp_path / "box", str(tmp_path / "box"), b"box"):
        assert dict(pannier.DurableCache(path)) == {"a": 1}
    assert str(tmp_path / "box") in client.info().caches
    assert not list(tmp_path.iterdir())
    assert "a" not in pannier.DurableCache("box"), "a name is no path"


def test_it_is_a_shelf_of_shelve(name):
    with pannier.shelf.open(name) as shelf:
        assert isinstance(shelf, shelve.Shelf)
        shelf["a"] = {"b": (1, 2)}
        assert dict(shelf.items()) == {"a": {"b": (1, 2)}} and list(shelf) == ["a"] and len(shelf) == 1


def test_a_cache_in_memory_is_no_shelf(name, client):
    client.cache(name, "lru")
    with pytest.raises(pannier.Conflict):
        pannier.DurableCache(name)


def test_a_durable_cache_is_taken_as_it_is(name, client):
    client.cache(name, "durable", max_age=60)
    with pannier.DurableCache(name) as shelf:
        shelf["a"] = 1
    assert client.cache(name).info().max_age_ms == 60_000


# ---- Durability ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [lambda shelf: shelf.close(), lambda shelf: shelf.sync()], ids=["close", "sync"])
def test_what_is_synced_is_on_disk(own_process_daemon, end):
    shelf = pannier.DurableCache("box")
    shelf["a"] = [1]
    shelf["a"].append(2)
    end(shelf)
    own_process_daemon.kill9()
    with pytest.raises(pannier.TransportError):
        pannier.DurableCache("box")
    own_process_daemon.start()
    assert dict(pannier.DurableCache("box")) == {"a": [1, 2]}


def test_of_a_process_that_is_killed_what_was_put_stays(process_daemon, tmp_path, name):
    programs = Programs(tmp_path)
    source = f"""
        import os, signal
        import pannier

        shelf = pannier.DurableCache({name!r})
        shelf["a"] = [1]
        shelf["a"].append(2)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert programs.start(programs.write("program.py", source)).wait() == -9
    assert dict(pannier.DurableCache(name)) == {"a": [1]}


def test_a_shelf_that_is_forgotten_or_left_open_is_synced(process_daemon, tmp_path, name):
    programs = Programs(tmp_path)
    source = f"""
        import pannier

        for number in range(2):
            shelf = pannier.DurableCache({name!r})
            shelf[str(number)] = [1]
            shelf[str(number)].append(2)
    """
    assert programs.run(programs.write("program.py", source)) == []
    assert dict(pannier.DurableCache(name)) == {"0": [1, 2], "1": [1, 2]}


def test_a_forked_child_that_forgets_a_shelf_leaves_it_alone(name):
    shelf = pannier.DurableCache(name)
    shelf["a"] = [1]

    def change_and_forget():
        nonlocal shelf
        shelf["a"].append(2)
        del shelf
        gc.collect()

    forked(change_and_forget)
    with pannier.shelf.open(name) as other:
        assert other["a"] == [1]
    shelf["a"].append(3)
    shelf.close()
    with pannier.shelf.open(name) as other:
        assert other["a"] == [1, 3]


def refusals(cache, values):
    """How many of the values the daemon was too busy to take."""
    count = 0
    for key, value in values.items():
        try:
            cache.put(key, value)
        except pannier.Overloaded:
            count += 1
    return count


def test_a_shelf_takes_what_is_refused_elsewhere_because_too_much_waits_for_the_disk(start_daemon, let_find):
    daemon = start_daemon("--max-dirty", "1M")
    let_find(daemon.socket_path)
    values = {str(number): "x" * 300_000 for number in range(20)}
    assert refusals(pannier.connect().cache("plain", "durable"), values) > 0
    with pannier.shelf.open("box") as shelf:
        shelf.update(values)
        assert dict(shelf) == values


# ---- Write-back ------------------------------------------------------------------------------------------


def test_only_values_that_were_changed_are_written_back(name, info):
    with pannier.DurableCache(name) as shelf:
        shelf.update({str(number): {"list": [number]} for number in range(100)})
        shelf.sync()
        puts = info().puts
        for value in shelf.values():
            value["list"].append(0) if value["list"] == [7] else None
        shelf.sync()
        assert info().puts == puts + 1
    assert pannier.DurableCache(name)["7"] == {"list": [7, 0]}
    assert info().puts == puts + 1


def test_what_this_shelf_did_not_change_is_not_overwritten(name):
    first, second = pannier.DurableCache(name), pannier.DurableCache(name)
    first.update(a=[1], b=[1])
    first.sync()
    assert first["a"] == second["a"] == [1] and second["b"] == [1]
    first["a"].append(2)
    second["b"].append(3)
    first.sync()
    assert second["a"] == [1], "kept until it syncs"
    second.sync()
    assert dict(first) == dict(second) == {"a": [1, 2], "b": [1, 3]}


def test_a_value_that_was_stored_in_another_form_is_not_written_back(name, info, client):
    pannier.DurableCache(name).close()
    client.cache(name).put_raw("a", b"\xcd\x00\x01")
    with pannier.DurableCache(name) as shelf:
        assert shelf["a"] == 1
    assert info().puts == 1


def test_without_write_back_a_change_is_lost(name):
    with pannier.shelf.open(name) as shelf:
        shelf["a"] = [1]
        shelf["a"].append(2)
        assert shelf["a"] == [1]


def test_a_sync_that_cannot_serialize_writes_nothing_and_keeps_all(name):
    shelf = pannier.DurableCache(name)
    shelf.update(a=[1], b=[1])
    shelf["a"].append(2)
    shelf["b"].append(threading.Lock())
    with pytest.raises(TypeError):
        shelf.sync()
    assert dict(pannier.DurableCache(name)) == {"a": [1], "b": [1]}
    shelf["b"].pop()
    shelf.close()
    assert dict(pannier.DurableCache(name)) == {"a": [1, 2], "b": [1]}


def test_many_changes_are_written_back_in_batches(name, monkeypatch):
    monkeypatch.setattr(shelf_entries, "PUT_BYTES_MAX", 10_000)
    changed = {str(number): [number] for number in range(2500)} | {"large": ["x" * 100_000]}
    with pannier.DurableCache(name) as shelf:
        shelf.update({key: [] for key in changed})
        for key, value in changed.items():
            shelf[key].extend(value)
    with pannier.shelf.open(name) as shelf:
        assert dict(shelf) == changed
        shelf.clear()
        assert len(shelf) == 0


@pytest.mark.parametrize("writeback", [False, True])
def test_after_any_calls_a_shelf_holds_what_a_dict_would(name, writeback):
    dice = random.Random(writeback)
    shelf, model = pannier.shelf.open(name, writeback=writeback), {}
    for number in range(300):
        key = dice.choice("abcde")
        match dice.randrange(8):
            case 0 | 1:
                shelf[key], model[key] = [number], [number]
            case 2 if writeback and key in model:
                shelf[key].append(number)
                model[key].append(number)
            case 3:
                assert shelf.pop(key, None) == model.pop(key, None)
            case 4:
                assert shelf.setdefault(key, [number]) == model.setdefault(key, [number])
            case 5:
                shelf.sync()
                assert dict(pannier.shelf.open(name)) == model
            case 6:
                shelf.close()
                shelf = pannier.shelf.open(name, writeback=writeback)
            case 7:
                assert shelf.get(key) == model.get(key) and (key in shelf) == (key in model)
        assert len(shelf) == len(model) and dict(shelf) == model
    shelf.close()


# ---- Values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"protocol": 0}, {"protocol": pickle.HIGHEST_PROTOCOL}, {"serializer": "pickle"}], ids=repr
)
def test_any_object_is_kept_where_pickle_is_asked_for(name, options):
    with pannier.DurableCache(name, **options) as shelf:
        shelf["a"] = Item(1)
        shelf["a"].number = 2
    with pannier.shelf.open(name, **options) as shelf:
        assert shelf["a"] == Item(2)


def test_a_pickled_value_that_was_not_changed_is_not_written_back(name, info):
    with pannier.DurableCache(name, protocol=4) as shelf:
        shelf["a"] = {"x": Item("y"), "z": {"x", "y", "z"}}
    puts = info().puts
    with pannier.DurableCache(name, protocol=4) as shelf:
        assert shelf["a"]["x"] == Item("y")
    assert info().puts == puts


def test_an_object_is_refused_where_pickle_is_not_asked_for(name):
    with pannier.DurableCache(name) as shelf:
        with pytest.raises(TypeError):
            shelf["a"] = Item(1)
        assert len(shelf) == 0 and shelf.cache == {}


# ---- The interface of dbm and of mappings ----------------------------------------------------------------


@pytest.mark.parametrize("flag", ["r", "w"])
def test_a_shelf_that_is_not_there_is_not_made_by_these_flags(name, flag, client):
    with pytest.raises(FileNotFoundError, match=name):
        pannier.shelf.open(name, flag)
    assert name not in client.info().caches


def test_flags_open_for_reading_for_writing_and_anew(name):
    with pannier.shelf.open(name, "c") as shelf:
        shelf["a"] = 1
    with pannier.shelf.open(name, "r") as shelf:
        assert shelf["a"] == 1
        for write in (lambda: shelf.update(a=2), lambda: shelf.pop("a"), shelf.clear, lambda: shelf.setdefault("b", 1)):
            with pytest.raises(UnsupportedOperation):
                write()
    with pannier.shelf.open(name, "w") as shelf:
        shelf["b"] = shelf.pop("a")
        assert dict(shelf) == {"b": 1}
    with pannier.shelf.open(name, "n") as shelf:
        assert dict(shelf) == {}
    for flag in ("", "rw", "x"):
        with pytest.raises(ValueError, match="flag"):
            pannier.shelf.open(name, flag)


def test_a_closed_shelf_refuses_all(name):
    shelf = pannier.DurableCache(name)
    shelf["a"] = 1
    shelf.close()
    shelf.close()
    calls = [lambda: shelf["a"], lambda: shelf.pop("a"), lambda: shelf.setdefault("a"), shelf.clear, lambda: len(shelf)]
    for call in [*calls, lambda: shelf.update(a=1), lambda: list(shelf), lambda: "a" in shelf, shelf.popitem]:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_pop_and_popitem_give_the_value_as_it_was_changed(name):
    with pannier.DurableCache(name) as shelf:
        shelf.update(a=[1], b=[2])
        shelf["a"].append(3)
        assert shelf.pop("a") == [1, 3] and shelf.pop("a", None) is None
        assert shelf.popitem() == ("b", [2])
        for empty in (lambda: shelf.pop("a"), shelf.popitem, lambda: shelf["b"]):
            with pytest.raises(KeyError):
                empty()
    assert dict(pannier.DurableCache(name)) == {}


@pytest.mark.parametrize("method", ["pop", "setdefault"])
def test_of_threads_that_take_or_add_one_entry_one_succeeds(name, method):
    start, found = threading.Barrier(8), []

    def ask(number):
        with pannier.shelf.open(name) as shelf:
            start.wait()
            found.append(getattr(shelf, method)("a", number))

    if method == "pop":
        pannier.shelf.open(name)["a"] = "taken"
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("taken") == 1 if method == "pop" else len(set(found)) == 1


def test_what_was_changed_in_place_is_written_at_the_interpreters_exit_by_its_own_process_alone(name, tmp_path):
    programs = Programs(tmp_path)
    path = programs.write(
        "left_open.py",
        """
        import os, sys, threading, time
        import pannier

        box = pannier.DurableCache(sys.argv[1])
        box["numbers"] = [1]
        box["numbers"].append(2)
        # Its frame keeps all that this program has from being deleted.
        threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
        if child := os.fork():
            os.waitpid(child, 0)
            print(pannier.connect().cache(sys.argv[1]).get("numbers"))
        else:
            box["numbers"].append("child")
        """,
    )
    assert programs.run(path, name) == ["[1]"]
    assert dict(pannier.DurableCache(name)) == {"numbers": [1, 2]}
