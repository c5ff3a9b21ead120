"""Blob store: raw bytes under the name of their SHA-256, written once, never changed.

A blob appears under its name only when all of it is on disk (temporary file, fsync, rename, fsync of the
folder), so a crash leaves at most a temporary file, and writing the same bytes twice is harmless.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
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


class FilesystemBlobStore:
    """`root/ab/abcdef…`: one file a blob."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._space = DiskSpace(root)

    def put(self, chunks: Iterable[bytes], media_type: str = "application/octet-stream") -> BlobRef:
        """Store the bytes durably. Raises `TransientError` when the disk does not take them."""
        with self._disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                digest, size = self._copy(chunks, file)
            ref = BlobRef(sha256=digest, size=size, media_type=media_type)
            with self._disk_errors():
                self._publish(temporary, self.path(ref))
        finally:
            temporary.unlink(missing_ok=True)
        return ref

    def _copy(self, chunks: Iterable[bytes], file: BinaryIO) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:  # an error of the source is the source's: only the disk's are `TransientError`
            digest.update(chunk)
            size += len(chunk)
            with self._disk_errors():
                file.write(chunk)
        with self._disk_errors():
            file.flush()
            os.fsync(file.fileno())
        return digest.hexdigest(), size

    def _publish(self, temporary: Path, target: Path) -> None:
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o644)  # other services read it under their own user
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove_leftovers(self) -> int:
        """Remove the temporary files that killed processes left; return how many.

        Raises:
            TransientError: the disk does not let them go.
        """
        removed = 0
        with self._disk_errors():
            for temporary in self._incoming.glob("*"):
                with suppress(FileNotFoundError):  # another process was faster
                    if time.time() - temporary.stat().st_mtime > LEFT_SECONDS:
                        temporary.unlink()
                        removed += 1
        return removed

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TransientError(f"blob store {self.root}: {error.strerror}") from error

    def read(self, ref: BlobRef) -> bytes:
        """Return the bytes. Raises `TransientError` when they are not there."""
        with self._disk_errors():
            return self.path(ref).read_bytes()

    def fault(self, size: int) -> str | None:
        """Return in words why so many bytes more may not be stored for now; None when they may."""
        return self._space.fault(size)

    def path(self, ref: BlobRef) -> Path:
        """Where a reader finds the bytes as a file."""
        return self.root / ref.sha256[:2] / ref.sha256
