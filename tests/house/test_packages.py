"""./dev installs what the build needs: each library that a component includes is in a package of its group build. On a
machine that has the package anyway nothing else would tell."""

import re

import pytest

from source_files import ROOT
from test_layers import SOURCES, library_of

USED = sorted({library_of(path) for file in SOURCES for _, path in file.includes} - {None})


@pytest.mark.parametrize("library", USED)
def test_an_included_library_is_installed_for_the_build(library):
    script = (ROOT / "dev").read_text(encoding="utf-8")
    packages = re.search(r'\[build\]="([^"]*)"', script).group(1).split()
    assert any(library.lower() in package for package in packages), f"add the package of {library} to ./dev"


def test_debian_packages_have_the_version_of_the_project():
    project = re.search(r"^\s+VERSION (\S+)$", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1]
    assert (ROOT / "debian/changelog").read_text(encoding="utf-8").startswith(f"pannier ({project}) ")


def test_debian_builds_the_packages_with_what_dev_installs_for_the_build():
    script = (ROOT / "dev").read_text(encoding="utf-8")
    groups = {name: set(listed.split()) for name, listed in re.findall(r'\[(build|package)\]="([^"]*)"', script)}
    control = (ROOT / "debian/control").read_text(encoding="utf-8")
    needed = set(re.findall(r"^ (\S+?)(?: \(.*\))?,$", re.search(r"^Build-Depends:\n(.*?)^\S", control, re.M | re.S)[1], re.M))
    # What each of Debian's packages is built with need not be named; debhelper's name says its level too.
    assert needed == groups["build"] - {"g++"} | {"debhelper-compat", "dh-python"}
