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
