"""Rules over the text of single files: length, openings, words, names of tests."""

import re

import pytest

from source_files import all_files, with_suffix

LINES_MAX = 500
LONG_LINES_MIN = 400
LONG_FILES_SHARE_MAX = 0.05
PROSE_COLUMNS_MAX = 120

CODE = with_suffix(".h", ".cc", ".py")
HEADERS = with_suffix(".h")

# Words that mark unfinished work, checks switched off, or a place outside the project. Spelled in two parts, so
# that this file passes its own test.
UNFINISHED = ["TO" + "DO", "FIX" + "ME", r"\bXX" + r"X\b", "HA" + "CK", "not " + "implemented", "NO" + "LINT", "DIS" + "ABLED_"]
PLACES = ["/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/mn" + "t/"]

# One spelling, the American one; without first letters, so that a capital makes no difference. What asyncio calls
# CancelledError and cancelled() is spelled so.
BRITISH = ["ehav" + "iour", "olo" + "ur", "ancel" + r"led(?!Error\b|\(\))", "erial" + "ise", "nitial" + "ise", "ptim" + "ise",
           "ecog" + "nise", "eigh" + "bour", "avo" + "ur", "abel" + "led", "ynchron" + "ise"]

PROSE_FREE = ("LICENSE",)


def find_words(words, files):
    """`file:line: text` of every line that holds one of the words, capitals as given."""
    matcher = re.compile("|".join(words))
    return [
        f"{file.name}:{number}: {line.strip()}"
        for file in files
        if file.name not in PROSE_FREE
        for number, line in enumerate(file.lines, start=1)
        if matcher.search(line)
    ]


@pytest.mark.parametrize("file", HEADERS, ids=lambda file: file.name)
def test_a_header_opens_with_what_it_is_and_is_included_once(file):
    lines = file.lines
    assert lines[0].startswith("//"), "a header's first line says what the thing is"
    assert lines.count("#pragma once") == 1


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_a_file_is_short(file):
    assert len(file.lines) <= LINES_MAX, "split it where it holds two ideas"


def test_few_files_are_long():
    long_files = [file.name for file in CODE if len(file.lines) > LONG_LINES_MIN]
    assert len(long_files) <= LONG_FILES_SHARE_MAX * len(CODE), long_files


def test_nothing_is_marked_as_unfinished_or_switched_off():
    assert not find_words(UNFINISHED, CODE)


def test_no_file_names_a_place_on_somebodys_machine():
    assert not find_words(PLACES, all_files())


def test_spelling_is_american():
    assert not find_words(BRITISH, all_files())


# Records, whose lines stay as they were written.
RECORDS = ("CHANGELOG.md", "tests/bench/RESULTS.md")


@pytest.mark.parametrize("file", with_suffix(".md"), ids=lambda file: file.name)
def test_prose_is_no_wider_than_a_reader_likes(file):
    if file.name in RECORDS:
        return
    is_example = False
    wide = []
    for number, line in enumerate(file.lines, start=1):
        is_example ^= line.lstrip().startswith("```")
        if len(line) > PROSE_COLUMNS_MAX and not is_example and not line.startswith("|"):
            wide.append(number)
    assert not wide, "lines outside of tables and examples"


@pytest.mark.parametrize("file", with_suffix("_test.cc"), ids=lambda file: file.name)
def test_a_tests_name_is_a_claim(file):
    names = re.findall(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*\w+\s*,\s*(\w+)\s*\)", file.text, re.MULTILINE)
    assert names, "a file of tests holds tests"
    vague = [name for name in names if not re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+){2,}", name)]
    assert not vague, "a name is a claim in snake_case of three words or more"


@pytest.mark.parametrize("file", with_suffix(".h", ".cc"), ids=lambda file: file.name)
def test_a_file_ends_with_one_newline_and_holds_no_tab(file):
    assert file.text.endswith("\n") and not file.text.endswith("\n\n")
    assert "\t" not in file.text
