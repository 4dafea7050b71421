"""The examples of a Markdown page: how they are found, and how they are run.

A comment `# → value` behind an expression claims its `repr`. Run as a program with the paths of files, this runs one after
the other, as Python would, and ends with an AssertionError where a claim does not hold.
"""

import ast
import re
import sys
import types
from dataclasses import dataclass

MARK = "# → "
HEADING_OR_BLOCK = re.compile(
    r"^## (?P<heading>[^\n]+)$|^```(?P<language>\w+) *(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block: ```LANGUAGE KIND"""

    section: str  # the heading above it
    kind: str  # a file's name says that the block is that file; "" if nothing stands there
    line: int  # in the page
    text: str

    @property
    def claims(self):
        return self.text.count(MARK)


def blocks(page, language="python"):
    """All blocks of one language of a page, in order."""
    text = page.read_text(encoding="utf-8")
    section, found = "", []
    for match in HEADING_OR_BLOCK.finditer(text):
        section = match["heading"] or section
        if match["language"] == language:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(section, match["kind"], line, match["text"]))
    return found


def checked(source, path):
    """The program of `source` with a check in the place of each expression that has a claim."""
    claims = {
        number: line.partition(MARK)[2].strip()
        for number, line in enumerate(source.splitlines(), start=1)
        if MARK in line
    }
    tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and node.end_lineno in claims:
            arguments = [node.value, ast.Constant(claims.pop(node.end_lineno)), ast.Constant(node.end_lineno)]
            node.value = ast.Call(ast.Name("check_claim", ast.Load()), arguments, [])
    assert not claims, f"{path}: no expression ends where these claims stand: {claims}"
    return compile(ast.fix_missing_locations(tree), path, "exec")


def run(source, main):
    """Runs the program in the module `main`, and checks each claim."""
    lines = set()

    def check_claim(value, claim, line):
        assert repr(value) == claim, f"line {line}: {value!r}, not {claim}"
        lines.add(line)

    main.check_claim = check_claim
    exec(checked(source, main.__file__), main.__dict__)
    assert len(lines) == source.count(MARK), f"{main.__file__}: of its claims, only those of lines {lines} were met"


def run_file(path):
    main = types.ModuleType("__main__")
    main.__file__ = path
    sys.modules["__main__"] = main
    with open(path, encoding="utf-8") as file:
        run(file.read(), main)


if __name__ == "__main__":
    sys.path[0] = ""
    for path in sys.argv[1:]:
        run_file(path)
