"""A guard around a process, seen from outside it: an internet socket, whoever opens it, ends the process.

``python no_internet.py ARGUMENT...`` runs ``python ARGUMENT...``, and all of its children, under a seccomp filter
that kills with SIGSYS whoever asks for a socket of AF_INET or AF_INET6. Pipes and AF_UNIX stay allowed.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import sys

# AUDIT_ARCH of linux/audit.h and the number of socket(2), by machine.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
# struct seccomp_data: nr, arch, instruction_pointer (8 bytes), args (8 bytes each).
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def is_possible() -> bool:
    """Return whether this machine has seccomp, and numbers that are known here."""
    return sys.platform == "linux" and platform.machine() in MACHINES


def seal() -> None:
    """Forbid internet sockets to this process and its children, for good.

    Raises
    ------
    OSError
        If the kernel refuses the filter.
    """
    arch, number = MACHINES[platform.machine()]
    steps = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 0, 5, arch),
        (LOAD, 0, 0, NUMBER),
        (EQUAL, 0, 3, number),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 2, 0, socket.AF_INET),
        (EQUAL, 1, 0, socket.AF_INET6),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, KILL_PROCESS),
    ]
    filter_ = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), filter_)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    seal()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
