"""The packages, as a Debian user meets them: installed, upgraded while they are used, removed, purged."""

import subprocess

from conftest import NEXT_SUFFIX
from clients import Load
from service import LAZY, SERVICE, SETTINGS, SOCKET, Service

CLIENTS = 200
# A name as systemd-escape makes it of "my-web".
NAME = r"my\x2dweb"
INSTANCE = f"pannier@{NAME}.service"
LINTIAN_S = 400


def exists(machine, path):
    return machine.try_run("test", "-e", path).returncode == 0


def version(machine):
    return machine.run("dpkg-query", "-W", "-f", "${Version}", "pannier")


def test_lintian_finds_no_errors(packages):
    done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root", *packages.values()],
                          capture_output=True, text=True, timeout=LINTIAN_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_the_four_packages(packages):
    assert {name for name in packages if not name.endswith("-dbgsym")} == {
        "pannier", "libpannier-c1", "libpannier-dev", "python3-pannier"}


def test_installing_starts_the_socket_and_nothing_else(machine, packages):
    machine.install(packages.values())
    assert machine.show(SOCKET, "ActiveState") == "active"
    assert machine.run("systemctl", "is-enabled", SOCKET) == "enabled"
    assert machine.show(SERVICE, "ActiveState") == "inactive"
    assert machine.try_run("systemctl", "is-enabled", SERVICE).stdout.strip() == "disabled"
    assert machine.run("stat", "-c", "%U %G %a", "/run/pannier/pannier.sock") == "pannier pannier 660"
    assert machine.run("stat", "-c", "%U %G %a", "/run/pannier") == "pannier pannier 755", "before the first start, too"
    assert "pong" in machine.run("pannier", "ping")


def test_libraries_are_found_where_they_are_installed(machine):
    assert "libpannier_c.so.1 " in machine.run("ldconfig", "-p")
    assert machine.run("pkg-config", "--modversion", "pannier", "pannier-async", "pannier-c").split() == 3 * [
        version(machine)]
    assert machine.run("python3", "-c", "import pannier; print(pannier.__file__)").startswith(
        "/usr/lib/python3/dist-packages/")


def test_an_upgrade_keeps_content_and_turns_nobody_away(machine, next_packages):
    machine.write(SETTINGS, LAZY)
    machine.write(f"/etc/pannier/{NAME}.toml", LAZY)
    machine.run("systemctl", "restart", SERVICE)
    machine.run("systemctl", "start", INSTANCE)
    web = ("pannier", "--socket", f"/run/pannier-{NAME}/pannier.sock")
    for command in (("pannier",), web):
        machine.run(*command, "put", "lru", "in memory", "as before")
    before = version(machine)
    service = Service(machine)
    pids = {machine.show(unit, "MainPID") for unit in (SERVICE, INSTANCE)}
    entered = machine.show(SOCKET, "ActiveEnterTimestampMonotonic")
    with Load(service.socket_path(), CLIENTS) as load:
        machine.install(next_packages.values())
    load.check()
    assert version(machine) == before + NEXT_SUFFIX
    assert not pids & {machine.show(unit, "MainPID") for unit in (SERVICE, INSTANCE)}
    assert machine.show(SOCKET, "ActiveEnterTimestampMonotonic") == entered
    for command in (("pannier",), web):
        assert machine.run(*command, "get", "lru", "in memory") == "as before"
    assert machine.run("cat", SETTINGS) == LAZY.strip(), "settings of the operator's are left alone"


def test_an_upgrade_starts_nothing_that_did_not_run(machine, packages):
    machine.run("systemctl", "stop", SERVICE)
    machine.install([packages["pannier"]])
    assert machine.show(SERVICE, "ActiveState") == "inactive"
    assert machine.show(SOCKET, "ActiveState") == "active"


def test_removing_stops_it_and_keeps_settings_and_data(machine):
    machine.run("pannier", "put", "durable", "kept", "on disk")
    machine.run("systemctl", "start", INSTANCE)
    machine.run("dpkg", "--remove", "pannier", "python3-pannier", "libpannier-dev", "libpannier-c1")
    for unit in (SERVICE, SOCKET, INSTANCE, f"pannier@{NAME}.socket"):
        assert machine.show(unit, "ActiveState") == "inactive"
    assert not exists(machine, "/run/pannier/pannier.sock")
    assert not exists(machine, "/usr/lib/python3/dist-packages/pannier")
    assert exists(machine, SETTINGS) and exists(machine, "/var/lib/pannier/durable")


def test_installed_again_it_has_its_data(machine, packages):
    machine.install([packages["pannier"]])
    assert machine.run("pannier", "get", "durable", "kept") == "on disk"


def test_purging_removes_settings_and_data_of_all_instances(machine):
    machine.run("dpkg", "--purge", "pannier")
    for path in ("/etc/pannier", "/var/lib/pannier", f"/var/lib/pannier-{NAME}", "/run/pannier", f"/run/pannier-{NAME}",
                 "/etc/systemd/system/sockets.target.wants/pannier.socket", "/lib/systemd/system/pannier.service"):
        assert not exists(machine, path), path
    assert machine.run("systemctl", "--failed", "--no-legend", "--plain") == ""
