"""What a parsing child is not allowed to do; Linux only, and given up for good once set.

Fails towards working: where the kernel or the machine knows no seccomp, the child warns and goes on without
that one fence. The limits on memory, files and processor time hold everywhere.
"""

import ctypes
import errno
import math
import os
import platform
import resource
import signal
import struct

import structlog

log = structlog.get_logger()

#: Bytes of the largest file a child may write. It has none to write: libraries' temporary files.
_FILE_BYTES = 256 << 20
_OPEN_FILES = 64

# linux/prctl.h, linux/seccomp.h, linux/filter.h, linux/audit.h
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SECCOMP_MODE_FILTER = 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_X32_CALLS = 0x40000000
#: Machine: its audit architecture and the numbers of socket(2) and io_uring_setup(2), which could open one
#: too.
_MACHINES = {"x86_64": (0xC000003E, (41, 425)), "aarch64": (0xC00000B7, (198, 425))}


def confine(memory_bytes: int, parent: int) -> None:
    """Give up what a parser does not need: memory over `memory_bytes`, the network, a life after its parent.

    Raises:
        OSError: a limit cannot be set; better no child than one without limits.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    _refuse_network()


def allow_processor(seconds: float) -> None:
    """Let the process use `seconds` more of processor time, beyond which the kernel ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1  # whole seconds; the clock on the wall is stricter
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _prctl(option: int, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, 0, 0, 0, 0][:4]
    if libc.prctl(option, *(ctypes.c_ulong(a) if isinstance(a, int) else a for a in padded)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _refuse_network() -> None:
    machine = platform.machine()
    if machine not in _MACHINES:
        log.warning("network_not_refused", machine=machine)
        return
    instructions = _filter(*_MACHINES[machine])
    program = _Program(len(instructions), b"".join(instructions))
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))
    except OSError as error:
        log.warning("network_not_refused", machine=machine, error=str(error))


def _filter(architecture: int, refused: tuple[int, ...]) -> list[bytes]:
    """Return the BPF program (seccomp(2)): `refused` calls, and other architectures', fail with EPERM."""

    def instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("=HBBI", code, then, otherwise, value)

    to_refusal = len(refused) + 1  # instructions between the first check of the call's number and the refusal
    return [
        instruction(_LOAD, 4),  # seccomp_data.arch
        instruction(_JUMP_IF_EQUAL, architecture, otherwise=to_refusal + 2),
        instruction(_LOAD, 0),  # seccomp_data.nr
        instruction(_JUMP_IF_AT_LEAST, _X32_CALLS, then=to_refusal),
        *(instruction(_JUMP_IF_EQUAL, call, then=to_refusal - 1 - i) for i, call in enumerate(refused)),
        instruction(_RETURN, _ALLOW),
        instruction(_RETURN, _REFUSE),
    ]
