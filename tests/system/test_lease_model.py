"""Leases against a model: many connections take, put, release, delete and leave at random; every answer is predicted."""

import random

import pytest

FOR_LONG = {"lease_ms": 600_000, "wait_ms": 600_000}
KEYS = ["a", "b", "c"]


class Client:
    """One connection with the leases that it holds (key: token) and the requests that wait (key: msgids)."""

    def __init__(self, wire):
        self.wire = wire
        self.held = {}


class Model:
    """What the contract says about leases of keys that are absent; answers are checked as they are due."""

    def __init__(self, cache):
        self.cache = cache
        self.holder = {key: None for key in KEYS}
        self.queue = {key: [] for key in KEYS}
        self.values = {}
        self.tokens = set()

    def lease(self, client, key):
        msgid = client.wire.request("lease", self.cache, key, FOR_LONG)
        if key in self.values:
            assert client.wire.result(msgid) == [self.values[key]]
        elif self.holder[key] is None:
            self.grant(client, key, msgid)
        else:
            client.wire.call("ping")
            assert msgid not in client.wire.replies
            self.queue[key].append((client, msgid))

    def grant(self, client, key, msgid):
        token = client.wire.result(msgid)
        assert isinstance(token, int) and token not in self.tokens
        self.tokens.add(token)
        self.holder[key] = client
        client.held[key] = token

    def ended(self, key):
        """The lease ended without a value: the first in the queue gets a token, the others go on waiting."""
        if self.holder[key] is not None:
            self.holder[key].held.pop(key, None)
        self.holder[key] = None
        if self.queue[key]:
            client, msgid = self.queue[key].pop(0)
            self.grant(client, key, msgid)
        for client, msgid in self.queue[key]:
            client.wire.call("ping")
            assert msgid not in client.wire.replies

    def written(self, key, value):
        """A value came: all who wait get it."""
        self.values[key] = value
        if self.holder[key] is not None:
            self.holder[key].held.pop(key, None)
        self.holder[key] = None
        waiting, self.queue[key] = self.queue[key], []
        for client, msgid in waiting:
            assert client.wire.result(msgid) == [value]

    def left(self, client):
        """Its waits were answered nil, its leases end."""
        for key in KEYS:
            for each, msgid in self.queue[key]:
                if each is client:
                    assert client.wire.result(msgid) is None
            self.queue[key] = [(each, msgid) for each, msgid in self.queue[key] if each is not client]
        for key in list(client.held):
            self.ended(key)


def step(generator, model, clients, connect):
    """One random operation of one random client."""
    client, key, value = generator.choice(clients), generator.choice(KEYS), generator.randrange(1000)
    wire, cache, token = client.wire, model.cache, client.held.get(key)
    action = generator.choice(["lease"] * 6 + ["finish"] * 3 + ["delete"] * 2 + ["write", "leave", "late"])
    if action == "lease":
        model.lease(client, key)
    elif action == "finish" and token is not None and generator.random() < 0.5:
        assert wire.call("put", cache, key, value, {"lease": token}) > 0
        model.written(key, value)
    elif action == "finish" and token is not None:
        assert wire.call("release", cache, key, token) is True
        model.ended(key)
    elif action == "delete":
        assert wire.call("delete", cache, key) is (key in model.values)
        model.values.pop(key, None)
        model.ended(key)
    elif action == "write":
        assert wire.call("put", cache, key, value) > 0
        model.written(key, value)
    elif action == "late" and model.tokens:
        old = generator.choice(sorted(model.tokens - {held for each in clients for held in each.held.values()}) or [0])
        assert wire.call("put", cache, key, value, {"lease": old}) is None
    elif action == "leave":
        wire.finish_sending()
        wire.read_to_end()
        model.left(client)
        clients[clients.index(client)] = Client(connect())


@pytest.mark.parametrize("tier", ["lru", "durable"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_crowd_is_answered_as_the_model_says(connect, open_cache, tier, seed):
    generator, model = random.Random(seed), Model(open_cache(tier))
    clients = [Client(connect()) for _ in range(8)]
    for _ in range(1500):
        step(generator, model, clients, connect)
    assert model.tokens
