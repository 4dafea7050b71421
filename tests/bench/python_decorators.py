"""Functions whose results are cached, for python_bench.py: the same function, by each of those who have a decorator for that,
and by redis-py as its users write it."""

import functools
import pickle
import statistics
import time

import diskcache
import redis

import pannier

ARGUMENTS = range(1000)


def cached_functions(sockets, value):
    """By name: a function of one number that has been called with each of ARGUMENTS, so that its results are known."""
    pannier.configure(path=sockets["pannier"], shared_reads="always")
    server = redis.Redis(unix_socket_path=sockets["redis"])
    disk = diskcache.Cache(f"{sockets['directory']}/diskcache")
    calls = []

    def function(number):
        calls.append(number)
        return value

    def with_redis(number):
        stored = server.get(f"function:{number}")
        if stored is None:
            stored = pickle.dumps(function(number))
            server.set(f"function:{number}", stored)
        return pickle.loads(stored)

    functions = {
        "pannier": pannier.lru_cache(maxsize=None, name="lru_cache")(function),
        "functools": functools.lru_cache(maxsize=None)(function),
        "redis-py": with_redis,
        "diskcache": disk.memoize(name="function")(function),
    }
    for name, cached in functions.items():
        # More than once: what is found then may be kept for the next time.
        wrong = [number for _ in range(3) for number in ARGUMENTS if cached(number) != value]
        if wrong or len(calls) != len(ARGUMENTS):
            raise RuntimeError(f"{name} has called the function {len(calls)} times, with {len(wrong)} wrong results")
        calls.clear()
    return functions


def turn(cached, seconds):
    """Microseconds of a call over so many seconds: the median of rounds over all arguments, since a clock would take longer
    than a call; and the processor time of this process for each."""
    clock = time.perf_counter_ns
    times = []
    used = time.process_time_ns()
    end = clock() + int(seconds * 1e9)
    while clock() < end:
        start = clock()
        for number in ARGUMENTS:
            cached(number)
        times.append((clock() - start) / len(ARGUMENTS))
    return statistics.median(times) / 1e3, (time.process_time_ns() - used) / len(times) / len(ARGUMENTS) / 1e3
