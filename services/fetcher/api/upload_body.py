"""The files in a request's body, multipart (RFC 7578) or raw, into the blob store as they come: memory is bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from python_multipart.multipart import MultipartParser, parse_options_header

from services.fetcher.domain.file_names import file_name
from services.fetcher.uploads import Upload
from shared.blobs import BlobWriter, FilesystemBlobStore
from shared.errors import TransientError

#: Files in one request, and bytes of fields that are no files, at most; the parser itself bounds headers.
MOST_FILES, MOST_FIELD_BYTES = 1_000, 65_536
#: Seconds in which some more of the body must arrive.
CHUNK_SECONDS = 30.0


class BadUpload(Exception):  # noqa: N818  the sender's mistake, to be told
    """The request is not one that could be taken; says why, with the HTTP status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class UploadBody:
    """Receives the body of one request.

    Args:
        most: bytes a file may have.
    """

    def __init__(self, blobs: FilesystemBlobStore, most: int) -> None:
        self._blobs = blobs
        self._most = most

    async def raw(self, chunks: AsyncIterator[bytes], name: str | None) -> list[Upload]:
        """Receive a body that is one file.

        Raises:
            BadUpload: it is too large, or does not arrive.
            TransientError: the disk does not take it for now.
        """
        with ExitStack() as open_files:
            file = _File(self._blobs, open_files, file_name(name), self._most)
            async for chunk in _timed(chunks):
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
            async for chunk in _timed(chunks):
                await asyncio.to_thread(form.feed, chunk)
            return form.end()


async def _timed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(CHUNK_SECONDS):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise BadUpload(408, f"Nothing of the body came for {CHUNK_SECONDS:.0f} s.") from error
        yield chunk


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
        self._field_bytes = 0
        self._ended = False
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
        self._parser = MultipartParser(boundary, callbacks)

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except ValueError as error:  # the parser's own errors are
            raise BadUpload(400, f"The form cannot be read: {error}") from error

    def end(self) -> list[Upload]:
        if not self._ended:
            raise BadUpload(400, "The form ends before its last boundary.")
        if not self._uploads:
            raise BadUpload(422, "There is no file in the form. Send one as `-F file=@NAME`.")
        return self._uploads

    def _begin(self) -> None:
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
            return
        if len(self._uploads) >= MOST_FILES:
            raise BadUpload(413, f"More than {MOST_FILES:,} files in one request; send several.")
        said = name.decode("utf-8", "replace")
        self._file = _File(self._blobs, self._open_files, file_name(said), self._most)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > MOST_FIELD_BYTES:
            raise BadUpload(413, "The fields of the form that are no files are too large.")

    def _close(self) -> None:
        if self._file:
            self._uploads.append(self._file.finish())
            self._file = None

    def _end(self) -> None:
        self._ended = True
