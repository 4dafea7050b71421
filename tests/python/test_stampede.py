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


class Stampede:
    """Processes that call one memoized function at once; each tells in a file when it computes, and what it has got."""

    def __init__(self, path, compute_s, name, lease=LEASE_S):
        self.path = path
        self.value = pannier.memoize(name=name, lease=lease, key=lambda: None)(lambda: self.compute(compute_s))
        self.barrier = fork.Barrier(PROCESSES)
        self.processes = [fork.Process(target=self.call) for _ in range(PROCESSES)]
        for process in self.processes:
            process.start()

    def compute(self, compute_s):
        self.tell("computes")
        time.sleep(compute_s)
        return os.getpid()

    def call(self):
        self.barrier.wait()
        start = time.monotonic()
        value = self.value()
        self.tell("got", value=value, waited_s=time.monotonic() - start)

    def tell(self, event, **more):
        # One write to a file that is appended to is not mixed with others.
        with open(self.path, "ab", buffering=0) as file:
            file.write(json.dumps({"event": event, "pid": os.getpid(), **more}).encode() + b"\n")

    def told(self, event):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def first_holder(self):
        deadline = time.monotonic() + 20
        while not self.told("computes"):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return self.told("computes")[0]["pid"]

    def join(self):
        for process in self.processes:
            process.join(LEASE_S)
            assert process.exitcode is not None


@pytest.fixture
def path(tmp_path, process_daemon):
    return tmp_path / "told"


def test_sixteen_processes_that_miss_at_once_compute_once(path, new_name):
    stampede = Stampede(path, 0.2, new_name())
    stampede.join()
    (computed,) = stampede.told("computes")
    got = stampede.told("got")
    assert len(got) == PROCESSES and {each["value"] for each in got} == {computed["pid"]}


def test_a_holder_that_is_killed_is_replaced_at_once_and_nobody_waits_for_its_lease(path, new_name):
    stampede = Stampede(path, 0.5, new_name())
    holder = stampede.first_holder()
    time.sleep(0.1)
    os.kill(holder, signal.SIGKILL)
    stampede.join()
    first, second = stampede.told("computes")
    got = stampede.told("got")
    assert len(got) == PROCESSES - 1 and {each["value"] for each in got} == {second["pid"]}
    assert first["pid"] == holder != second["pid"]
    assert max(each["waited_s"] for each in got) < LEASE_S / 2


def test_a_holder_that_hangs_is_replaced_when_its_lease_is_over(path, new_name):
    stampede = Stampede(path, 0.1, new_name(), lease=1)
    holder = stampede.first_holder()
    os.kill(holder, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + LEASE_S
        while len(stampede.told("got")) < PROCESSES - 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.kill(holder, signal.SIGCONT)
    stampede.join()
    assert max(each["waited_s"] for each in stampede.told("got") if each["pid"] != holder) < LEASE_S / 2
    # What came too late is its caller's.
    assert [each["value"] for each in stampede.told("got") if each["pid"] == holder] == [holder]
    assert stampede.value() != holder
