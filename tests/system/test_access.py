"""Who may do what: each method by users who may and who may not, changes while connections are there, and what is told."""

import glob
import os
import re
from pathlib import Path

import pytest

from clock import eventually
from users import ALICE, BOB, CAROL, MALLORY, ROOT, User, as_root, open_to_all
from wire import RpcError

pytestmark = as_root

METHODS_TABLE = Path(__file__).resolve().parents[2] / "daemon" / "methods.cc"

# Alice does everything with `secret`, the group mail (Carol) reads it, uid 4321 writes it but does not administer.
CONFIG = """
[access]
admins = ["games"]
[cache.secret]
tier = "durable"
readers = ["games", "@mail"]
writers = ["games", "4321"]
"""
WRITER = User(4321, 4321)

# method: (parameters, what it takes)
METHODS = {
    "attach": ((), "read all"),
    "backup": ((["secret"],), "read"),
    "backup_next": ((0,), "nothing"),
    "clear": (("secret",), "administer"),
    "delete": (("secret", "other"), "write"),
    "delete_many": (("secret", ["other"]), "write"),
    "drop": (("secret",), "administer"),
    "get": (("secret", "k"), "read"),
    "get_many": (("secret", ["k"]), "read"),
    "hello": ((), "nothing"),
    "hot": (("secret",), "read"),
    "increment": (("secret", "n", 1), "read and write"),
    "info": (("secret",), "read"),
    "keys": (("secret",), "read"),
    "lease": (("secret", "k"), "read and write"),
    "monitor": ((), "operate"),
    "open": (("secret", {"tier": "durable", "max_age_ms": 5, "alter": True}), "administer"),
    "ping": ((), "nothing"),
    "put": (("secret", "other", 1), "write"),
    "put_many": (("secret", [["other", 1]]), "write"),
    "release": (("secret", "k", 1), "write"),
    "reload": ((), "operate"),
    "subscribe": (("secret",), "read"),
    "sync": (("secret",), "administer"),
    "touch": (("secret", "k"), "write"),
    "unsubscribe": (("secret",), "nothing"),
}
# What stands beside a method's plain form, and goes another way through the daemon.
FORMS = {
    "get with options": ("get", ("secret", "k", {"meta": True}), "read"),
    "put with options": ("put", ("secret", "other", 1, {"sync": True}), "write"),
    "open of a new cache": ("open", ("mine", {"tier": "lru"}), "administer"),
    "open as it is": ("open", ("secret", {"tier": "durable"}), "read or write"),
    "sync of all": ("sync", (), "administer"),
    "backup of all": ("backup", (), "read"),
    "get in a cache that is not there": ("get", ("nowhere", "k"), "nothing"),
}
RIGHTS = {
    ROOT: {"nothing", "read", "write", "read or write", "read and write", "read all", "administer", "operate"},
    ALICE: {"nothing", "read", "write", "read or write", "read and write", "read all", "administer"},
    CAROL: {"nothing", "read", "read or write", "read all"},
    WRITER: {"nothing", "write", "read or write"},
    BOB: {"nothing"},
    MALLORY: {"nothing"},
}


class Guarded:
    """A daemon with a configuration that a test writes anew."""

    def __init__(self, start_daemon, path, text, *arguments):
        self.path = path
        self.write(text)
        self.daemon = open_to_all(start_daemon, "--config", path, *arguments)
        self.root = self.daemon.connect()

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def reload(self, text):
        self.write(text)
        return self.root.call("reload")

    def as_user(self, user):
        return user.connect(self.daemon)

    def server(self):
        return self.root.call("info")["server"]


@pytest.fixture
def guarded(start_daemon, directory):
    return lambda text, *arguments: Guarded(start_daemon, f"{directory}/pannierd.toml", text, *arguments)


@pytest.fixture(scope="module")
def shared_guarded(tmp_path_factory):
    """One for many questions, each of which leaves it as it was."""
    import shutil

    from conftest import new_directory
    from daemon_process import Daemon

    directory = new_directory()
    daemons = []

    def start(*arguments):
        daemons.append(Daemon(directory, *arguments))
        return daemons[-1].start()

    try:
        it = Guarded(start, f"{tmp_path_factory.mktemp('access')}/pannierd.toml", CONFIG)
        yield it
        it.daemon.discard()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wire_error(wire, method, *params):
    """The code of the error, None if there is none."""
    try:
        wire.call(method, *params)
    except RpcError as error:
        return error.code
    return None


def is_denied(wire, method, params):
    return wire_error(wire, method, *params) == "denied"


def test_every_method_of_the_table_is_asked_for_here():
    rows = re.findall(r'Method\{"(\w+)", \w+, Takes::k(\w+)\}', METHODS_TABLE.read_text(encoding="utf-8"))
    assert sorted(name for name, _ in rows) == sorted(METHODS)


QUESTIONS = {**{name: (name, *rest) for name, rest in METHODS.items()}, **FORMS}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_method_is_for_those_who_may(shared_guarded, question):
    method, params, takes = QUESTIONS[question]
    for user, rights in RIGHTS.items():
        shared_guarded.root.call("drop", "mine")
        shared_guarded.root.call("put", "secret", "k", "value")
        wire = shared_guarded.as_user(user)
        assert is_denied(wire, method, params) == (takes not in rights), user
        wire.close()
        shared_guarded.root.call("open", "secret", {"tier": "durable", "alter": True})


def test_a_denial_names_method_cache_user_and_what_would_help(guarded):
    it = guarded(CONFIG)
    text = it.as_user(BOB).fails("denied", "get", "secret", "k")
    assert text == (
        'get: the user with uid 2 may not read cache "secret"; readers in [cache.secret] or [access] of '
        "pannierd's configuration name who may"
    )
    assert "admins in [access]" in it.as_user(BOB).fails("denied", "drop", "secret")
    assert "operators in [access]" in it.as_user(ALICE).fails("denied", "reload")


def test_what_is_denied_is_not_done_and_not_told_of_a_cache_that_is_not_there(guarded):
    it = guarded(CONFIG.replace('tier = "durable"', 'tier = "lru"'))
    bob = it.as_user(BOB)
    bob.notify("put", "secret", "k", "forged")
    bob.fails("denied", "put_many", "secret", [["k", "forged"]])
    assert it.root.call("get", "secret", "k") is None
    it.root.call("drop", "secret")
    bob.fails("denied", "get", "secret", "k")
    it.as_user(CAROL).fails("unknown_cache", "get", "secret", "k")


def test_info_of_all_leaves_out_what_may_not_be_read(guarded):
    it = guarded(CONFIG)
    assert set(it.as_user(BOB).call("info")["caches"]) == {"lru", "ttl", "durable"}
    assert "secret" in it.as_user(CAROL).call("info")["caches"]


def test_a_read_error_which_may_name_a_key_is_for_those_who_read_every_cache(guarded):
    it = guarded(CONFIG)
    it.root.call("put_many", "secret", [[f"k{i:03}", os.urandom(100)] for i in range(500)])
    it.daemon.restart()  # makes a table of the log
    it.daemon.stop()
    (table,) = glob.glob(f"{it.daemon.data_dir}/durable/*.ldb")
    with open(table, "r+b") as file:
        file.seek(os.path.getsize(table) // 3)
        file.write(bytes(100))
    it.root = it.daemon.start().connect()
    assert any(wire_error(it.root, "get", "secret", f"k{i:03}") == "storage" for i in range(500))
    for user, is_told in [(ROOT, True), (CAROL, True), (BOB, False)]:
        server = it.as_user(user).call("info")["server"]
        assert server["read_errors"] > 0
        assert (server["last_read_error"] is not None) == is_told, user


def test_a_backup_of_all_is_denied_rather_than_incomplete(guarded):
    it = guarded(CONFIG)
    assert '"secret"' in it.as_user(BOB).fails("denied", "backup")
    assert it.as_user(BOB).call("backup", ["durable"])["caches"][0]["name"] == "durable"


def test_an_own_cache_is_for_everybody_where_no_section_names_it(guarded):
    it = guarded("")
    bob, mallory = it.as_user(BOB), it.as_user(MALLORY)
    assert bob.call("open", "mine", {"tier": "lru"}) is True
    bob.call("put", "mine", "k", 1)
    assert mallory.call("get", "mine", "k") == [1]
    assert mallory.call("drop", "mine") is True
    mallory.fails("denied", "reload")


def test_caches_without_a_section_are_as_access_says(guarded):
    it = guarded('[access]\nreaders = ["@mail", "games"]\nwriters = ["games"]\n[cache.open]\ntier = "lru"\nreaders = ["*"]\n')
    alice, bob, carol = it.as_user(ALICE), it.as_user(BOB), it.as_user(CAROL)
    alice.call("put", "lru", "k", 1)
    assert carol.call("get", "lru", "k") == [1]
    carol.fails("denied", "put", "lru", "k", 2)
    bob.fails("denied", "get", "lru", "k")
    bob.fails("denied", "open", "fresh", {"tier": "lru"})
    bob.call("put", "open", "k", 1)


def test_readers_alone_write_a_cache_that_names_no_writers(guarded):
    it = guarded('[cache.team]\ntier = "lru"\nreaders = ["@mail"]\n')
    it.as_user(CAROL).call("put", "team", "k", 1)
    it.as_user(BOB).fails("denied", "put", "team", "k", 2)
    it.as_user(BOB).fails("denied", "clear", "team")


def test_a_denial_writes_the_section_of_a_cache_as_the_file_has_it(guarded):
    it = guarded('[cache."my cache"]\ntier = "lru"\nreaders = []\n')
    assert 'readers in [cache."my cache"] or' in it.as_user(BOB).fails("denied", "get", "my cache", "k")


def test_an_empty_list_leaves_root_and_the_daemon(guarded):
    it = guarded('[access]\nadmins = []\n[cache.mine]\ntier = "lru"\nreaders = []\n')
    it.root.call("put", "mine", "k", 1)
    it.as_user(ALICE).fails("denied", "get", "mine", "k")
    it.as_user(ALICE).fails("denied", "open", "fresh", {"tier": "lru"})


def test_operators_may_have_the_file_read(guarded):
    it = guarded('[access]\noperators = ["@mail"]\n')
    assert it.as_user(CAROL).call("reload")["applied"] == []
    it.as_user(BOB).fails("denied", "reload")


# -- changes


def test_a_change_is_in_force_for_the_next_request_of_connections_that_are_there(guarded):
    it = guarded("")
    bob, carol = it.as_user(BOB), it.as_user(CAROL)
    bob.call("open", "secret", {"tier": "durable"})
    for wire in (bob, carol):
        wire.results(wire.pipeline(("put", "secret", "k", 1), ("get", "secret", "k")))
    applied = it.reload(CONFIG)["applied"]
    assert {"access.admins", "cache.secret.readers", "cache.secret.writers"} <= set(applied)
    for method, *params in [("get", "secret", "k"), ("put", "secret", "k", 2), ("get_many", "secret", ["k"])]:
        bob.fails("denied", method, *params)
    assert carol.call("get", "secret", "k") == [1]
    carol.fails("denied", "put", "secret", "k", 2)
    it.reload(CONFIG.replace('"@mail"', '"bin"'))
    assert bob.call("get", "secret", "k") == [1]
    carol.fails("denied", "get", "secret", "k")
    it.reload("")
    bob.call("put", "secret", "k", 2)


def test_a_subscriber_who_may_no_longer_read_is_told_and_closed(guarded):
    it = guarded("")
    it.root.call("open", "secret", {"tier": "durable"})
    bob, carol, other = it.as_user(BOB), it.as_user(CAROL), it.as_user(BOB)
    for wire in (bob, carol):
        wire.call("subscribe", "secret")
    it.reload(CONFIG)
    messages = bob.read_to_end()
    assert [message.error.partition(":")[0] for message in messages] == ["denied"]
    it.root.call("put", "secret", "k", 1)
    assert carol.invalidation().keys == ["k"]
    assert other.call("ping") == "pong"


def test_who_monitors_and_may_no_longer_is_told_and_closed(guarded):
    it = guarded('[access]\noperators = ["bin", "@mail"]\n')
    bob, carol = it.as_user(BOB), it.as_user(CAROL)
    for wire in (bob, carol):
        wire.call("monitor", {"method": "get"})
    it.reload('[access]\noperators = ["@mail"]\n')
    it.root.call("get", "lru", "k")
    messages = bob.read_to_end()
    assert [message.error.partition(":")[0] for message in messages] == ["denied"]
    carol.receive()
    assert [(line["uid"], line["key"]) for line, _ in carol.seen] == [(ROOT.uid, "k")]


def test_who_waits_for_a_lease_is_not_given_what_it_may_no_longer_read(guarded):
    it = guarded("")
    it.root.call("open", "secret", {"tier": "durable"})
    it.root.call("lease", "secret", "k")
    bob = it.as_user(BOB)
    waiting = bob.request("lease", "secret", "k", {"wait_ms": 60_000})
    assert bob.pending(waiting, 0.05)
    it.reload(CONFIG)
    it.root.call("put", "secret", "k", "value")
    assert bob.reply(waiting).error.startswith("denied")


def test_a_backup_that_was_begun_is_not_read_on(guarded):
    it = guarded("")
    it.root.call("open", "secret", {"tier": "durable"})
    it.root.call("put", "secret", "k", 1)
    bob = it.as_user(BOB)
    bob.call("backup", ["secret"])
    it.reload(CONFIG)
    bob.fails("denied", "backup_next", 0)


def test_lists_that_are_wrong_change_nothing(guarded):
    it = guarded(CONFIG)
    for text, *named in [
        ('[access]\nadmins = ["nobody-of-that-name"]\n', ":2:", "access.admins", 'no user "nobody-of-that-name"'),
        ('[access]\nadmins = ["@no-such-group"]\n', ":2:", 'no group "no-such-group"'),
        ('[access]\nadmins = "games"\n', ":2:", "array"),
        ('[access]\nadmins = [5]\n', ":2:", "integer"),
        ('[access]\nadmin = []\n', ":2:", "admins"),
        ('[cache.secret]\ntier = "durable"\nreader = []\n', ":3:", "readers"),
        ('[cache.secret]\ntier = "durable"\nreaders = ["@"]\n', ":3:", "names nobody"),
    ]:
        it.write(text)
        error = it.root.fails("bad_request", "reload")
        for words in named:
            assert words in error
    it.as_user(BOB).fails("denied", "get", "secret", "k")


# -- what is told


def test_denials_are_counted_and_logged_once_a_second(guarded):
    it = guarded(CONFIG)
    bob = it.as_user(BOB)
    for _ in range(50):
        bob.fails("denied", "get", "secret", "k")
    assert it.server()["denied"] == 50
    assert it.daemon.log().count("denied: get: the user with uid 2") <= 3

    def told():
        bob.fails("denied", "get", "secret", "k")
        return re.search(r"; \d+ more were denied since", it.daemon.log())

    eventually(told, step_s=0.1)
