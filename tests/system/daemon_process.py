"""One `pannierd` process in a directory of its own, from start to end. Ends processes by their pid only."""

import os
import signal
import subprocess
import time

from wire import TIMEOUT_S, Wire

SANITIZER_MARKS = ("Sanitizer", "runtime error:")
# What a final sync and the closing of the store may take on a busy machine under sanitizers.
STOP_S = 60.0


def binary(variable):
    path = os.environ.get(variable)
    assert path, f"${variable} must name the binary under test; ctest sets it"
    return path


def is_sanitized(path):
    with open(path, "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


class Daemon:
    """`directory` keeps socket, data and log; it outlives the process, so that restart() finds the data."""

    def __init__(self, directory, *arguments, environment=None, ignore_file_size_signal=False):
        self.directory = str(directory)
        self.socket_path = os.path.join(self.directory, "pannier.sock")
        self.data_dir = os.path.join(self.directory, "data")
        self.log_path = os.path.join(self.directory, "log")
        self.arguments = list(arguments)
        self.environment = environment
        self.process = None
        self._ignore_file_size_signal = ignore_file_size_signal

    def command(self):
        return [binary("PANNIERD"), "--socket", self.socket_path, "--data-dir", self.data_dir, *self.arguments]

    def start(self):
        """Starts the process and returns when it answers `ping`."""
        assert self.process is None, "still running"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.directory,
                # Python ignores SIGXFSZ; a child that keeps that sees failed writes instead of being killed.
                restore_signals=not self._ignore_file_size_signal,
            )
        self._wait_for_ping()
        return self

    def _wait_for_ping(self):
        deadline = time.monotonic() + STOP_S
        while True:
            assert self.process.poll() is None, f"pannierd ended with {self.process.returncode}:\n{self.log()}"
            try:
                wire = Wire(self.socket_path)
                assert wire.call("ping") == "pong"
                wire.close()
                return
            except (FileNotFoundError, ConnectionRefusedError):
                assert time.monotonic() < deadline, f"pannierd does not answer:\n{self.log()}"
                time.sleep(0.01)

    @property
    def pid(self):
        return self.process.pid

    def connect(self, timeout_s=TIMEOUT_S):
        return Wire(self.socket_path, timeout_s)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def fails_to_start(self):
        """Starts a process that must end by itself, with exit code 1; returns what it logged."""
        before = len(self.log()) if os.path.exists(self.log_path) else 0
        try:
            self.start()
        except AssertionError:
            assert self.wait() == 1, self.log()[before:]
            return self.log()[before:]
        raise AssertionError("pannierd has started")

    def check(self):
        """Asserts that the process runs and that no sanitizer has complained."""
        assert self.process is not None
        assert self.process.poll() is None, f"pannierd ended with {self.process.returncode}:\n{self.log()[-4000:]}"
        self._check_log()

    def _check_log(self):
        log = self.log()
        assert not any(mark in log for mark in SANITIZER_MARKS), log[-8000:]

    def send_signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self, timeout_s=STOP_S):
        """Waits for the process to end; returns its exit code."""
        code = self.process.wait(timeout_s)
        self.process = None
        self._check_log()
        return code

    def stop(self, number=signal.SIGTERM):
        """A clean stop; asserts that it was one."""
        self.check()
        self.send_signal(number)
        code = self.wait()
        assert code == 0, f"exit code {code}:\n{self.log()[-4000:]}"

    def kill9(self):
        self.check()
        self.send_signal(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def restart(self):
        """A clean stop, if it runs, and a new start over the same data."""
        if self.process is not None:
            self.stop()
        return self.start()

    def discard(self):
        """The end of a test: stops what still runs, by force if need be, and fails on a crash."""
        if self.process is None:
            return
        try:
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")
