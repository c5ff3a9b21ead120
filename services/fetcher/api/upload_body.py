"""The files in a request's body, multipart (RFC 7578) or raw, into the blob store as they come: memory is bounded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from python_multipart.multipart import MultipartParser, parse_options_header

from services.fetcher.domain.file_names import file_name
from services.fetcher.uploads import Upload
from shared.blobs import BlobWriter, FilesystemBlobStore
from shared.errors import TransientError

#: Files in one request, and bytes of it that are in none (fields, and what surrounds the parts), at most; the parser
#: itself bounds the headers of a part.
MOST_FILES, MOST_OTHER_BYTES = 1_000, 65_536


class BadUpload(Exception):  # noqa: N818  the sender's mistake, to be told
    """The request is not one that could be taken; says why, with the HTTP status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body is waited for: a slow sender is, one that only holds a place is not.

    Some more of it must come within `pause_seconds`, and after the first `grace_seconds` it must have come at
    `bytes_per_second` on the average: 80 kbit/s, less than any line gives over which people send files.
    """

    pause_seconds: float = 30.0
    grace_seconds: float = 30.0
    bytes_per_second: int = 10_000


PATIENCE = Patience()


class UploadBody:
    """Receives the body of one request.

    Args:
        most: bytes a file may have.
    """

    def __init__(self, blobs: FilesystemBlobStore, most: int, patience: Patience = PATIENCE) -> None:
        self._blobs = blobs
        self._most = most
        self._patience = patience

    async def raw(self, chunks: AsyncIterator[bytes], name: str | None) -> list[Upload]:
        """Receive a body that is one file.

        Raises:
            BadUpload: it is too large, or does not arrive.
            TransientError: the disk does not take it for now.
        """
        with ExitStack() as open_files:
            file = _File(self._blobs, open_files, file_name(name), self._most)
            async for chunk in _timed(chunks, self._patience):
                await asyncio.to_thread(file.write, chunk)
            return [await asyncio.to_thread(file.finish)]

    async def multipart(self, chunks: AsyncIterator[bytes], content_type: str) -> list[Upload]:
        """Receive the files of a form; fields that are no files are passed over. Raises as `raw` does."""
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise BadUpload(400, "The request says multipart/form-data, and no boundary.")
        with ExitStack() as open_files:
            form = _Form(self._blobs, open_files, boundary, self._most)
            async for chunk in _timed(chunks, self._patience):
                await asyncio.to_thread(form.feed, chunk)
            return form.end()


async def _timed(chunks: AsyncIterator[bytes], patience: Patience) -> AsyncIterator[bytes]:
    waited, came = 0.0, 0  # not the time that the disk takes
    while True:
        left = patience.grace_seconds + came / patience.bytes_per_second - waited
        begin = monotonic()
        try:
            async with asyncio.timeout(min(patience.pause_seconds, left)):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise BadUpload(408, _why_late(patience, left)) from error
        waited += monotonic() - begin
        came += len(chunk)
        yield chunk


def _why_late(patience: Patience, left: float) -> str:
    if left < patience.pause_seconds:
        return f"The body came too slowly: less than {patience.bytes_per_second:,} bytes a second."
    return f"Nothing of the body came for {patience.pause_seconds:.0f} s."


class _File:
    """A file of the request on its way into the blob store."""

    def __init__(self, blobs: FilesystemBlobStore, open_files: ExitStack, name: str, most: int) -> None:
        self._blobs = blobs
        self._most = most
        self._name = name
        self._writer: BlobWriter = open_files.enter_context(blobs.writer())

    def write(self, chunk: bytes) -> None:
        if self._writer.size + len(chunk) > self._most:
            raise BadUpload(413, f"The file is larger than {self._most:,} bytes (DATELINE_MAX_FILE_BYTES).")
        if fault := self._blobs.fault(len(chunk)):
            raise TransientError(fault)
        self._writer.write(chunk)

    @property
    def is_empty(self) -> bool:
        return not self._writer.size

    def drop(self) -> None:
        self._writer.close()

    def finish(self) -> Upload:
        upload = Upload(self._name, self._writer.finish())
        self._writer.close()
        return upload


class _Form:
    """The parts of a form: what the parser calls back with, one part after the other."""

    def __init__(self, blobs: FilesystemBlobStore, open_files: ExitStack, boundary: bytes, most: int) -> None:
        self._blobs = blobs
        self._open_files = open_files
        self._most = most
        self._uploads: list[Upload] = []
        self._file: _File | None = None
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._is_unnamed = False
        self._other_bytes = 0
        self._begun, self._ended = False, False
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._on_data,
            "on_part_end": self._close,
            "on_end": self._end,
        }
        with _told_as_bad():
            self._parser = MultipartParser(boundary, callbacks)

    def feed(self, chunk: bytes) -> None:
        if self._ended:
            self._pass_over(len(chunk))
            return
        with _told_as_bad():
            self._parser.write(chunk)
        if not self._begun:
            self._pass_over(len(chunk))

    def end(self) -> list[Upload]:
        if not self._ended:
            raise BadUpload(400, "The form ends before its last boundary.")
        if not self._uploads:
            raise BadUpload(422, "There is no file in the form. Send one as `-F file=@NAME`.")
        return self._uploads

    def _begin(self) -> None:
        self._begun = True
        self._headers, self._field, self._value = {}, b"", b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename")
        if name is None:  # a field, not a file
            self._pass_over_headers()
            return
        if len(self._uploads) >= MOST_FILES:
            raise BadUpload(413, f"More than {MOST_FILES:,} files in one request; send several.")
        self._is_unnamed = not name
        said = name.decode("utf-8", "replace")
        self._file = _File(self._blobs, self._open_files, file_name(said), self._most)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])
        else:
            self._pass_over(end - start)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file and self._is_unnamed and file.is_empty:  # what a browser sends where no file was chosen
            file.drop()
            self._pass_over_headers()
        elif file:
            self._uploads.append(file.finish())

    def _end(self) -> None:
        self._ended = True

    def _pass_over_headers(self) -> None:
        self._pass_over(sum(len(field) + len(value) for field, value in self._headers.items()))

    def _pass_over(self, size: int) -> None:
        self._other_bytes += size
        if self._other_bytes > MOST_OTHER_BYTES:
            raise BadUpload(413, f"More than {MOST_OTHER_BYTES:,} bytes of the form are in no file.")


@contextmanager
def _told_as_bad() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # the parser's own errors are
        raise BadUpload(400, f"The form cannot be read: {error}") from error
