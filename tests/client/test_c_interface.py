"""The C interface: its test in C, run against a real daemon, and what the library shows. Environment: C_TEST, C_LIBRARY."""

import os
import re
import subprocess
from pathlib import Path

LIBRARY = os.environ["C_LIBRARY"]
HEADER = Path(__file__).parents[2] / "client/include/pannier/pannier.h"


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_every_claim_of_the_test_in_c_holds(environment):
    done = subprocess.run([os.environ["C_TEST"]], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_library_exports_the_functions_of_its_header_and_nothing_else():
    declared = set(re.findall(r"\b(pannier_\w+)\(", HEADER.read_text(encoding="utf-8").split('extern "C" {')[1]))
    symbols = [line.split()[-1] for line in output_of("nm", "-D", "--defined-only", LIBRARY).splitlines()]
    exported = {symbol.partition("@@") for symbol in symbols if symbol != "PANNIER_1"}
    assert {version for _, _, version in exported} == {"PANNIER_1"}
    assert {name for name, _, _ in exported} == declared


def test_the_library_is_known_by_the_number_of_its_abi():
    assert "Library soname: [libpannier_c.so.1]" in output_of("readelf", "-d", LIBRARY)
