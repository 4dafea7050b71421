"""pannier.service of a machine: what an operator does to it, and what it says of itself."""

import time

from wire import Wire

WAIT_S = 60
SERVICE = "pannier.service"
SOCKET = "pannier.socket"
SOCKET_PATH = "/run/pannier/pannier.sock"
DROP_IN = f"/run/systemd/system/{SERVICE}.d/test.conf"
SETTINGS = "/etc/pannier/pannierd.toml"
# Nothing is written by itself: what is dirty stays so. Of a thousand clients that come and go some count that have gone.
LAZY = '[durable]\ncheckpoint_interval = "1h"\n[limits]\nmax_connections = 4096\n'


def wait_until(condition, what, for_s=WAIT_S):
    deadline = time.monotonic() + for_s
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.02)


class Service:
    def __init__(self, machine):
        self.machine = machine

    def reset(self):
        run = self.machine.run
        self.machine.try_run("systemctl", "stop", SERVICE, SOCKET)
        self.machine.try_run("systemctl", "reset-failed", SERVICE, SOCKET)
        run("rm", "-rf", DROP_IN, "/var/lib/pannier")
        self.machine.write(SETTINGS, LAZY)
        run("systemctl", "daemon-reload")
        run("systemctl", "start", SOCKET)

    def start(self):
        self.machine.run("systemctl", "start", SERVICE)
        return self

    def drop_in(self, *lines):
        """Settings of the unit, as by `systemctl edit`, for the next start."""
        self.machine.write(DROP_IN, "[Service]\n" + "\n".join(lines) + "\n")
        self.machine.run("systemctl", "daemon-reload")

    def show(self, name):
        return self.machine.show(SERVICE, name)

    def state(self):
        return self.show("ActiveState")

    def pid(self):
        """Of the daemon, as the machine counts."""
        return int(self.show("MainPID"))

    def turns(self):
        """Class of scheduling and nice value of each of its threads."""
        lines = self.machine.run("ps", "-L", "-o", "cls=,ni=", "-p", self.pid()).splitlines()
        return [line.split() for line in lines]

    def restart(self):
        self.machine.run("systemctl", "restart", SERVICE)

    def kill(self, signal):
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal", signal, SERVICE)

    def limit_files(self, size):
        """How large its files may become from now on: writing more fails as on a disk that is full."""
        self.machine.run("setpriv", "--reuid=pannier", "--regid=pannier", "--clear-groups",
                         "prlimit", f"--fsize={size}:", "--pid", self.pid())

    def wait_for_another(self, pid):
        """Until another process than this one serves."""
        wait_until(lambda: self.state() == "active" and self.pid() not in (0, pid), self.told)

    def told(self):
        return f"{self.machine.try_run('systemctl', 'status', SERVICE).stdout}\n{self.machine.journal('-u', SERVICE)}"

    def socket_path(self):
        return self.machine.path(SOCKET_PATH)

    def connect(self):
        return Wire(self.socket_path())

    def info(self):
        wire = self.connect()
        try:
            return wire.call("info")
        finally:
            wire.close()
