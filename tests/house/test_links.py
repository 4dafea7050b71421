"""Links in the documents lead somewhere: to a file that is there, and to a heading of it."""

import re

import pytest
from source_files import ROOT, with_suffix

DOCUMENTS = with_suffix(".md")
# [text](target), where the target is no address of the web.
LINK = re.compile(r"\[[^][]*\]\((?!https?:)([^()\s]+)\)")


def prose(text):
    """What is no example."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)


def anchors(text):
    """As GitHub makes them of headings: the second of a name has a number."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", prose(text), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(document):
    missing = []
    for target in LINK.findall(prose(document.text)):
        path, _, anchor = target.partition("#")
        file = (ROOT / document.name).parent / path if path else ROOT / document.name
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            missing.append(target)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_no_two_headings_that_are_linked_have_one_name(document):
    """A link to the second of a name would lead to the first."""
    linked = {target[1:] for target in LINK.findall(prose(document.text)) if target.startswith("#")}
    assert not [name for name in linked if f"{name}-1" in anchors(document.text)]
