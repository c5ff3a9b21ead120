"""An event as FastStream's binary message, and back."""

from faststream.redis.parser import BinaryMessageFormatV1

from shared.contracts import Event

#: The one field of an entry, as FastStream writes and reads it.
FIELD = b"__data__"
DOCUMENT_ID_HEADER = "document_id"


async def encode(event: Event) -> bytes:
    """Return the entry's body: JSON behind ASCII headers (FastStream miscounts the length of others)."""
    return await BinaryMessageFormatV1.encode(
        message=event.model_dump_json().encode(),
        reply_to=None,
        headers={"content-type": "application/json", DOCUMENT_ID_HEADER: event.document_id},
        correlation_id=event.document_id,
    )


def decode(body: bytes) -> bytes:
    """Return the JSON inside an entry's body."""
    return BinaryMessageFormatV1.parse(body)[0]
