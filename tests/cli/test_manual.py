"""The manual pages say what the programs take: every sub-command, option and setting, with its default, and none that is
not there; and mandoc finds nothing wrong with them."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import PANNIER, PANNIERD

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "pannier(1)": ROOT / "client/cli/man/pannier.1",
    "pannierd(8)": ROOT / "daemon/man/pannierd.8",
    "pannierd.toml(5)": ROOT / "daemon/man/pannierd.toml.5",
}


def page(name):
    return PAGES[name].read_text(encoding="utf-8")


def help_of(*command):
    return subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout


def subcommands():
    listed = help_of(PANNIER).split("Subcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\S+)", listed, re.M)


def options_of(help_text):
    """{"--ttl", "-0"...}: what stands at the beginning of a line of the lists of options."""
    heads = re.findall(r"^  (-\S+)", help_text, re.M)
    return {name for head in heads for name in head.split(",")}


def options_on(text):
    """The same of a page, of the heads of its lists."""
    heads = "\n".join(re.findall(r"^\.It (Fl .*)", text, re.M))
    return {"-" + name for name in re.findall(r"Fl (\S+)", heads)} | {
        "-" + name for name in re.findall(r", (-\S+)", heads)
    }


def defaults_on(text, head):
    """{name: "Default: ..."}, of each entry of the page's lists whose head matches; quotes and macros left out."""
    found = {}
    for entry in re.split(r"^\.It ", text, flags=re.M)[1:]:
        name = re.match(head, entry)
        default = re.search(r"^Default:\s*(.*?)(?=^\.(?:It|El)|\Z)", entry, re.M | re.S)
        if name and default:
            found[name[1]] = re.sub(r"\s+", " ", re.sub(r"^\.[A-Z][a-z] ", "", default[1], flags=re.M)).strip(" .")
    return found


def section(text, name):
    """From `.Ss name` to the next section."""
    return re.search(rf"^\.Ss {re.escape(name)}.*?\n(.*?)(?=^\.S[sh] )", text, re.M | re.S)[1]


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_nothing(name):
    done = subprocess.run(["mandoc", "-Tlint", PAGES[name]], capture_output=True, text=True, timeout=60)
    own = "|".join(re.escape(page.removesuffix(")").replace("(", " ")) for page in PAGES)
    # That pages of the project are not installed is no fault of those that refer to them.
    is_own = re.compile(rf"referenced manual not found: Xr ({own})( \(\d+ times\))?$")
    assert [line for line in done.stdout.splitlines() if not is_own.search(line)] == []


def test_each_subcommand_has_a_section_and_no_other_has():
    sections = re.search(r"^\.Sh SUBCOMMANDS\n(.*?)^\.Sh", page("pannier(1)"), re.M | re.S)[1]
    assert re.findall(r"^\.Ss (\S+)", sections, re.M) == subcommands()


@pytest.mark.parametrize("name", subcommands())
def test_a_subcommand_has_the_options_of_its_section(name):
    assert options_on(section(page("pannier(1)"), name)) == options_of(help_of(PANNIER, name)) - {"-h", "--help"}


def test_the_command_has_the_options_of_its_description():
    description = page("pannier(1)").split(".Ss Values")[0]
    assert options_on(description) == options_of(help_of(PANNIER))


def test_the_daemon_has_the_options_of_its_page_with_their_defaults():
    text = help_of(PANNIERD)
    assert options_on(page("pannierd(8)")) == options_of(text)
    told = dict(re.findall(r"^  --(\S+) [^\n]*\n +Default: (.*)$", text, re.M))
    assert len(told) > 20
    assert defaults_on(page("pannierd(8)"), r"Fl -(\S+)") == told


def sections_of_file():
    """{"": {key: default}, "[limits]": ...} of the commented pannierd.toml, which has every key."""
    found, here = {}, ""
    for line in (ROOT / "daemon/pannierd.toml").read_text(encoding="utf-8").splitlines():
        if head := re.match(r"# \[(access|limits|durable|cache\.pages|cache\.sessions)\]$", line):
            here = re.sub(r"\..*", ".NAME", head[1])
        elif key := re.match(r"# (\w+) = (\[.*?\]|\"[^\"]*\"|\d+)", line):
            found.setdefault(here, {}).setdefault(key[1], key[2].strip('"'))
    return found


@pytest.mark.parametrize("name", sections_of_file())
def test_a_key_of_the_file_is_in_its_section_of_the_page(name):
    text = section(page("pannierd.toml(5)"), f"[{name}]" if name else "The top of the file")
    assert re.findall(r"^\.It Cm (\S+)", text, re.M) == list(sections_of_file()[name])


@pytest.mark.parametrize("name", [name for name in sections_of_file() if name != "cache.NAME"])
def test_a_key_of_the_file_has_its_default_on_the_page(name):
    text = section(page("pannierd.toml(5)"), f"[{name}]" if name else "The top of the file")
    defaults = defaults_on(text, r"Cm (\S+)")
    for key, value in sections_of_file()[name].items():
        if value:
            assert key in defaults
        # Lists are told in words.
        if value and not value.startswith("[") and not defaults[key].startswith("a quarter"):
            assert re.match(re.escape(value) + r"\b", defaults[key]), key
