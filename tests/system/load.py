"""Clients that load a daemon until it is killed."""

import threading

from wire import Closed, Cut, Wire


class LoadThread(threading.Thread):
    """Makes one step() after the other over a connection of its own, until that breaks. `failure` is what went wrong
    otherwise: for the test's thread to tell of."""

    def __init__(self, path, name):
        super().__init__(daemon=True)
        self.path, self.name = path, name
        self.failure = None

    def step(self, wire):
        raise NotImplementedError

    def run(self):
        try:
            wire = Wire(self.path)
        except OSError:
            return
        try:
            while True:
                self.step(wire)
        except (Closed, Cut, OSError):
            pass
        except Exception as failure:
            self.failure = failure
        finally:
            wire.close()
