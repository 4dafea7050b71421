"""Who may not read every cache may not map the memory of all: the package asks over the socket then, and nobody notices."""

import pytest
from clock import eventually
from shared_reads import shared_hits
from users import BOB, as_root, open_to_all

import pannier

pytestmark = as_root

NARROW = '[cache.secret]\ntier = "lru"\nreaders = ["games"]\n'


@pytest.fixture
def guarded(start_daemon, tmp_path):
    """guarded(text): (daemon, write); write(text) writes its configuration anew."""

    def start(text):
        path = tmp_path / "pannierd.toml"
        path.write_text(text, encoding="utf-8")
        return open_to_all(start_daemon, "--config", str(path)), lambda anew: path.write_text(anew, encoding="utf-8")

    return start


def reads(cache, count=50):
    return sum(cache.get("k") == "value" for _ in range(count))


@pytest.mark.parametrize("text, is_shared", [("", True), (NARROW, False)])
def test_reads_are_the_same_whether_memory_may_be_mapped_or_not(guarded, text, is_shared):
    daemon, _ = guarded(text)
    root = pannier.connect(daemon.socket_path)
    with BOB.acting(), pannier.connect(daemon.socket_path, shared_reads="always") as client:
        cache = client.cache("lru")
        cache.put("k", "value")
        assert reads(cache) == 50
        with pytest.raises(pannier.Denied):
            client.call("drop", "secret") if text else client.call("reload")
    eventually(lambda: (shared_hits(root, "lru") > 0) == is_shared)


def test_a_reload_ends_the_reading_of_those_who_may_not_read_all_any_more(guarded):
    daemon, write = guarded("")
    root = pannier.connect(daemon.socket_path)
    root.call("open", "secret", {"tier": "lru"})
    root.cache("secret").put("k", "value")
    client = pannier.connect(daemon.socket_path, shared_reads="always")
    secret, lru = client.cache("secret"), client.cache("lru")
    with BOB.acting():
        lru.put("k", "value")
        assert reads(secret) == reads(lru) == 50
    eventually(lambda: shared_hits(root, "secret") > 0)
    write(NARROW)
    root.call("reload")
    with BOB.acting():
        with pytest.raises(pannier.Denied):
            secret.get("k")
        assert reads(lru) == 50
    write("")
    root.call("reload")
    with BOB.acting():
        assert reads(secret) == 50
    client.close()
