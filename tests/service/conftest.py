"""Fixtures: the packages, in two versions, and machines that have the first one installed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

from machine import Machine, why_not  # noqa: E402
from service import Service  # noqa: E402

PACKAGE_S = 900
NEXT_SUFFIX = "+1"


def run(*command):
    """The standard output of a program that has to succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=PACKAGE_S, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """What `./dev package` makes of build/release: their paths, by their names."""
    directory = tmp_path_factory.mktemp("packages")
    run(ROOT / "dev", "package", "--built", "--output", directory)
    return {path.name.split("_")[0]: path for path in directory.glob("*.deb")}


def as_next_version(package, directory):
    """The same files and scripts as a package of a later version, which takes a tenth of making all of them anew."""
    version = run("dpkg-deb", "--field", package, "Version")
    tree = directory / package.stem
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(control.read_text("utf-8").replace(version, version + NEXT_SUFFIX), "utf-8")
    later = directory / package.name.replace(version, version + NEXT_SUFFIX)
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, later)
    return later


@pytest.fixture(scope="session")
def next_packages(packages, tmp_path_factory):
    """The same, as a later version."""
    directory = tmp_path_factory.mktemp("next")
    return {name: as_next_version(package, directory) for name, package in packages.items()}


@pytest.fixture(scope="module")
def machine():
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    booted = Machine()
    try:
        yield booted.start()
    finally:
        booted.stop()


@pytest.fixture(scope="module")
def installed(machine, packages):
    """A machine in which all packages are installed, as one does who has them as files and no network."""
    machine.install(packages.values())
    return machine


@pytest.fixture
def service(installed):
    """The service of an installed machine, freshly started, with default units and settings, and empty caches."""
    fresh = Service(installed)
    fresh.reset()
    return fresh
