"""A watched folder: what lies in it, and the bytes of a file.

Paths are bytes relative to the inbox, as the file system has them. Only regular files beneath the inbox are ever
opened, for reading, and never through a symbolic link.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from services.fetcher.adapters.beneath import file_beneath, folder_beneath, status_beneath
from services.fetcher.adapters.writers import is_open_for_writing
from services.fetcher.domain.arrivals import WRITER_PATIENCE_SECONDS
from services.fetcher.domain.identity import Stamp
from shared.blobs import CHUNK, BlobStore
from shared.contracts import BlobRef
from shared.errors import RejectedDocument, SetupError, TransientError

#: What a person is told when a file or folder cannot be opened.
REASONS = {
    errno.EACCES: "The file cannot be read: permission denied.",
    errno.EPERM: "The file cannot be read: permission denied.",
    errno.ELOOP: "This is a symbolic link; put the file itself into the inbox.",
}
#: The stamp of what could not be looked at: whatever lies there is another.
NO_STAMP = Stamp(0, 0, 0, 0)
#: Seconds between two looks at a file that is open for writing: mostly its closing is told before.
STILL_OPEN_SECONDS = 5.0
#: By these a path leads to no file of ours: it is gone, or a link is in its or a folder's place.
NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
#: What this process, or the disk, is short of for a moment.
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.ENOBUFS})
#: What is never opened, and what a person is told: opening a device may already do something.
KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "This is a symbolic link; put the file itself into the inbox."),
    (stat.S_ISFIFO, "This is a pipe, not a file."),
    (stat.S_ISSOCK, "This is a socket, not a file."),
    (stat.S_ISCHR, "This is a device, not a file."),
    (stat.S_ISBLK, "This is a device, not a file."),
)


class Unsettled(Exception):  # noqa: N818  an event, not a mistake
    """The file is still being written, or may be: look at it again in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds:g} s")
        self.seconds = seconds


class Unreadable(Exception):  # noqa: N818  as above
    """The disk, or whoever has it, reports an error that may pass."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at a file has found: its content, in the blob store by now, or the reason why it has none."""

    stamp: Stamp
    seen_ns: int  # wall clock, before the first byte was read
    content: BlobRef | None = None
    reason: str | None = None


#: Says for how many seconds the file has to hold still yet, and for how many it did, by the status of this look.
Stillness = Callable[[os.stat_result], tuple[float, float]]


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

    def identity(self) -> tuple[int, int] | None:
        """Return device and inode of the folder: others are another folder, or another disk, in its place."""
        try:
            status = status_beneath(self.root, b"")
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def status(self, path: bytes) -> os.stat_result | None:
        """Return the `lstat` of the file, or None when there is none, or none can be had."""
        try:
            return status_beneath(self.root, path)
        except OSError:
            return None

    def is_empty(self, folder: bytes) -> bool:
        """Whether this is a folder, and nothing lies in it."""
        try:
            with folder_beneath(self.root, folder) as descriptor, os.scandir(descriptor) as entries:
                return next(entries, None) is None
        except OSError:
            return False

    def is_gone(self, path: bytes) -> bool:
        """Whether it is certain that no file lies at this path, be it that a folder does.

        A slash at its end asks for a folder. While a disk reports errors nothing is known to be gone.
        """
        try:
            status = status_beneath(self.root, path.rstrip(b"/"))
        except OSError as error:
            return error.errno in NOT_THERE
        return stat.S_ISDIR(status.st_mode) != path.endswith(b"/")

    def read(  # noqa: PLR0913  what is known of the file, and where it goes
        self,
        path: bytes,
        known: Stamp | None,
        stillness: Stillness,
        blobs: BlobStore,
        max_bytes: int,
        *,
        elsewhere: bool = False,
    ) -> Reading | None:
        """Copy the file into the blob store, once it is whole; None when it is as it is `known`.

        Args:
            elsewhere: whether other machines write to the file's folder, of which this one's kernel knows nothing.

        Raises:
            FileNotFoundError: it is gone.
            IsADirectoryError: it is a folder.
            Unsettled: it is being written.
            Unreadable: it cannot be read, and this may pass.
            TransientError: the blob store does not take it for now, or this process is short of something.
        """
        seen_ns, status = time.time_ns(), self._status(path)
        stamp = Stamp.of(status)
        if stamp == known:
            return None
        try:
            _require_regular(status)
            with file_beneath(self.root, path) as descriptor:
                return _read(descriptor, seen_ns, stillness, blobs, max_bytes, elsewhere=elsewhere)
        except RejectedDocument as refusal:
            return Reading(stamp, seen_ns, reason=str(refusal))
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                raise FileNotFoundError(path) from error
            return Reading(stamp, seen_ns, reason=_why_refused(error))

    def _status(self, path: bytes) -> os.stat_result:
        try:
            status = status_beneath(self.root, path)
        except OSError as error:
            if error.errno in NOT_THERE:
                raise FileNotFoundError(path) from error
            raise Unreadable(_why_refused(error)) from error
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(path)
        return status

    def content(self, path: bytes, most: int) -> bytes | None:
        """Return the first `most` bytes of a small regular file, None when there is none that can be read."""
        try:
            with file_beneath(self.root, path) as descriptor:
                return os.read(descriptor, most) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        except OSError:
            return None


def why_unreadable(error: OSError) -> str:
    """Return what a person is told about it."""
    return REASONS.get(error.errno or 0, f"The file cannot be read: {error.strerror}.")


def _why_refused(error: OSError) -> str:
    if error.errno in SHORTAGES:
        raise TransientError(f"this process is short of something: {error.strerror}") from error
    if error.errno == errno.EWOULDBLOCK:  # somebody has a lease on it, as one does who writes
        raise Unsettled(1.0) from error
    if error.errno not in REASONS:
        raise Unreadable(why_unreadable(error)) from error
    return why_unreadable(error)


def _require_regular(status: os.stat_result) -> None:
    for is_kind, reason in KINDS:
        if is_kind(status.st_mode):
            raise RejectedDocument(reason)


def _read(  # noqa: PLR0913  as above
    descriptor: int, seen_ns: int, stillness: Stillness, blobs: BlobStore, max_bytes: int, *, elsewhere: bool
) -> Reading:
    before = os.fstat(descriptor)
    stamp = Stamp.of(before)
    if not stat.S_ISREG(before.st_mode):
        raise RejectedDocument("This is not a regular file.")
    _require_whole(descriptor, *stillness(before), elsewhere=elsewhere)
    if before.st_size > max_bytes:
        raise RejectedDocument(
            f"The file is too large: {before.st_size:,} bytes, and the limit is {max_bytes:,} "
            "(DATELINE_MAX_FILE_BYTES)."
        )
    if fault := blobs.fault(before.st_size):
        raise TransientError(fault)
    content = blobs.put(_chunks(descriptor, before.st_size))
    if Stamp.of(os.fstat(descriptor)) != stamp or content.size != before.st_size:
        raise Unsettled(0.25)
    return Reading(stamp, seen_ns, content)


def _require_whole(descriptor: int, left: float, held: float, *, elsewhere: bool) -> None:
    open_for_writing = is_open_for_writing(descriptor)
    if open_for_writing and held < WRITER_PATIENCE_SECONDS:
        raise Unsettled(STILL_OPEN_SECONDS)
    if left > 0 and (elsewhere or open_for_writing is None):
        raise Unsettled(left)


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield the file's bytes; one byte more than `size` is enough to know that it has grown."""
    left = size + 1
    while left > 0:
        try:
            chunk = os.read(descriptor, min(CHUNK, left))
        except OSError as error:
            raise Unreadable(why_unreadable(error)) from error
        if not chunk:
            return
        left -= len(chunk)
        yield chunk
