"""kill -9 while syncs are under way, several writers, and nothing but the disk survives: what was answered is there."""

import os
import random
import statistics
import threading
import time

from clock import eventually
from daemon_process import STOP_S
from sync_load import CACHE, Writer

ROUNDS = 200 if os.environ.get("PANNIER_LONG") == "1" else 10
WRITERS = 4
FIRST_SYNC_S = 0.02


def run_until_killed(daemon, writers, sync_sent, generator, sync_s):
    """Kills at a random time after a sync was sent. Answers whether one was under way that was never answered."""
    for writer in writers:
        writer.start()
    eventually(lambda: all(writer.answered or writer.failure for writer in writers), step_s=0.001)
    sync_sent.clear()
    assert sync_sent.wait(STOP_S)
    time.sleep(generator.uniform(0, sync_s))
    daemon.kill9()
    for writer in writers:
        writer.join(STOP_S)
        assert not writer.is_alive()
    # A reply that was sent before the kill can still be read after it, so this says what was answered.
    return any(writer.sync_pending for writer in writers)


def test_killed_within_a_sync_all_that_was_answered_is_on_disk(start_daemon):
    daemon = start_daemon("--checkpoint-interval", "20ms")
    generator, sync_s, within, answered, version_max = random.Random(11), FIRST_SYNC_S, 0, 0, 0
    writers = [None] * WRITERS
    for round_number in range(ROUNDS):
        sync_sent = threading.Event()
        writers = [
            Writer(daemon.socket_path, f"w{i}", f"{round_number} {i}", sync_sent, writers[i]) for i in range(WRITERS)
        ]
        within += run_until_killed(daemon, writers, sync_sent, generator, sync_s)
        sync_s = statistics.median(writer.sync_s for writer in writers)
        answered += sum(writer.answered for writer in writers)
        told = [version for writer in writers for version in writer.versions.values()]
        assert len(set(told)) == len(told) and min(told) > version_max, "a version was used twice"
        wire = daemon.start().connect()
        version_max = max(writer.check(wire) for writer in writers)
        probe = wire.call("put", CACHE, "probe", round_number)
        assert probe > version_max, "a version was used twice"
        version_max = probe
        wire.close()
    print(f"{ROUNDS} kills, {within} of them before a sync under way was answered; {answered} syncs answered")
    assert within > 0
