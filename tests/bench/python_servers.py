"""The servers that python_bench.py measures clients of: each on a Unix socket in one temporary directory, without
persistence, one thread serving. They end with the block."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

START_S = 30
MEMORY_MIB = 256


def commands(directory, pannierd, pannierd_arguments):
    """Name, command line and socket of each server."""
    pannier, redis, memcached = (f"{directory}/{name}" for name in ("pannier", "redis", "memcached"))
    return {
        "pannier": (
            [pannierd, "--socket", pannier, "--data-dir", f"{directory}/data",
             "--memory-limit", f"{MEMORY_MIB}M", *pannierd_arguments],
            pannier,
        ),
        "redis": (
            ["redis-server", "--port", "0", "--unixsocket", redis, "--save", "", "--appendonly", "no",
             "--maxmemory", f"{MEMORY_MIB}mb", "--maxmemory-policy", "allkeys-lru", "--dir", directory],
            redis,
        ),
        "memcached": (
            ["memcached", "-s", memcached, "-t", "1", "-m", str(MEMORY_MIB), *root_user()],
            memcached,
        ),
    }


def root_user():
    return ["-u", "root"] if os.geteuid() == 0 else []


def wait_for(process, path, log):
    deadline = time.monotonic() + START_S
    while not os.path.exists(path):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} does not start:\n{Path(log).read_text(errors='replace')}")
        time.sleep(0.01)


@contextlib.contextmanager
def running(pannierd, pannierd_arguments=()):
    """The sockets of all servers by name, and a directory for files."""
    directory = tempfile.mkdtemp(prefix="pannier-")
    processes = []
    try:
        sockets = {"directory": directory}
        for name, (command, path) in commands(directory, str(pannierd), pannierd_arguments).items():
            log = f"{directory}/{name}.log"
            with open(log, "wb") as output:
                processes.append(
                    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output))
            wait_for(processes[-1], path, log)
            sockets[name] = path
        yield sockets
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)
