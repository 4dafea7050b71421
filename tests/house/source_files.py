"""The project's own text files, as the tests of the house rules see them. Reads the tree, not git's list of files,
so that it works in an unpacked archive too."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("protocol", "storage", "daemon", "client", "tests", "cmake", "systemd", ".ci")
SUFFIXES = {".h", ".cc", ".c", ".py", ".md", ".txt", ".cmake", ".toml", ".json", ".sh", ".in", ".service", ".socket",
            ".1", ".5", ".8", ".bash", ".fish", ""}
SKIPPED_FOLDERS = {"corpus", "golden", "__pycache__"}


@dataclass(frozen=True)
class SourceFile:
    name: str  # from the root, with slashes: "storage/cache.h"

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def includes(self) -> list[tuple[str, str]]:
        """('"' or '<', path) of every #include, in order."""
        return re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', self.text, re.MULTILINE)


def _wanted(path: Path) -> bool:
    inside = path.relative_to(ROOT).parts
    return path.is_file() and path.suffix in SUFFIXES and not SKIPPED_FOLDERS.intersection(inside)


def all_files() -> list[SourceFile]:
    paths = list(ROOT.iterdir())
    for folder in FOLDERS:
        paths += (ROOT / folder).rglob("*")
    return [SourceFile(path.relative_to(ROOT).as_posix()) for path in sorted(paths) if _wanted(path)]


def with_suffix(*suffixes: str) -> list[SourceFile]:
    return [file for file in all_files() if file.name.endswith(suffixes)]
