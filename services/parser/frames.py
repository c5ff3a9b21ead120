"""How the sandbox and its children speak: four bytes of length, big-endian, then that many bytes of JSON."""

import struct
from typing import Annotated, BinaryIO, Literal

from pydantic import Field, TypeAdapter

from shared.contracts import ParsedDocument
from shared.contracts.events import Value

#: Bytes of one frame, either way. A body at its limit of 4 million characters takes 16 MB.
MOST_FRAME_BYTES = 64 << 20
_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


class Request(Value):
    """Parse the file at `path`, which its sender calls `name`."""

    path: str
    name: str


class Ready(Value):
    """The child has loaded all it needs and waits for requests."""

    kind: Literal["ready"] = "ready"


class Parsed(Value):
    """The document that was in the file."""

    kind: Literal["parsed"] = "parsed"
    document: ParsedDocument


class Rejected(Value):
    """The file is at fault, and why."""

    kind: Literal["rejected"] = "rejected"
    reason: str


class Failed(Value):
    """The parser is at fault, and how; the child is not to be used again."""

    kind: Literal["failed"] = "failed"
    traceback: str


Reply = Annotated[Ready | Parsed | Rejected | Failed, Field(discriminator="kind")]
_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)


def packed(message: Value) -> bytes:
    """Return the message as a frame. Raises `ValueError` when it is over 64 MiB."""
    body = message.model_dump_json().encode()
    if len(body) > MOST_FRAME_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is over the limit of {MOST_FRAME_BYTES}")
    return _LENGTH.pack(len(body)) + body


def length_of(header: bytes) -> int:
    """Return how many bytes follow the header. Raises `ValueError` when they are over 64 MiB."""
    length = int(_LENGTH.unpack(header)[0])
    if length > MOST_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes is announced, over the limit of {MOST_FRAME_BYTES}")
    return length


def reply_in(body: bytes) -> Reply:
    """Return the child's reply. Raises `ValueError` when it is none: a child is trusted like a stranger."""
    return _REPLY.validate_json(body)


def read_request(stream: BinaryIO) -> Request | None:
    """Return the next request, or None when the parent has closed the stream."""
    header = stream.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    return Request.model_validate_json(stream.read(length_of(header)))
