"""pannier.service under systemd: started by its socket, restarted, killed, hung, and stopped while its disk does not take
what is dirty. What it keeps must be there afterwards, and nobody may be turned away."""

import re
import time

import pytest

from clients import Load
from service import SERVICE, SETTINGS, SOCKET, wait_until

CLIENTS = 1_000
RESTARTS = 10
KILLS = 3
ENTRIES = 5_000
HOUR_MS = 3_600_000


def fill(service, entries=ENTRIES):
    """Puts so many entries into each of the three caches; those of `durable` stay dirty."""
    wire = service.connect()
    for cache, options in (("lru", {}), ("ttl", {"ttl_ms": HOUR_MS}), ("durable", {})):
        pairs = [[f"{cache} {number}", number] for number in range(entries)]
        wire.call("put_many", cache, pairs, options)
    wire.close()


def check_filled(service, entries=ENTRIES):
    wire = service.connect()
    for cache in ("lru", "ttl", "durable"):
        found = wire.call("get_many", cache, [f"{cache} {number}" for number in range(entries)])
        assert found == [[number] for number in range(entries)], cache
    wire.close()


def test_it_is_started_by_the_first_who_connects(service):
    assert service.state() == "inactive"
    wire = service.connect()
    assert wire.call("ping") == "pong"
    wire.close()
    assert service.state() == "active"


def test_a_start_returns_when_it_is_ready_and_says_what_it_serves(service):
    service.start()
    assert re.fullmatch(r"pannierd \S+ listens on /run/pannier/pannier.sock, data in /var/lib/pannier, .*",
                        service.show("StatusText"))
    assert service.connect().call("hello")["pid"] == service.pid()


def test_its_log_has_priorities_in_the_journal(service):
    service.machine.write(SETTINGS, '[durable]\ncolor = "blue"\n')
    assert service.machine.try_run("systemctl", "start", SERVICE).returncode != 0
    errors = service.machine.run("journalctl", "-u", SERVICE, "-p", "err", "-o", "cat", "_COMM=pannierd")
    assert 'key "durable.color"' in errors
    service.reset()
    service.start()
    invocation = f"_SYSTEMD_INVOCATION_ID={service.show('InvocationID')}"
    lines = service.machine.run("journalctl", "-o", "cat", "_COMM=pannierd", invocation).splitlines()
    assert any(re.match(r"pannierd \S+ listens on", line) for line in lines), lines
    informative = service.machine.run("journalctl", "-o", "cat", "-p", "6..6", "_COMM=pannierd", invocation).splitlines()
    assert informative == lines


def test_restarts_turn_nobody_away_and_lose_nothing(service):
    service.start()
    fill(service)
    pids = {service.pid()}
    with Load(service.socket_path(), CLIENTS) as load:
        for _ in range(RESTARTS):
            service.restart()
            pids.add(service.pid())
    load.check()
    assert len(pids) == RESTARTS + 1
    assert load.connected >= 2 * CLIENTS
    check_filled(service)


def test_a_daemon_that_is_killed_is_back_with_all_it_had_and_turns_nobody_away(service):
    service.start()
    fill(service)
    with Load(service.socket_path(), CLIENTS) as load:
        for _ in range(KILLS):
            pid = service.pid()
            assert service.info()["caches"]["durable"]["dirty_entries"] >= ENTRIES
            service.kill("KILL")
            service.wait_for_another(pid)
    load.check()
    assert int(service.show("NRestarts")) == KILLS
    assert service.info()["caches"]["durable"]["dirty_entries"] >= ENTRIES, "only in memory, all the time"
    check_filled(service)


def test_a_loop_that_hangs_is_restarted_by_the_watchdog(service):
    service.drop_in("WatchdogSec=2s", "TimeoutAbortSec=500ms")
    service.start()
    fill(service)
    pid = service.pid()
    time.sleep(3)
    assert service.pid() == pid, "a loop that turns is left alone"
    # As long as it is stopped nothing turns in it.
    service.kill("STOP")
    service.wait_for_another(pid)
    assert "Watchdog timeout" in service.machine.journal("-u", SERVICE)
    check_filled(service)


def test_a_reload_returns_when_the_new_settings_are_in_force(service):
    service.start()
    wire = service.connect()
    pid = service.pid()
    service.machine.write(SETTINGS, "[limits]\nmax_keys = 17\n")
    service.machine.run("systemctl", "reload", SERVICE)
    assert wire.call("hello")["limits"]["max_keys"] == 17
    assert service.pid() == pid


def test_a_reload_of_settings_with_a_mistake_fails_with_the_reason_and_changes_nothing(service):
    service.start()
    wire = service.connect()
    before = wire.call("hello")["limits"]
    service.machine.write(SETTINGS, '[limits]\nmax_keys = 17\nmax_key = "many"\n')
    assert service.machine.try_run("systemctl", "reload", SERVICE).returncode != 0
    assert "limits.max_key" in service.machine.journal("-u", SERVICE)
    assert wire.call("hello")["limits"] == before
    assert service.state() == "active"


def test_a_final_sync_may_take_longer_than_systemd_gives_it(service):
    service.drop_in("TimeoutStopSec=1s")
    service.start()
    wire = service.connect()
    for number in range(20):
        wire.call("put", "durable", f"large {number}", bytes([number]) * 100_000)
    # The disk takes no more, for three times as long as the stop may last.
    service.limit_files("65536")
    service.machine.run("systemctl", "stop", "--no-block", SERVICE)
    time.sleep(3)
    assert service.state() == "deactivating"
    assert service.show("StatusText").startswith("stopping: 20 entries (")
    service.limit_files("unlimited")
    wait_until(lambda: service.state() == "inactive", service.told)
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")
    # Stopped, not restarted: what is there now is what the disk has.
    wire = service.connect()
    assert all(wire.call("get", "durable", f"large {number}") == [bytes([number]) * 100_000] for number in range(20))


def test_a_status_is_kept_fresh(service):
    service.drop_in("WatchdogSec=4s")
    service.start()
    fill(service, 7)
    pattern = r"serves \d+ connections, 21 entries in 1M of 256M memory, 7 of them not on disk yet"
    wait_until(lambda: re.fullmatch(pattern, service.show("StatusText")), lambda: service.show("StatusText"))


def test_members_of_its_group_may_connect_and_others_may_not(service):
    run = service.machine.run
    run("useradd", "--groups", "pannier", "member")
    run("useradd", "stranger")
    ping = ("pannier", "ping")
    assert "pong" in run("setpriv", "--reuid", "member", "--regid", "member", "--init-groups", *ping)
    refused = service.machine.try_run("setpriv", "--reuid", "stranger", "--regid", "stranger", "--init-groups", *ping)
    assert refused.returncode != 0 and "Permission denied" in refused.stderr


def test_clients_read_its_memory_out_of_the_sandbox(service):
    program = """
import pannier
cache = pannier.connect(shared_reads="always").cache("lru")
cache.put("key", "value")
assert all(cache.get("key") == "value" for _ in range(1000))
"""
    service.machine.run("python3", "-c", program)
    assert service.info()["caches"]["lru"]["shared_hits"] > 900


def test_an_instance_has_settings_data_and_a_socket_of_its_own(service):
    machine = service.machine
    machine.write("/etc/pannier/web.toml", 'memory_limit = "64M"\n')
    machine.run("systemctl", "start", "pannier@web.socket")
    web = ("pannier", "--socket", "/run/pannier-web/pannier.sock")
    machine.run(*web, "put", "durable", "whose", "of the web")
    machine.run("pannier", "put", "durable", "whose", "of all")
    for unit in ("pannier@web.service", SERVICE):
        machine.run("systemctl", "restart", unit)
    assert machine.run(*web, "get", "durable", "whose") == "of the web"
    assert machine.run("pannier", "get", "durable", "whose") == "of all"
    assert '"memory_limit": 67108864' in machine.run(*web, "info", "--json").replace('":6', '": 6')
    assert machine.run("stat", "-c", "%U %a", "/var/lib/pannier-web") == "pannier 700"
    machine.run("systemctl", "stop", "pannier@web.socket", "pannier@web.service")


def test_a_socket_unit_of_another_path_is_refused_with_both_paths(service):
    service.machine.write(SETTINGS, 'socket = "/run/pannier/other.sock"\n')
    assert service.machine.try_run("systemctl", "start", SERVICE).returncode != 0
    errors = service.machine.run("journalctl", "-u", SERVICE, "-p", "err", "-o", "cat", "_COMM=pannierd")
    assert "pannier-socket is /run/pannier/pannier.sock, and" in errors and "/run/pannier/other.sock" in errors


def test_the_installed_units_are_what_systemd_wants(installed):
    units = ("pannier.service", "pannier.socket", "pannier@web.service", "pannier@web.socket")
    done = installed.try_run("systemd-analyze", "verify", "--recursive-errors=yes", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["pannier.service", "pannier@.service"])
def test_the_sandbox_leaves_little_open(installed, unit):
    """At most 0.5 of 10, which the option counts in tenths."""
    file = f"/lib/systemd/system/{unit}"
    done = installed.try_run("systemd-analyze", "security", "--offline=true", "--threshold=5", file)
    assert done.returncode == 0, done.stdout


def test_the_sandbox_leaves_the_threads_of_the_disk_their_turns(service):
    """Most go behind the thread that answers. One goes before it, with a call of which only newer kernels know more than its
    name: that it is allowed is all that can be seen everywhere."""
    service.start()
    wait_until(lambda: ["B", "5"] in service.turns(), service.turns)
    assert ["TS", "0"] in service.turns()
    assert "sched_setattr" in service.show("SystemCallFilter").split()


def test_nothing_of_it_has_failed(service):
    """The sandbox refuses nothing that the daemon asks for: its log would have a warning."""
    service.start()
    invocation = f"_SYSTEMD_INVOCATION_ID={service.show('InvocationID')}"
    assert service.machine.run("journalctl", "-o", "cat", "-p", "warning", invocation) == ""
    assert service.machine.show(SOCKET, "Result") == "success"
