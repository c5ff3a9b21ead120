"""Whether a file is still open for writing: the kernel knows, and a lease asks it.

A read lease is only given while nobody has the file open for writing (`fcntl(2)`, `F_SETLEASE`); it is given back in
the same breath. It can be had for one's own files on local file systems, and by root for all.
"""

import fcntl
import signal


def mind_leases() -> None:
    """Whoever opens the file in that breath waits for it, and the kernel would tell us by a signal that ends us."""
    if hasattr(fcntl, "F_SETLEASE"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_open_for_writing(descriptor: int) -> bool | None:
    """Return whether some process has the file open for writing; None where that cannot be known.

    Args:
        descriptor: of the file, open for reading only.
    """
    if not hasattr(fcntl, "F_SETLEASE"):  # not Linux
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # not our file, or a file system without leases
        return None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
