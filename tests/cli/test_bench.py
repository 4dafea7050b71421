"""pannier bench on a real daemon: that it measures, leaves nothing behind, and says what is wrong."""

import json
import os
import pty
import signal
import subprocess

import pytest

from conftest import PANNIER, Command, running_daemon, wait_until

QUICK = ("--for", "100ms", "--keys", "500")
CACHE = "pannier.bench"


def caches(cli):
    return json.loads(cli.ok("--json", "info"))["caches"]


def measured(cli, *arguments):
    return json.loads(cli.ok("--json", "bench", *QUICK, *arguments))


def test_figures_are_told_for_people(cli):
    text = cli.ok("bench", *QUICK).decode()
    assert text.startswith("get, values of 64 B, 16 connections with 16 requests under way on each, 500 keys (zipf)\n")
    for name in ("requests/s", "p50", "p99", "p99.9", "the daemon", "this command"):
        assert f"\n{name} " in text


def test_figures_are_told_as_json(cli):
    result = measured(cli, "--connections", "3", "--depth", "2", "--value-size", "1K", "--choice", "uniform")
    assert result["connections"] == 3 and result["depth"] == 2 and result["value_bytes"] == 1024
    assert result["keys"] == 500 and result["mix"] == "get" and result["choice"] == "uniform"
    assert result["requests_per_s"] > 0 and result["server_cpu_us"] > 0
    assert 0 < result["p50_us"] <= result["p99_us"] <= result["p999_us"]


@pytest.mark.parametrize("mix", ["get", "90/10", "get_many", "put", "put_ttl"])
def test_every_mix_is_measured(cli, mix):
    assert measured(cli, "--mix", mix)["requests_per_s"] > 0


def test_the_cache_is_gone_afterwards(cli):
    before = set(caches(cli))
    measured(cli)
    assert set(caches(cli)) == before


def test_a_cache_that_is_there_is_left_alone(cli):
    cli.ok("open", CACHE, "--tier", "lru")
    cli.ok("put", CACHE, "k", "v")
    done = cli("bench", *QUICK)
    assert done.returncode == 1 and CACHE.encode() in done.stderr and not done.stdout
    assert cli.ok("get", CACHE, "k") == b"v\n"
    assert measured(cli, "--cache", "another")["requests_per_s"] > 0


def test_an_interrupt_ends_it_and_drops_the_cache(cli):
    process = cli.start("bench", "--for", "10m")
    wait_until(lambda: CACHE in caches(cli), "the cache is not opened")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == -signal.SIGINT
    assert CACHE not in caches(cli)


def test_more_than_the_memory_is_refused(cli):
    done = cli("bench", "--keys", "1000000", "--value-size", "1M")
    assert done.returncode == 3 and b"out_of_memory" in done.stderr
    assert CACHE not in caches(cli)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--connections", "0"),
        ("--connections", "1000000"),
        ("--depth", "0"),
        ("--keys", "0"),
        ("--value-size", "0"),
        ("--for", "0"),
        ("--mix", "delete"),
        ("--mix", "get_many", "--value-size", "1M"),
        ("--connections", "500", "--depth", "64", "--value-size", "1M"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_measured_is_a_usage_error(idle_cli, arguments):
    done = idle_cli("bench", *arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_a_daemon_that_ends_is_told(directory):
    with running_daemon(directory) as process:
        cli = Command(directory + "/s")
        bench = cli.start("bench", "--for", "10m")
        wait_until(lambda: CACHE in caches(cli), "the cache is not opened")
        process.kill()
        process.wait()
        _, error = bench.communicate(timeout=60)
    assert bench.returncode == 4, error


def test_no_daemon_is_no_connection(directory):
    done = Command(directory + "/nobody")("bench", *QUICK)
    assert done.returncode == 4 and not done.stdout


def test_progress_is_shown_on_a_terminal(cli):
    master, slave = pty.openpty()
    with subprocess.Popen(
        [PANNIER, "bench", *QUICK], stdout=subprocess.DEVNULL, stderr=slave, env=cli.environment()
    ) as process:
        os.close(slave)
        seen = b""
        while b"measuring" not in seen:
            seen += os.read(master, 1024)
        assert process.wait(timeout=60) == 0
    os.close(master)
