"""What the tests of shared reads look at: what the daemon counts, functions whose results it has, and processes that write."""

import pannier

#: For each number that it reads: puts that number, and says so.
PUTTING = """
    import sys, pannier
    cache = pannier.connect().cache(sys.argv[1])
    for line in sys.stdin:
        cache.put_raw(bytes.fromhex(sys.argv[2]), pannier.extensions.message_pack.pack([int(line)]))
        print("done", flush=True)
"""


def fields(client, name=None):
    """What `info` tells, as it is on the wire."""
    return client.call("info") if name is None else client.call("info", name)


def requests(client):
    return fields(client)["server"]["requests"]


def shared_hits(client, name):
    return fields(client, name)["shared_hits"]


def listing(x):
    return [x]


def settled(call):
    """What call() gives twice; while the daemon is in the middle of a change, and does not get on, hits are copies."""
    last = call()
    for _ in range(1000):
        last, before = call(), last
        if last is before:
            return last
    raise AssertionError("each hit is another object")


class Decorated:
    """A function behind one of the decorators, whose cache another client can write to."""

    def __init__(self, decorate, client, name, give=listing, **settings):
        self.computed = 0
        self._give = give
        self.cache = client.cache(name)
        self.call = decorate(name=name, **settings)(self._compute)
        self.key = pannier.arguments.call_key((1,), {})

    def _compute(self, *args, **kwargs):
        self.computed += 1
        return self._give(*args, **kwargs)

    def settle(self):
        """The object that hits give from now on."""
        return settled(lambda: self.call(1))


class talking:
    """A process that puts what it is told to; put() returns when it has."""

    def __init__(self, programs, name, key):
        self._process = programs.start(programs.write("putting.py", PUTTING), name, key.hex(), read_input=True)

    def __enter__(self):
        return self._put

    def _put(self, number):
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def __exit__(self, *unused):
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0
