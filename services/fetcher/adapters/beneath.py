"""Opens what lies beneath a folder, and nothing else: no symbolic link is followed on the way, wherever it stands.

Step by step from the root (`openat` with `O_NOFOLLOW`), so that neither a link put in the place of a folder nor a path
longer than the kernel takes in one piece (4,096 bytes) leads astray. Paths are bytes relative to the root.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Never waits for a pipe's other end, never becomes a terminal's owner.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def folder_beneath(root: bytes, path: bytes) -> Iterator[int]:
    """Give the descriptor of a folder, the root itself for the empty path. Raises `OSError`."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in path.split(b"/") if path else ():
            parent = descriptor
            descriptor = os.open(name, FOLDER, dir_fd=parent)
            os.close(parent)
        yield descriptor
    finally:
        os.close(descriptor)


def status_beneath(root: bytes, path: bytes) -> os.stat_result:
    """Return the `lstat` of what lies at the path. Raises `OSError`."""
    if not path:
        return os.stat(root)  # noqa: PTH116  bytes: pathlib has none
    folder, _, name = path.rpartition(b"/")
    with folder_beneath(root, folder) as descriptor:
        return os.stat(name, dir_fd=descriptor, follow_symlinks=False)


@contextmanager
def file_beneath(root: bytes, path: bytes) -> Iterator[int]:
    """Give the descriptor of a file, open for reading. Raises `OSError`."""
    folder, _, name = path.rpartition(b"/")
    with folder_beneath(root, folder) as parent:
        descriptor = os.open(name, FILE, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
