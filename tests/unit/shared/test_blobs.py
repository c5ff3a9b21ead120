"""Blobs are stored whole, once, under the name of their content."""

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.blobs import LEFT_SECONDS, FilesystemBlobStore
from shared.claim_check import INLINE_LIMIT, check_in, check_out
from shared.contracts import BlobRef, InlineText, ParsedDocument
from shared.errors import TransientError


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_what_is_put_is_read_back_under_its_hash(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    ref = blobs.put([b"two ", b"parts"])
    assert ref == BlobRef(sha256=hashlib.sha256(b"two parts").hexdigest(), size=9)
    assert blobs.read(ref) == b"two parts"


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    first, second = blobs.put([b"same"]), blobs.put([b"sa", b"me"])
    assert first == second
    assert files(tmp_path) == [first.sha256]


def test_what_is_stored_has_its_name_on_disk_whoever_wrote_it(tmp_path: Path) -> None:
    """Its folder's name is made sure of once in a process, its own each time: another process may be writing it."""
    synced: list[Path] = []
    blobs, other = FilesystemBlobStore(tmp_path, synced.append), FilesystemBlobStore(tmp_path, synced.append)
    first = blobs.put([b"same"])
    folder = blobs.path(first).parent
    assert [folder, tmp_path] == synced
    blobs.put([b"same"])
    assert [folder] == synced[2:]
    other.put([b"same"])
    assert [folder, tmp_path] == synced[3:]


def test_a_blob_whose_name_is_not_on_disk_is_not_stored(tmp_path: Path) -> None:
    """Nor the next time, before it is."""

    def failing(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    blobs = FilesystemBlobStore(tmp_path, failing)
    for _ in range(2):
        with pytest.raises(TransientError, match="Input/output error"):
            blobs.put([b"same"])


def test_a_source_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("the source broke off")

    with pytest.raises(ValueError, match="the source broke off"):
        FilesystemBlobStore(tmp_path).put(half())
    assert files(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    assert blobs.remove_leftovers() == 0
    kept = blobs.put([b"kept"])
    left, written = tmp_path / "incoming" / "left", tmp_path / "incoming" / "written"
    for file in (left, written):
        file.write_bytes(b"half")
    os.utime(left, (0, time.time() - 2 * LEFT_SECONDS))
    assert blobs.remove_leftovers() == 1
    assert files(tmp_path) == sorted([kept.sha256, "written"])


def test_a_blob_that_is_not_there_is_a_passing_failure(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="No such file"):
        FilesystemBlobStore(tmp_path).read(BlobRef(sha256="0" * 64, size=1))


def document(body: str) -> ParsedDocument:
    return ParsedDocument(title="Ferry late", body=body, media_type="text/plain", extractor="text")


def test_a_small_document_travels_in_the_message(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    claim = check_in(document("The ferry was late."), blobs)
    assert isinstance(claim, InlineText)
    assert check_out(claim, blobs) == document("The ferry was late.")
    assert files(tmp_path) == []


def test_a_large_document_travels_as_a_blob(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path)
    body = "".join(hashlib.sha256(str(i).encode()).hexdigest() for i in range(INLINE_LIMIT // 16))
    claim = check_in(document(body), blobs)
    assert isinstance(claim, BlobRef)
    assert check_out(claim, blobs) == document(body)
