"""A terminal that a test can type into and read: tmux, on a socket of its own."""

import os
import subprocess
import time

TIMEOUT_S = 30


class Terminal:
    """Runs `command` (a list) in a terminal of some size, until close()."""

    def __init__(self, directory, command, columns=100, lines=24, environment=None):
        self.socket = directory + "/tmux"
        self.environment = {**os.environ, **(environment or {}), "LC_ALL": "C.UTF-8"}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines), *command)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", self.socket, *arguments],
            capture_output=True, text=True, timeout=TIMEOUT_S, env=self.environment, check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def send(self, *keys):
        """Keys by tmux' names: "Tab", "C-c"; anything else is typed as it is."""
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p").rstrip("\n")

    def format(self, text):
        """What tmux knows, as "#{alternate_on}"."""
        return self.tmux("display-message", "-p", text).strip()

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def wait_for(self, condition, what):
        """The screen, once condition(screen) holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, f"{what}; there is:\n{screen}"
            time.sleep(0.02)
        return screen

    def wait_for_text(self, text):
        return self.wait_for(lambda screen: text in screen, f"no {text!r}")

    def close(self):
        self.tmux("kill-server")
