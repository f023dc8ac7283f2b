"""What worker processes do in the tests of `genrekit.execution`: a light module, because each of them imports it."""

import ctypes
import os
import signal
import sys
import time

from genrekit.errors import MediaError
from genrekit.execution.worker import THREAD_VARIABLES


class NeedsTwoArguments(Exception):
    """Cannot be unpickled: its class takes other arguments than it keeps."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class CannotCrossOver:
    """Pickles, but not back."""

    def __init__(self, fails_in):
        self.fails_in = fails_in

    def __reduce__(self):
        return _explode, (self.fails_in,)


def _explode(fails_in):
    if (fails_in == os.getpid()) or fails_in == 0:
        raise ValueError("made to fail")
    return CannotCrossOver(fails_in)


def act(item):
    what, argument = item
    match what:
        case "double":
            return argument * 2
        case "sleep":
            time.sleep(argument)
            return argument
        case "hold":
            gate, name = argument
            gate.hold(name)
            return name
        case "mark":
            argument.touch()
            return argument.name
        case "media":
            raise MediaError("The file is empty.", "Give another one.")
        case "raise":
            raise ZeroDivisionError(argument)
        case "odd":
            raise NeedsTwoArguments(1, argument)
        case "signal":
            os.kill(os.getpid(), argument)
        case "segfault":
            ctypes.string_at(0)
        case "os._exit":
            os._exit(argument)
        case "exit":
            sys.exit(argument)
        case "lambda":
            return lambda: argument
        case "back":
            return CannotCrossOver(argument)
        case "echo":
            return argument
        case "noise":
            print("from Python")
            sys.stdout.flush()
            os.write(1, b"from C\n")
            return None
        case "facts":
            return {
                "pid": os.getpid(),
                "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
                "numpy before": "numpy" in sys.modules,
                "ignored": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
                "blocked since its start": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            }
    raise AssertionError(what)


def work_a_little(item):
    time.sleep(0.01)
    return item, os.getpid(), bytes(200_000)


class Unloadable:
    """A function that another process cannot load."""

    def __init__(self, home):
        self.home = home

    def __call__(self, item):
        return item

    def __setstate__(self, state):
        if state["home"] != os.getpid():
            raise ImportError("no such backend here")


def pid_of(item):
    return os.getpid()
