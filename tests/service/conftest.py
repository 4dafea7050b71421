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


class Packaging:
    """`./dev package`, of what build/release holds, while other work goes on."""

    def __init__(self, directory, *arguments):
        self._directory = directory
        command = [ROOT / "dev", "package", "--built", "--output", directory, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def packages(self):
        """Their paths, by their names."""
        output, _ = self._process.communicate(timeout=PACKAGE_S)
        assert self._process.returncode == 0, output
        return {path.name.split("_")[0]: path for path in self._directory.glob("*.deb")}


@pytest.fixture(scope="session")
def packagings(tmp_path_factory):
    """Two versions, at the same time: there are two processors or more."""
    return [Packaging(tmp_path_factory.mktemp("packages")),
            Packaging(tmp_path_factory.mktemp("packages"), "--version-suffix", NEXT_SUFFIX)]


@pytest.fixture(scope="session")
def packages(packagings):
    return packagings[0].packages()


@pytest.fixture(scope="session")
def next_packages(packagings):
    """The same, as a later version."""
    return packagings[1].packages()


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
