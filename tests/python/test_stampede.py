"""Many processes miss one key at the same instant. They are forked off by this one, as those of a server are."""

import json
import multiprocessing
import os
import signal
import time

import pytest

import pannier

PROCESSES = 16
# Longer than anything here may take: who waits that long has waited for a lease to run out.
LEASE_S = 30.0

fork = multiprocessing.get_context("fork")


def wait_until(condition):
    deadline = time.monotonic() + LEASE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Teller:
    """A file to which processes append what happens to them, a line each."""

    def __init__(self, path):
        self.path = path

    def tell(self, event, **more):
        # One write to a file that is appended to is not mixed with others.
        with open(self.path, "ab", buffering=0) as file:
            file.write(json.dumps({"event": event, "pid": os.getpid(), **more}).encode() + b"\n")

    def told(self, event):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] == event]


class Crew:
    """Processes that call one memoized function at once, again and again."""

    def __init__(self, socket_path):
        self.socket_path = socket_path
        self.barrier = fork.Barrier(PROCESSES)
        self.members = []
        self.fill()

    def fill(self):
        """Replaces those that were killed."""
        self.members = [(process, orders) for process, orders in self.members if process.is_alive()]
        while len(self.members) < PROCESSES:
            orders, ours = fork.Pipe(duplex=False)
            self.members.append((fork.Process(target=self.work, args=(orders,)), ours))
            self.members[-1][0].start()

    def work(self, orders):
        pannier.configure(path=self.socket_path)
        while (order := orders.recv()) is not None:
            self.call(*order)

    def call(self, teller, name, compute_s, lease):
        @pannier.memoize(name=name, lease=lease)
        def value():
            teller.tell("computes")
            if len(teller.told("computes")) == 1:
                time.sleep(compute_s)
            return os.getpid()

        self.barrier.wait()
        start = time.monotonic()
        teller.tell("got", value=value(), waited_s=time.monotonic() - start)

    def order(self, *order):
        for _, orders in self.members:
            orders.send(order or None)


@pytest.fixture(scope="module")
def crew(daemon):
    crew = Crew(daemon.socket_path)
    yield crew
    crew.order()
    for process, _ in crew.members:
        process.join(LEASE_S)
        assert process.exitcode == 0


@pytest.fixture
def stampede(crew, tmp_path, new_name):
    """stampede(seconds that the first computation takes, lease): lets them go; where they tell, and the name of the cache."""

    def go(compute_s, lease=LEASE_S):
        crew.fill()
        teller, name = Teller(tmp_path / "told"), new_name()
        crew.order(teller, name, compute_s, lease)
        return teller, name

    return go


def test_sixteen_processes_that_miss_at_once_compute_once(stampede):
    teller, _ = stampede(0.2)
    wait_until(lambda: len(teller.told("got")) == PROCESSES)
    (computed,) = teller.told("computes")
    assert {each["value"] for each in teller.told("got")} == {computed["pid"]}


def test_a_holder_that_is_killed_is_replaced_at_once_and_nobody_waits_for_its_lease(stampede):
    teller, _ = stampede(LEASE_S)
    wait_until(lambda: teller.told("computes"))
    holder = teller.told("computes")[0]["pid"]
    time.sleep(0.1)
    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: len(teller.told("got")) == PROCESSES - 1)
    first, second = teller.told("computes")
    got = teller.told("got")
    assert {each["value"] for each in got} == {second["pid"]} and first["pid"] == holder != second["pid"]
    assert max(each["waited_s"] for each in got) < LEASE_S / 2


def test_a_holder_that_hangs_is_replaced_when_its_lease_is_over(client, stampede):
    teller, name = stampede(2, lease=1)
    wait_until(lambda: teller.told("computes"))
    holder = teller.told("computes")[0]["pid"]
    os.kill(holder, signal.SIGSTOP)
    try:
        wait_until(lambda: len(teller.told("got")) == PROCESSES - 1)
    finally:
        os.kill(holder, signal.SIGCONT)
    wait_until(lambda: len(teller.told("got")) == PROCESSES)
    assert max(each["waited_s"] for each in teller.told("got") if each["pid"] != holder) < LEASE_S / 2
    # What came too late is its caller's alone.
    assert [each["value"] for each in teller.told("got") if each["pid"] == holder] == [holder]
    cache = client.cache(name)
    assert all(value != holder for value in cache.get_many(cache.keys()).values())
