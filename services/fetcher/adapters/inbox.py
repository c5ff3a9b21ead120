"""The watched folder: what lies in it, what happens in it, and the bytes of a file.

Paths are bytes relative to the inbox, as the file system has them. Only regular files beneath the inbox are ever
opened, and never through a symbolic link.
"""

import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
from watchfiles import awatch

from services.fetcher.domain.identity import Stamp
from services.fetcher.domain.rules import ignored
from shared.blobs import CHUNK, BlobStore
from shared.contracts import BlobRef
from shared.errors import RejectedDocument, SetupError, TransientError

log = structlog.get_logger()

#: Milliseconds in which changes are gathered before they are reported. The default of 1,600 would be felt.
GATHER_MS, STEP_MS = 200, 20
#: What a person is told when a file cannot be opened.
REASONS = {
    errno.EACCES: "The file cannot be read: permission denied.",
    errno.EPERM: "The file cannot be read: permission denied.",
    errno.ELOOP: "This is a symbolic link; put the file itself into the inbox.",
    errno.ENXIO: "This is a pipe or socket, not a file.",
    errno.EIO: "The file cannot be read: the disk reports an error.",
}


class FileChanged(Exception):  # noqa: N818  an event, not a mistake
    """The file was written to while it was read: look at it again later."""


class Inbox:
    """One watched folder.

    Raises:
        SetupError: the folder is not there or cannot be listed.
    """

    def __init__(self, root: Path, name: str = "inbox") -> None:
        self.name = name
        self.root = os.fsencode(root.resolve())
        if not self.is_there():
            raise SetupError(f"the inbox {root} is not a folder that can be read; make it or set DATELINE_INBOX")

    def is_there(self) -> bool:
        """Whether the folder itself can be listed; while it cannot, nothing in it is known to be gone."""
        try:
            os.scandir(self.root).close()
        except OSError:
            return False
        return True

    def status(self, path: bytes) -> os.stat_result | None:
        """Return the `lstat` of the file, or None when there is none."""
        try:
            return os.lstat(self._absolute(path))
        except OSError:
            return None

    def scan(self, folder: bytes = b"") -> Iterator[bytes]:
        """Yield the path of everything beneath the folder that is no folder and not ignored."""
        folders = [folder]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(self._absolute(folder)))
            except OSError as error:
                log.warning("folder_unreadable", folder=os.fsdecode(folder), error=error.strerror)
                continue
            for entry in entries:
                path = os.path.join(folder, entry.name)  # noqa: PTH118  bytes: pathlib has none
                if ignored(path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    yield path

    def fetch(self, path: bytes, blobs: BlobStore, max_bytes: int) -> tuple[BlobRef, Stamp]:
        """Copy the file into the blob store; hash and copy come from the same read.

        Raises:
            FileNotFoundError: it is gone.
            FileChanged: it was written to meanwhile.
            RejectedDocument: it can never be read as it is; says why.
            TransientError: the blob store does not take it for now.
        """
        try:
            descriptor = os.open(self._absolute(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                raise FileNotFoundError(path) from error
            raise _unreadable(error) from error
        try:
            return self._copy(descriptor, blobs, max_bytes)
        finally:
            os.close(descriptor)

    def _copy(self, descriptor: int, blobs: BlobStore, max_bytes: int) -> tuple[BlobRef, Stamp]:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise RejectedDocument("This is not a regular file.")
        if before.st_size > max_bytes:
            raise RejectedDocument(
                f"The file is too large: {before.st_size:,} bytes, and the limit is {max_bytes:,} "
                "(DATELINE_MAX_FILE_BYTES)."
            )
        if fault := blobs.fault(before.st_size):
            raise TransientError(fault)
        content = blobs.put(_chunks(descriptor, before.st_size))
        stamp = Stamp.of(os.fstat(descriptor))
        if stamp != Stamp.of(before) or content.size != before.st_size:
            raise FileChanged
        return content, stamp

    async def changes(self) -> AsyncIterator[set[bytes]]:
        """Yield the paths something happened to, as it happens, for as long as the folder is there."""
        async for batch in awatch(
            os.fsdecode(self.root),
            watch_filter=None,
            debounce=GATHER_MS,
            step=STEP_MS,
            ignore_permission_denied=True,
        ):
            yield {path for _, name in batch if not ignored(path := self._relative(name))}

    def _relative(self, name: str) -> bytes:
        path = os.path.relpath(os.fsencode(name), self.root)
        # A name that is no UTF-8 comes lossy from the watcher: look at the whole folder it is in.
        if "\ufffd" in name:
            path = os.path.dirname(path)  # noqa: PTH120  bytes: pathlib has none
        return b"" if path == b"." else path

    def _absolute(self, path: bytes) -> bytes:
        return os.path.join(self.root, path) if path else self.root  # noqa: PTH118  bytes: pathlib has none


def _unreadable(error: OSError) -> RejectedDocument:
    return RejectedDocument(REASONS.get(error.errno or 0, f"The file cannot be read: {error.strerror}."))


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield the file's bytes; one byte more than `size` is enough to know that it has grown."""
    left = size + 1
    while left > 0:
        try:
            chunk = os.read(descriptor, min(CHUNK, left))
        except OSError as error:
            raise _unreadable(error) from error
        if not chunk:
            return
        left -= len(chunk)
        yield chunk
