"""Child processes that never outlive their parent, and that a Ctrl-C in the terminal does not reach."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence

#: `prctl` option, from linux/prctl.h: the signal a process gets when its parent dies, even by kill -9.
PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    keep_open: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own; it gets SIGTERM when this process dies.

    Args:
        command: the program and its arguments.
        environment: all of the child's environment; None: this process's.
        keep_open: file descriptors the child inherits.
    """
    return subprocess.Popen(  # noqa: S603  commands are the project's own, never a user's text
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509  safe: this process has one thread
        pass_fds=keep_open,
    )


def _tie_to(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: the child must not take the loader's lock

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return tie


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; it asks its own children."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever is left of its session, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the process's end; whether it came in time."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True
