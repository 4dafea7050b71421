"""OPERATING.md tells of all that the daemon says: each field of `info`, each line of the log."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "OPERATING.md").read_text(encoding="utf-8")
CALL = re.compile(r"\blog_?\.(?:debug|info|warning|error)\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
WORDS = 3


def fields_of(section):
    """The names in the first column of the tables of a section."""
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)[1]
    return {name for row in re.findall(r"^\|([^|]*)\|", text, re.M) for name in re.findall(r"`(\w+)`", row)}


def arguments_of(call, text):
    """The text between the parentheses of a call that ends at `call`."""
    depth, at = 1, call
    while depth > 0:
        quoted = LITERAL.match(text, at)
        at = quoted.end() if quoted else at + 1
        if not quoted:
            depth += {"(": 1, ")": -1}.get(text[at - 1], 0)
    return text[call:at]


def texts_logged():
    """Of each line the first words that are always the same."""
    found = set()
    for path in sorted((ROOT / "daemon").glob("*.cc")):
        text = re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
        for call in CALL.finditer(text):
            pieces = (literal.split() for literal in LITERAL.findall(arguments_of(call.end(), text)))
            if words := next((piece for piece in pieces if len(piece) > 1), None):
                found.add(" ".join(words[:WORDS]).rstrip(":;,."))
    takeover = (ROOT / "storage/takeover.cc").read_text(encoding="utf-8")
    found |= set(re.findall(r'"(the (?:arena|memory limit) \w+ \w+)', takeover))
    return sorted(found)


def test_there_are_texts_to_look_for():
    assert len(texts_logged()) > 15


@pytest.mark.parametrize("text", texts_logged())
def test_a_line_of_the_log_is_in_the_guide(text):
    assert text in re.sub(r"\s+", " ", GUIDE)


def test_each_field_of_info_is_in_the_guide(cli):
    cli.ok("put", "durable", "k", "v")
    info = json.loads(cli.ok("info", "--json"))
    told = set(info["server"]) | set(info["caches"]["durable"])
    assert told <= fields_of("What info says")


def test_each_metric_is_in_the_guide(cli):
    cli.ok("open", "bounded", "--tier", "lru", "--max-entries", "10", "--max-bytes", "1M")
    told = set(re.findall(r"^# HELP (\w+) ", cli.ok("metrics").decode(), re.M))
    assert told
    assert told <= fields_of("What metrics say")
