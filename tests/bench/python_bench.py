#!/usr/bin/python3
"""What a hit costs in Python: Pannier's package beside redis-py (with hiredis), pymemcache, pylibmc and diskcache.

All get the same values in the same run, in turn, and the order is turned round each round. One thread asks in a closed
loop, one key of many at a time; each get is timed, and a round's figure is the median of its gets; "busy" is the
processor time that the asking process takes for each. A ratio is Pannier's figure of a round by the other's of the same
round. Clients of servers without types get bytes as they are, and dictionaries pickled, which is how their users keep
them. diskcache has no server: it reads a file of its own. "pannier" asks over its socket, as the others do; "shared
reads" is the same package as it is by default, which finds hits in the daemon's memory.

"lru_cache hit, unchanged" is the call of a function whose result, a dictionary, is still the one of the last call: by
pannier.lru_cache, functools.lru_cache, diskcache's memoize, and with redis-py and pickle.
"""

import argparse
import gc
import json
import pickle
import statistics
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).absolute().parent  # of the link in the build: bin/bench
BUILD = HERE.parents[1]
sys.path.insert(0, str(BUILD / "python"))

import diskcache  # noqa: E402
import pylibmc  # noqa: E402
import pymemcache  # noqa: E402
import python_decorators  # noqa: E402
import python_servers  # noqa: E402
import redis  # noqa: E402

import pannier  # noqa: E402

KEYS = [f"user:{number:08}" for number in range(1000)]
VALUES = {
    "64 B": bytes(range(64)),
    "1 KiB": bytes(1024),
    "dict": {"id": 7, "name": "Ada Lovelace", "tags": ["a", "b", "c"], "score": 2.5, "admin": True, "note": None},
}
#: The most that Pannier's median may be, as a multiple of the other's.
TARGETS = {"redis-py": 0.7, "pymemcache": 0.7, "pylibmc": 1.1}
HIT = "lru_cache hit, unchanged"
#: The most microseconds that one may take.
HIT_TARGET_US = 2.0


def pickled_redis(client):
    return lambda key: pickle.loads(client.get(key))


def clients(sockets, value):
    """By name: puts of one entry and the call that is timed, a get of one key."""
    cache = pannier.connect(sockets["pannier"], shared_reads="never").cache("lru")
    mapped = pannier.connect(sockets["pannier"], shared_reads="always").cache("lru")
    server = redis.Redis(unix_socket_path=sockets["redis"])
    serde = pymemcache.serde.pickle_serde
    memcached = pymemcache.Client(f"unix:{sockets['memcached']}", serde=serde if isinstance(value, dict) else None)
    libmemcached = pylibmc.Client([sockets["memcached"]])
    disk = diskcache.Cache(f"{sockets['directory']}/diskcache")
    if isinstance(value, dict):
        redis_put, redis_get = lambda key, entry: server.set(key, pickle.dumps(entry)), pickled_redis(server)
    else:
        redis_put, redis_get = server.set, server.get
    return {
        "pannier": (cache.put, cache.get),
        "  shared reads": (mapped.put, mapped.get),
        "redis-py": (redis_put, redis_get),
        "pymemcache": (memcached.set, memcached.get),
        "pylibmc": (lambda key, entry: libmemcached.set(f"l{key}", entry), lambda key: libmemcached.get(f"l{key}")),
        "diskcache": (disk.set, disk.get),
    }


def fill(contestants, value):
    for name, (put, get) in contestants.items():
        for key in KEYS:
            put(key, value)
        wrong = [key for key in KEYS if get(key) != value]
        if wrong:
            raise RuntimeError(f"{name} does not have {len(wrong)} of the entries that were put")


def turn(get, seconds):
    """Microseconds of a get over so many seconds: the median, and the processor time of this process for each."""
    clock = time.perf_counter_ns
    times = []
    used = time.process_time_ns()
    end = clock() + int(seconds * 1e9)
    while clock() < end:
        for key in KEYS:
            start = clock()
            get(key)
            times.append(clock() - start)
    return statistics.median(times) / 1e3, (time.process_time_ns() - used) / len(times) / 1e3


def measure(contestants, take_turn, rounds, seconds):
    """What the turns gave each by name, one of each round."""
    figures = {name: [] for name in contestants}
    names = list(contestants)
    gc.disable()
    for _ in range(rounds):
        for name in names:
            figures[name].append(take_turn(contestants[name], seconds))
        names.reverse()
    gc.enable()
    return figures


def measure_gets(sockets, value, rounds, seconds):
    contestants = clients(sockets, value)
    fill(contestants, value)
    return measure({name: get for name, (_, get) in contestants.items()}, turn, rounds, seconds)


def measure_hits(sockets, value, rounds, seconds):
    return measure(python_decorators.cached_functions(sockets, value), python_decorators.turn, rounds, seconds)


def spread(figures, digits=2):
    return f"{min(figures):.{digits}f} to {max(figures):.{digits}f}"


def report(shape, figures, targets):
    """Prints a table; the results as --json has them."""
    print(f"\n{shape}\n{'client':14} {'hit, us':>8} {'rounds':>16} {'busy, us':>8}   {'pannier is':>10} {'rounds':>14}")
    results = {}
    for name, turns in figures.items():
        times, busy = zip(*turns)
        ratios = [ours / theirs for (ours, _), theirs in zip(figures["pannier"], times)]
        ratio = statistics.median(ratios)
        target = targets.get(name)
        verdict = "" if target is None else f"  at most {target}: {'ok' if ratio <= target else 'short'}"
        print(f"{name:14} {statistics.median(times):8.2f} {spread(times):>16} {statistics.median(busy):8.2f}", end="")
        print("" if name == "pannier" else f"   {ratio:8.2f} x {spread(ratios):>14}{verdict}")
        results[name] = {"get_us": times, "busy_us": busy, "ratio": ratios, "target": target}
    return results


def report_hits(figures):
    results = report(HIT, figures, {})
    took = statistics.median(results["pannier"]["get_us"])
    print(f"pannier: at most {HIT_TARGET_US} us: {'ok' if took <= HIT_TARGET_US else 'short'}")
    results["pannier"]["target_us"] = HIT_TARGET_US
    return results


def write(path, results):
    """Adds the results to the file, which may hold those of other benchmarks."""
    file = Path(path)
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps({**known, "python": results}, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(
        prog="python_bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Example: python_bench --rounds 21 --json results.json")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds, at least 7 (9)")
    parser.add_argument("--seconds", type=float, default=0.2, metavar="S", help="of each client in a round (0.2)")
    parser.add_argument("--value", choices=[*VALUES, HIT], action="append", help="only this kind; may be repeated")
    parser.add_argument("--pannierd", metavar="ARGUMENTS", default="", help="more arguments of pannierd")
    parser.add_argument("--json", metavar="FILE", help="write every round's figures")
    options = parser.parse_args()
    if options.rounds < 7:
        parser.error("fewer than 7 rounds tell too little of their spread")
    results = {}
    with python_servers.running(BUILD / "bin/pannierd", options.pannierd.split()) as sockets:
        for shape in options.value or [*VALUES, HIT]:
            if shape == HIT:
                results[HIT] = report_hits(measure_hits(sockets, VALUES["dict"], options.rounds, options.seconds))
            else:
                figures = measure_gets(sockets, VALUES[shape], options.rounds, options.seconds)
                results[shape] = report(shape, figures, TARGETS)
    if options.json:
        write(options.json, results)


if __name__ == "__main__":
    main()
