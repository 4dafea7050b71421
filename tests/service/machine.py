"""A machine for tests of packages and units: this machine's own systemd as PID 1 of new namespaces, over files that are
thrown away (boot.sh). It takes half a second to boot. Programs run in it by run(); its files, its sockets among them, are
found by path() from outside. Needs root, a kernel with overlay files and cgroups of version 2, and systemd installed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

BOOT = Path(__file__).with_name("boot.sh")
SYSTEMD = "/lib/systemd/systemd"
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
BOOT_S = 60
COMMAND_S = 120
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}


def why_not():
    """Why there can be no such machine here; None if there can."""
    if os.geteuid() != 0:
        return "root is needed for namespaces of a machine of its own"
    if not os.path.exists(SYSTEMD):
        return f"there is no {SYSTEMD} to boot"
    probe = "mount -t tmpfs p /proc && cd /proc && mkdir a b c && mount -t overlay -o lowerdir=/,upperdir=a,workdir=b o c && " \
            "mount -t cgroup2 p a && mount -t proc p b"
    command = ["unshare", *NAMESPACES, "--fork", "sh", "-c", probe]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    return None if done.returncode == 0 else f"namespaces or overlay files cannot be had: {done.stderr.strip()}"


@contextlib.contextmanager
def cgroups():
    """The top of the cgroups of version 2."""
    place = tempfile.mkdtemp(prefix="pannier-cgroup-")
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", place], check=True)
    try:
        yield Path(place)
    finally:
        subprocess.run(["umount", place], check=True)
        os.rmdir(place)


class Machine:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="pannier-machine-")
        self.log_path = f"{self.directory}.log"
        self.cgroup = f"pannier-test-{os.getpid()}-{os.path.basename(self.directory)}"
        self.init_pid = None
        self._process = None

    def start(self):
        with cgroups() as top, open(self.log_path, "w", encoding="utf-8") as log:
            group = top / self.cgroup
            group.mkdir()
            # The shell is in the group before its cgroup namespace is made, of which that is the top then.
            enter = f'echo $$ >"{group}/cgroup.procs" && exec unshare "$@"'
            self._process = subprocess.Popen(
                ["sh", "-c", enter, "sh", *NAMESPACES, "--fork", "--kill-child", "--propagation", "private",
                 BOOT, self.directory],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            deadline = time.monotonic() + BOOT_S
            while not self._has_booted():
                assert self._process.poll() is None and time.monotonic() < deadline, self._boot_log()
                time.sleep(0.02)
        return self

    def _has_booted(self):
        if self.init_pid is None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text("ascii").split()
            if not children:
                return False
            self.init_pid = int(children[0])
        if not os.path.exists(self.path("/run/systemd/private")):
            return False
        state = self.try_run("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _boot_log(self):
        return f"the machine does not boot:\n{Path(self.log_path).read_text(encoding='utf-8', errors='replace')}"

    def path(self, inside):
        """Where a file of the machine is found from outside."""
        return f"/proc/{self.init_pid}/root{inside}"

    def write(self, inside, text):
        path = Path(self.path(inside))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def try_run(self, *command, timeout_s=COMMAND_S):
        """Runs a program in the machine, as its root."""
        enter = ["nsenter", "--target", str(self.init_pid), *NAMESPACES, "--root", "--wd", "env", "-i",
                 *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
        return subprocess.run([*enter, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, check=False)

    def run(self, *command, timeout_s=COMMAND_S):
        """The standard output of a program that has to succeed."""
        done = self.try_run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.journal()}"
        return done.stdout.strip()

    def install(self, debs):
        """Installs packages from files of this machine, without a network; a later version is an upgrade."""
        place = "/srv/packages"
        for deb in debs:
            target = Path(self.path(f"{place}/{Path(deb).name}"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(deb, target)
        names = [f"{place}/{Path(deb).name}" for deb in debs]
        return self.run("dpkg", "--force-unsafe-io", "--install", *names)

    def journal(self, *arguments):
        return self.try_run("journalctl", "--no-pager", "-o", "cat", "-n", "60", *arguments).stdout

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit)

    def stop(self):
        """Ends all of it at once: nothing of it is to be kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self.init_pid is not None:
            deadline = time.monotonic() + BOOT_S
            while os.path.exists(f"/proc/{self.init_pid}") and time.monotonic() < deadline:
                time.sleep(0.01)
        with cgroups() as top:
            for path, _, _ in os.walk(top / self.cgroup, topdown=False):
                os.rmdir(path)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.remove(self.log_path)
