"""Programs in processes of their own, which find the daemon by `$PANNIER_SOCKET` as any program does."""

import os
import pickle
import subprocess
import sys
import textwrap

END_S = 60.0


class Programs:
    """Programs in files of one directory; their output is read when they have ended."""

    def __init__(self, directory):
        self._directory = directory

    def write(self, name, source):
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def start(self, path, *arguments, read_input=False, **environment):
        """With `read_input`, its standard input is a pipe of the caller's."""
        command = [sys.executable, str(path), *map(str, arguments)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if read_input else None,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def output(self, process):
        """The lines that it printed; it must end well."""
        text, _ = process.communicate(timeout=END_S)
        assert process.returncode == 0
        return text.splitlines()

    def run(self, path, *arguments, **environment):
        return self.output(self.start(path, *arguments, **environment))

    def run_together(self, path, *arguments, count):
        """What each of `count` processes printed, all at work at the same time."""
        return [self.output(process) for process in [self.start(path, *arguments) for _ in range(count)]]


def forked(work):
    """What `work` returns in a forked child of this process, which ends as soon as it has."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(writer, pickle.dumps(work()))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as result:
        data = result.read()
    assert os.waitpid(pid, 0)[1] == 0
    return pickle.loads(data)
