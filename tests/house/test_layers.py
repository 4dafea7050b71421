"""Who may include what. Each folder is a component; a component's text names only the components and the libraries
that it is built on."""

import fnmatch

import pytest

from source_files import ROOT, SourceFile, with_suffix

# First match counts: the files, the project's folders they may include from, and the libraries they may use.
LAYERS = [
    ("protocol/*", ["protocol/"], []),
    ("storage/leveldb_*", ["storage/"], ["leveldb"]),
    ("storage/*", ["storage/"], ["xxhash"]),
    ("daemon/*", ["daemon/", "protocol/", "storage/"], ["uv", "spdlog", "systemd", "tomlplusplus", "CLI11"]),
    ("client/include/*", ["pannier/"], ["msgpack"]),
    ("client/async/*", ["client/", "pannier/", "protocol/"], ["uv"]),
    ("client/examples/*", ["pannier/"], ["uv"]),
    ("client/cli/*", ["client/", "pannier/", "protocol/"],
     ["msgpack", "CLI11", "nlohmann", "xxhash", "ncurses", "microhttpd"]),
    ("client/load/*", ["client/load/", "protocol/"], []),
    ("client/python/*", ["client/python/", "pannier/", "protocol/"], ["pybind11", "python3"]),
    ("client/shared_view.*", ["client/", "pannier/", "storage/shared_reader.h"], []),
    ("client/attachment.*", ["client/", "pannier/", "storage/shared_reader.h", "storage/use_ring.h"], []),
    ("client/telling.*", ["client/", "storage/shared_reader.h", "storage/use_ring.h"], []),
    ("client/*", ["client/", "pannier/", "protocol/"], []),
]

# How a library shows in an #include.
LIBRARIES = {
    "uv": ("uv.h", "uv/*"),
    "msgpack": ("msgpack.hpp", "msgpack/*"),
    "leveldb": ("leveldb/*",),
    "spdlog": ("spdlog/*", "fmt/*"),
    "systemd": ("systemd/*",),
    "tomlplusplus": ("toml++/*",),
    "CLI11": ("CLI/*",),
    "nlohmann": ("nlohmann/*",),
    "boost": ("boost/*",),
    "xxhash": ("xxhash.h",),
    "ncurses": ("curses.h",),
    "microhttpd": ("microhttpd.h",),
    "pybind11": ("pybind11/*",),
    "python3": ("Python.h",),
}

SOURCES = [file for file in with_suffix(".h", ".cc") if not file.name.startswith(("tests/", "cmake/"))]


def layer_of(file: SourceFile) -> tuple[list[str], list[str]]:
    for pattern, folders, libraries in LAYERS:
        if fnmatch.fnmatch(file.name, pattern):
            return folders, libraries
    raise AssertionError(f"{file.name} is in no component: put it into one, or add the component here")


def library_of(path: str) -> str | None:
    for library, patterns in LIBRARIES.items():
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns):
            return library
    return None


def test_there_are_sources_to_check():
    assert len(SOURCES) > 10


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_a_component_includes_only_components_below_it(file):
    folders, _ = layer_of(file)
    outside = [path for quote, path in file.includes if quote == '"' and not path.startswith(tuple(folders))]
    assert not outside, f"{file.name} may include from {folders} only"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_a_component_uses_only_its_own_libraries(file):
    _, allowed = layer_of(file)
    used = {library_of(path) for _, path in file.includes} - {None}
    assert used <= set(allowed), f"{file.name} may use {allowed} only"


def test_leveldb_has_one_door():
    inner = [
        f"{file.name}: {path}"
        for file in SOURCES
        if not file.name.startswith("storage/leveldb_")
        for _, path in file.includes
        if path.startswith("storage/leveldb_") and path != "storage/leveldb_store.h"
    ]
    assert not inner


@pytest.mark.parametrize("file", with_suffix(".h", ".cc"), ids=lambda file: file.name)
def test_own_includes_are_written_from_the_root(file):
    missing = [
        path
        for quote, path in file.includes
        if quote == '"' and not any((ROOT / start / path).is_file() for start in ("", "client/include"))
    ]
    assert not missing, "no such file, as seen from the repository's root"
