"""`pannierd --check-arena`, and what it tells."""

import json
import subprocess

from daemon_process import STOP_S, binary


def check(*arguments):
    """Runs the check; returns (exit code, standard output, standard error)."""
    command = [binary("PANNIERD"), "--check-arena", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STOP_S, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def report(path):
    """What it tells scripts about an arena."""
    code, output, errors = check(path, "--json")
    assert output, errors
    found = json.loads(output)
    assert found["path"] == path
    assert code == (0 if found["sound"] else 1)
    return found
