"""pannier backup and pannier restore: real files, real daemons."""

import glob
import json
import os
import pty
import signal
import stat
import subprocess

import pytest

from conftest import PANNIER, Command, running_daemon, wait_until

ODD_VALUES = [
    b"\xc0",
    b"\x82\xd9\x01a\xce\x00\x00\x00\x01\xa1a\xd4\x05\x00",  # lengths longer than needed, a doubled key, ext
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01",  # a NaN with a payload
    b"\xc4\x00",
    b"\xdb\x00\x03\x00\x00" + b"x" * (3 << 16),
]


@pytest.fixture
def backup(directory):
    return directory + "/b.backup"


def put_odd_values(cli):
    for number, value in enumerate(ODD_VALUES):
        cli.ok("put", "durable", f"odd{number}", "--raw", input=value)


def odd_values(cli):
    return [cli.ok("get", "durable", f"odd{number}", "--raw") for number in range(len(ODD_VALUES))]


def empty(cli, *others):
    cli.ok("clear", "durable")
    for cache in others:
        cli.ok("drop", cache)


def test_what_was_backed_up_is_restored_byte_for_byte_with_settings_and_deadlines(cli, backup):
    put_odd_values(cli)
    cli.ok("open", "other", "--tier", "durable", "--max-age", "2h", "--stale", "3s", "--reserved-bytes", "64K")
    cli.ok("put", "other", "short", "v", "--ttl", "1h", "--stale", "9s")
    cli.ok("put", "other", "forever", "v", "--ttl", "none")
    assert b"backed up 7 entries" in cli.ok("backup", backup)
    empty(cli, "other")
    assert b"restored 7 entries" in cli.ok("restore", backup)
    assert odd_values(cli) == ODD_VALUES
    info = json.loads(cli.ok("info", "other", "--json"))
    assert (info["max_age_ms"], info["stale_ms"], info["reserved_bytes"]) == (7_200_000, 3_000, 65_536)
    assert 3_000_000 < json.loads(cli.ok("get", "other", "short", "--meta", "--json"))["ttl_ms"] <= 3_600_000
    assert json.loads(cli.ok("get", "other", "forever", "--meta", "--json"))["ttl_ms"] is None
    assert info["dirty_entries"] == 0


def test_json_tells_counts_and_the_checksum(cli, backup):
    cli.ok("put", "durable", "k", "v")
    cli.ok("put", "durable", "gone", "v", "--ttl", "0", "--stale", "1h")
    made = json.loads(cli.ok("backup", backup, "--json"))
    assert (made["caches"], made["entries"], made["file_bytes"]) == (1, 2, os.path.getsize(backup))
    checked = json.loads(cli.ok("restore", backup, "--check", "--json"))
    assert checked == made
    restored = json.loads(cli.ok("restore", backup, "--keep", "--json"))
    assert restored["backup"] == made
    assert (restored["entries"], restored["kept"], restored["expired"]) == (0, 1, 1)
    assert sorted(restored) == ["backup", "bytes", "caches", "entries", "expired", "kept"]


def test_what_has_expired_is_left_out(cli, backup):
    cli.ok("put", "durable", "k", "v", "--ttl", "0", "--stale", "1h")
    cli.ok("backup", backup)
    empty(cli)
    assert b"restored 0 entries, 0 B; 1 had expired" in cli.ok("restore", backup)


def test_a_file_is_its_owners_alone_and_is_not_replaced_without_force(cli, backup, directory):
    cli.ok("backup", backup)
    assert os.stat(backup).st_mode & 0o777 == 0o600
    with open(backup, "rb") as file:
        before = file.read()
    done = cli("backup", backup)
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"--force" in done.stderr
    with open(backup, "rb") as file:
        assert file.read() == before
    cli.ok("put", "durable", "k", "v")
    assert b"backed up 1 entry" in cli.ok("backup", backup, "--force")
    assert not [name for name in os.listdir(directory) if name.startswith("b.backup.")]


def test_nothing_is_left_of_a_backup_that_failed(cli, backup, directory, daemon):
    assert cli("backup", backup, "nowhere").returncode == 3
    assert cli("backup", backup, "lru").returncode == 3
    assert cli("backup", directory + "/no/such/directory/b").returncode == 5
    daemon.terminate()
    daemon.wait(timeout=60)
    assert cli("backup", backup).returncode == 4
    assert not [name for name in os.listdir(directory) if name.startswith("b.backup")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_backup_that_a_signal_ended(cli, backup, directory, daemon, number):
    def drafts():
        return [name for name in os.listdir(directory) if name.startswith("b.backup")]

    daemon.send_signal(signal.SIGSTOP)
    try:
        process = cli.start("backup", backup)
        wait_until(drafts, "no draft")
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        daemon.send_signal(signal.SIGCONT)
    assert process.returncode == -number
    assert drafts() == []


def test_only_a_regular_file_is_replaced(cli, backup):
    os.mkfifo(backup)
    done = cli("backup", backup, "--force")
    assert done.returncode == 5 and b"no regular file" in done.stderr
    assert stat.S_ISFIFO(os.stat(backup).st_mode)


def test_a_full_disk_ends_with_5(cli):
    cli.ok("put", "durable", "k", "v")
    done = subprocess.run(
        ["sh", "-c", 'exec "$PANNIER" backup - > /dev/full'], capture_output=True, env=cli.environment(), timeout=60
    )
    assert done.returncode == 5
    assert b"No space left" in done.stderr


def test_entries_that_are_there_are_not_touched_without_force_or_keep(cli, backup):
    cli.ok("put", "durable", "a", "old")
    cli.ok("put", "durable", "b", "old")
    cli.ok("backup", backup)
    cli.ok("put", "durable", "a", "new")
    cli.ok("put", "durable", "c", "new")
    cli.ok("delete", "durable", "b")

    done = cli("restore", backup)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"2 entries; nothing was restored" in done.stderr
    assert [cli("get", "durable", key).stdout for key in "abc"] == [b"new\n", b"", b"new\n"]

    assert b"restored 1 entry, 5 B; 1 there already, not replaced" in cli.ok("restore", backup, "--keep")
    assert [cli("get", "durable", key).stdout for key in "abc"] == [b"new\n", b"old\n", b"new\n"]

    assert b"restored 2 entries" in cli.ok("restore", backup, "--force")
    assert [cli("get", "durable", key).stdout for key in "abc"] == [b"old\n", b"old\n", b""]


def test_nothing_is_cleared_for_a_restore_that_cannot_be(cli, backup, directory):
    for name in ("a", "b"):
        cli.ok("open", name, "--tier", "durable", "--reserved-bytes", "50M")
        cli.ok("put", name, "k", "of the backup")
    cli.ok("backup", backup, "a", "b")
    os.mkdir(directory + "/2")
    with running_daemon(directory + "/2", "--memory-limit", "150M"):
        second = Command(directory + "/2/s")
        for name in ("a", "b"):
            second.ok("open", name, "--tier", "durable")
            second.ok("put", name, "k", "there")
        done = second("restore", backup, "--force")
        assert done.returncode != 0 and b"out_of_memory" in done.stderr, done
        assert second.ok("get", "a", "k") == second.ok("get", "b", "k") == b"there\n"


def test_a_restore_that_ends_early_says_how_far_it_came(cli, backup, directory):
    cli.ok("put", "durable", "a", "v")
    cli.ok("put", "durable", "b", "--bin", input=b"x" * 3_000_000)
    cli.ok("backup", backup)
    os.mkdir(directory + "/2")
    with running_daemon(directory + "/2", "--memory-limit", "2M"):
        done = Command(directory + "/2/s")("restore", backup)
        assert done.returncode == 3 and b"out_of_memory" in done.stderr, done
        assert b"What came before that was restored: 1 entry." in done.stderr


def test_single_caches_can_be_chosen(cli, backup):
    for name in ("one", "two"):
        cli.ok("open", name, "--tier", "durable")
        cli.ok("put", name, "k", name)
    assert b"1 cache" in cli.ok("backup", backup, "one")
    assert b"3 caches" in cli.ok("backup", backup, "--force")
    empty(cli, "one", "two")
    assert b"restored 1 entry" in cli.ok("restore", backup, "two")
    assert cli("get", "one", "k").returncode == 3
    assert cli.ok("get", "two", "k") == b"two\n"
    done = cli("restore", backup, "three")
    assert done.returncode == 2
    assert b"it has durable, one, two" in done.stderr


def test_a_cache_of_another_tier_is_in_the_way(cli, backup):
    cli.ok("open", "x", "--tier", "durable")
    cli.ok("backup", backup)
    cli.ok("drop", "x")
    cli.ok("open", "x", "--tier", "lru")
    done = cli("restore", backup, "--force")
    assert done.returncode == 1
    assert b"pannier drop x" in done.stderr


def test_a_damaged_file_changes_nothing_and_names_the_place(cli, backup):
    cli.ok("put", "durable", "k", "v" * 5_000)
    cli.ok("backup", backup)
    with open(backup, "r+b") as file:
        file.seek(2_000)
        file.write(b"w")
    for arguments in (["--force"], ["--check"]):
        done = cli("restore", backup, *arguments)
        assert (done.returncode, done.stdout) == (5, b"")
        assert b"b.backup: at byte" in done.stderr and b"checksum" in done.stderr
    os.truncate(backup, 3_000)
    done = cli("restore", backup, "--force")
    assert done.returncode == 5
    assert b"cut short: it ends after 3000 bytes" in done.stderr
    assert cli.ok("get", "durable", "k") == b"v" * 5_000 + b"\n"
    assert cli("restore", PANNIER).returncode == 5
    assert cli("restore", backup + ".none").returncode == 5


def test_it_goes_through_pipes(cli):
    put_odd_values(cli)
    file = cli.ok("backup", "-")
    empty(cli)
    assert b"restored 5 entries" in cli.ok("restore", "-", input=file)
    assert odd_values(cli) == ODD_VALUES
    done = cli("restore", "-", "--force", input=file[:-1])
    assert done.returncode == 5
    assert b"standard input: at byte" in done.stderr and b"was restored: 5 entries" in done.stderr


def test_more_than_may_wait_for_the_disk_is_restored(cli, backup, directory):
    values = {f"k{number}": bytes([number]) * 200_000 for number in range(30)}
    cli.put_all("durable", values)
    cli.ok("backup", backup)
    os.mkdir(directory + "/2")
    with running_daemon(directory + "/2", "--max-dirty", "500K", "--checkpoint-bytes", "250K"):
        second = Command(directory + "/2/s")
        assert b"restored 30 entries" in second.ok("restore", backup)
        assert second.get_all("durable", values) == values


def test_progress_is_for_terminals(cli, backup):
    for number in range(3):
        cli.ok("put", "durable", f"k{number}", "v")
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [PANNIER, "backup", backup], stdout=subprocess.PIPE, stderr=theirs, env=cli.environment(), timeout=60
    )
    shown = b""
    while not shown.endswith(b"\r\x1b[K"):  # the pipe of a terminal may be behind
        shown += os.read(ours, 4096)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    assert b"backing up: 3 of about 3 entries" in shown


@pytest.fixture
def damaged(directory):
    """A daemon whose newest table has a damaged block, above older entries of the same keys; its newest values."""
    older, newer = ({f"k{number:02}": os.urandom(6_000) for number in range(20)} for _ in range(2))
    for values in (older, newer):
        with running_daemon(directory):  # its next start makes a table of the log
            Command(directory + "/s").put_all("durable", values)
    with running_daemon(directory):
        pass
    newest = max(glob.glob(directory + "/data/durable/*.ldb"))
    with open(newest, "r+b") as file:
        file.seek(os.path.getsize(newest) // 2)
        file.write(bytes(100))
    with running_daemon(directory):
        yield newer


def test_a_cache_with_damage_is_replaced_by_force(damaged, directory, backup):
    cli = Command(directory + "/s")
    assert cli("backup", backup, "durable").returncode == 6
    lost = json.loads(cli.ok("restore", backup, "--check", "--json"))["missing"]
    cli.ok("put", "durable", "other", "v")
    assert f"restored {len(damaged) - lost} entries" in cli.ok("restore", backup, "--force").decode()
    found = cli.get_all("durable", damaged)
    assert found == {key: damaged[key] for key in found}
    assert len(found) == len(damaged) - lost
    assert cli("get", "durable", "other").returncode == 1
    assert json.loads(cli.ok("info", "durable", "--json"))["currsize"] == len(damaged) - lost


def test_damage_on_the_daemons_disk_costs_what_it_hit_and_ends_with_6(damaged, directory, backup):
    cli = Command(directory + "/s")
    done = cli("backup", backup, "--json")
    assert done.returncode == 6, done
    made = json.loads(done.stdout)
    (damage,) = made["damage"]
    lost = damage["keys"]
    assert damage["cache"] == "durable" and 0 < len(lost) == damage["entries"] == made["missing"] <= 3
    assert made["entries"] == len(damaged) - len(lost)
    assert "Corruption" in damage["error"]
    said = done.stderr.decode()
    assert "pannier: the backup is incomplete" in said and f'of cache durable, among them "{lost[0]}"' in said

    assert b" from disk failed, the last: cannot read " in cli.ok("info")
    made.pop("damage")
    assert json.loads(cli.ok("restore", backup, "--check", "--json")) == made
    count = f"{len(lost)} entr{'y' if len(lost) == 1 else 'ies'} that could not be read"
    assert f"; without {count}" in cli.ok("restore", backup, "--check").decode()

    with open(backup, "rb") as file:
        before = file.read()
    done = cli("backup", backup, "--force", "--json")
    assert done.returncode == 6
    assert json.loads(done.stdout)["kept_as"] == backup + ".incomplete"
    assert f"does not replace the one that is there: it is {backup}.incomplete" in done.stderr.decode()
    with open(backup, "rb") as file:
        assert file.read() == before
    assert json.loads(cli.ok("restore", backup + ".incomplete", "--check", "--json"))["missing"] == len(lost)

    done = subprocess.run(
        ["sh", "-c", 'exec "$PANNIER" backup - > "$0"', backup], capture_output=True, env=cli.environment(), timeout=60
    )
    assert done.returncode == 6 and b"incomplete" in done.stderr

    os.mkdir(directory + "/2")
    with running_daemon(directory + "/2"):
        second = Command(directory + "/2/s")
        assert count in second.ok("restore", backup).decode()
        assert second.get_all("durable", damaged) == {key: damaged[key] for key in damaged if key not in lost}
