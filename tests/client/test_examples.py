"""The examples of libpannier, run against a real daemon. Environment: PANNIERD and EXAMPLES, their directory."""

import os
import subprocess

EXAMPLES = os.environ["EXAMPLES"]


def run(name, *arguments, environment):
    return subprocess.run(
        [EXAMPLES + "/" + name, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def test_async(environment):
    done = run("async", "10", environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the sum of 10 squares is 285\n", "")


def test_basics(environment):
    done = run("basics", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "name: Ada\nnobody: a miss\ngo is better\nvisits: 1\n"


def test_from_c(environment):
    first = run("from_c", environment=environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "visits: 1\ncomputing\nreport: 42 pages\n"
    assert run("from_c", environment=environment).stdout == "visits: 2\nreport: 42 pages\n"


def test_from_map_asks_once_in_each_process_before_and_once_for_all_after(environment):
    first = run("from_map", environment=environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == 2 * "query\nuser 7, user 7\n" + "Ada, nobody\n"
    assert run("from_map", environment=environment).stdout == "query\n" + 2 * "user 7, user 7\n" + "Ada, nobody\n"


def test_futures(environment):
    done = run("futures", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "three requests are under way\nprice: 99, visits: 1\n"


def test_get_or_compute_computes_once(environment):
    first = run("get_or_compute", "10", environment=environment)
    assert (first.returncode, first.stdout) == (0, "computing\n1 + ... + 10 = 55\n")
    assert run("get_or_compute", "10", environment=environment).stdout == "1 + ... + 10 = 55\n"


def test_get_or_compute_does_without_the_cache():
    done = run("get_or_compute", "10", environment={**os.environ, "PANNIER_SOCKET": "/nonexistent/socket"})
    assert (done.returncode, done.stdout) == (0, "computing\n1 + ... + 10 = 55\n")
    assert "/nonexistent/socket" in done.stderr


def test_memoize_computes_once(environment):
    first = run("memoize", "10", environment=environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "computing 10\n1 + ... + 10 = 55\nfrom the cache: 55\n"
    assert run("memoize", "10", environment=environment).stdout == "1 + ... + 10 = 55\nfrom the cache: 55\n"


def test_memoize_does_without_the_daemon():
    done = run("memoize", "10", environment={**os.environ, "PANNIER_SOCKET": "/nonexistent/socket"})
    assert done.returncode == 0
    assert done.stdout == "computing 10\n1 + ... + 10 = 55\ncomputing 10\nfrom the cache: 55\n"
    assert done.stderr.count("/nonexistent/socket") == 1, "the second call has left the daemon alone"


def test_pipeline(environment):
    done = run("pipeline", "100", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("100 puts one by one:")


def test_typed_cache(environment):
    done = run("typed_cache", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Longyearbyen: -11.5 degrees, clear\nNuuk: a miss\nrain\nunknown\n"
