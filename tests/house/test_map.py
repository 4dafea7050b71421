"""ARCHITECTURE.md is the map: every source file of the components has its place in it."""

import re
from pathlib import PurePosixPath

import pytest
from source_files import ROOT, all_files

COMPONENTS = ("protocol", "storage", "daemon", "client")
TREE = re.search(r"## The tree\n.*?```\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.S)[1]
WORDS = set(re.findall(r"\w+", TREE))


def names():
    paths = [PurePosixPath(file.name) for file in all_files()]
    return sorted({path.stem for path in paths if path.parts[0] in COMPONENTS and path.suffix in (".h", ".cc")})


@pytest.mark.parametrize("name", names())
def test_every_source_file_is_on_the_map(name):
    short = name.removeprefix("cache")  # cache_read stands there as _read
    assert name in WORDS or short in WORDS
