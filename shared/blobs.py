"""Blob store: raw bytes under the name of their SHA-256, written once, never changed.

A blob appears under its name only when all of it is on disk (temporary file, fsync, rename, fsync of the
folder), so a crash leaves at most a temporary file, and writing the same bytes twice is harmless. Who finds it there
already makes sure of the folder, too: its writer may be about to.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from shared.contracts import BlobRef
from shared.disk_space import DiskSpace
from shared.errors import TransientError

#: Bytes read and hashed at a time: large enough for the disk, small enough that 4 readers stay under 5 MB.
CHUNK = 1 << 20
#: Seconds without a byte after which a temporary file is nobody's work any more. Who is robbed of one, because its
#: clock was put forward, tries again.
LEFT_SECONDS = 3_600.0


class BlobStore(Protocol):
    """Where bodies wait while their claim checks travel."""

    def put(self, chunks: Iterable[bytes], media_type: str = "application/octet-stream") -> BlobRef:
        """Store the bytes durably. Raises `TransientError` when the disk does not take them."""
        ...

    def read(self, ref: BlobRef) -> bytes:
        """Return the bytes. Raises `TransientError` when they are not there."""
        ...

    def path(self, ref: BlobRef) -> Path:
        """Where a reader finds the bytes as a file."""
        ...

    def fault(self, size: int) -> str | None:
        """Return in words why so many bytes more may not be stored for now; None when they may."""
        ...


def sync_folder(folder: Path) -> None:
    """Return when what lies in the folder does so on disk, under its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FilesystemBlobStore:
    """`root/ab/abcdef…`: one file a blob.

    Args:
        root: its folder.
        sync: makes the entries of a folder durable.
    """

    def __init__(self, root: Path, sync: Callable[[Path], None] = sync_folder) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._space = DiskSpace(root)
        self._sync = sync
        self._durable_folders: set[Path] = set()

    def put(self, chunks: Iterable[bytes], media_type: str = "application/octet-stream") -> BlobRef:
        """Store the bytes durably. Raises `TransientError` when the disk does not take them."""
        with self.writer(media_type) as writer:
            for chunk in chunks:  # an error of the source is the source's: only the disk's are `TransientError`
                writer.write(chunk)
            return writer.finish()

    @contextmanager
    def writer(self, media_type: str = "application/octet-stream") -> Iterator["BlobWriter"]:
        """Give a writer of one blob; nothing is stored unless it is finished. Raises `TransientError`."""
        with disk_errors(self.root):
            self._incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
        writer = BlobWriter(self, os.fdopen(descriptor, "wb"), Path(name), media_type)
        try:
            yield writer
        finally:
            writer.close()

    def make_durable(self, folder: Path) -> None:
        """Return when the names in this folder of blobs are on disk. Raises `OSError`.

        That the folder itself is, is made sure of once in the life of a process, whoever made it: 256 times at most.
        """
        self._sync(folder)
        if folder not in self._durable_folders:
            self._sync(self.root)
            self._durable_folders.add(folder)

    def remove_leftovers(self) -> int:
        """Remove the temporary files that killed processes left; return how many.

        Raises:
            TransientError: the disk does not let them go.
        """
        removed = 0
        with disk_errors(self.root):
            for temporary in self._incoming.glob("*"):
                with suppress(FileNotFoundError):  # another process was faster
                    if time.time() - temporary.stat().st_mtime > LEFT_SECONDS:
                        temporary.unlink()
                        removed += 1
        return removed

    def read(self, ref: BlobRef) -> bytes:
        """Return the bytes. Raises `TransientError` when they are not there."""
        with disk_errors(self.root):
            return self.path(ref).read_bytes()

    def fault(self, size: int) -> str | None:
        """Return in words why so many bytes more may not be stored for now; None when they may."""
        return self._space.fault(size)

    def path(self, ref: BlobRef) -> Path:
        """Where a reader finds the bytes as a file."""
        return self.root / ref.sha256[:2] / ref.sha256


class BlobWriter:
    """Takes the bytes of one blob as they come. All methods raise `TransientError` when the disk does not take them."""

    def __init__(self, store: FilesystemBlobStore, file: BinaryIO, temporary: Path, media_type: str) -> None:
        self._store = store
        self._file = file
        self._temporary = temporary
        self._media_type = media_type
        self._digest = hashlib.sha256()
        #: Bytes so far.
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Take some more."""
        self._digest.update(chunk)
        self.size += len(chunk)
        with disk_errors(self._store.root):
            self._file.write(chunk)

    def finish(self) -> BlobRef:
        """Store what was taken, durably."""
        ref = BlobRef(sha256=self._digest.hexdigest(), size=self.size, media_type=self._media_type)
        with disk_errors(self._store.root):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._publish(self._store.path(ref))
        return ref

    def _publish(self, target: Path) -> None:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.chmod(0o644)  # other services read it under their own user
            self._temporary.replace(target)
        self._store.make_durable(target.parent)

    def close(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # a full disk: what could not be written is thrown away anyway
            self._file.close()
        self._temporary.unlink(missing_ok=True)


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Raise `TransientError` for what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise TransientError(f"blob store {root}: {error.strerror}") from error
