"""A failed entry as `DocumentRejected`: with a reason for people, a traceback for us, and all a replay needs."""

import base64
import hashlib
import json
import traceback
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.contracts import Attempt, BlobRef, DocumentRejected, Source, StageTimes, Trace
from shared.errors import RejectedDocument
from shared.messaging.attempts import continued, sendable
from shared.messaging.envelope import FIELD, decode
from shared.messaging.take_over import Entry
from shared.streams import CONSUMER_GROUP, Stream

#: Of a trace that was read from a message.
_TRACE: TypeAdapter[tuple[Attempt, ...]] = TypeAdapter(Trace)


def rejection(
    stream: Stream, entry: Entry, error: BaseException, attempts: tuple[Attempt, ...] = ()
) -> DocumentRejected:
    """Describe the failure; of a message nobody can read, as much as can be made out. `attempts` are this stage's."""
    body = entry.fields.get(FIELD, b"")
    known = _readable_part(body)
    return DocumentRejected(
        # A message of which nobody can tell the document stands under its own id: the same one when it comes back.
        document_id=known.get("document_id") or hashlib.sha256(stream.encode() + body).hexdigest()[:32],
        sequence=known.get("sequence", 0),
        source=_part(Source, known.get("source")),
        content=_part(BlobRef, known.get("content")),
        times=_part(StageTimes, known.get("times")),
        trace=continued(_part(_TRACE, known.get("trace")) or (), attempts),
        stage=CONSUMER_GROUP[stream],
        reason=sendable(_reason(error))[:2_000],
        error="" if isinstance(error, RejectedDocument) else _traceback(error)[-20_000:],
        deliveries=entry.deliveries,
        rejected=datetime.now(UTC),
        stream=stream,
        message=base64.b64encode(body).decode("ascii"),
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, RejectedDocument):
        return str(error)
    if isinstance(error, ValidationError | UnicodeDecodeError | json.JSONDecodeError):
        return "The message about this document cannot be read; it is kept and can be replayed after an update."
    what = f"{type(error).__name__}: {_gist(str(error))}"
    return f"Dateline failed on this document ({what}); it can be replayed after an update."


def _gist(text: str) -> str:
    """Return the line that says what happened: of a traceback the last, else the first."""
    lines = text.strip().splitlines() or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0]


def _traceback(error: BaseException) -> str:
    return sendable("".join(traceback.format_exception(error)))


def _readable_part(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(decode(body))
        probe = DocumentRejected.model_validate(
            {
                "document_id": message["document_id"],
                "sequence": message["sequence"],
                "stage": "",
                "reason": "",
                "rejected": datetime.now(UTC),
            }
        )
    except (ValueError, KeyError, TypeError):
        return {}
    return {**message, "document_id": probe.document_id, "sequence": probe.sequence}


def _part(model: type[BaseModel] | TypeAdapter[Any], value: object) -> Any:
    try:
        # As JSON: a message has lists where a model has tuples.
        text = json.dumps(value)
        return model.validate_json(text) if isinstance(model, TypeAdapter) else model.model_validate_json(text)
    except ValidationError:
        return None
